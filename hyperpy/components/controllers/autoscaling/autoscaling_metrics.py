"""What metrics servers say of Pods and other things, read through the API: the one place that knows their wire forms.

    Resource, ContainerResource   metrics.k8s.io            of each Pod
    Pods, Object                  custom.metrics.k8s.io     of each Pod, of one object
    External                      external.metrics.k8s.io   series that have no object

Source: the references of the three APIs (k8s.io/metrics). Message texts are kube-controller-manager's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson

from hyperpy.api import errors, meta, quantity
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Client, Obj
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Sample

RESOURCE, CUSTOM, EXTERNAL = "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"
_CUSTOM_VERSIONS = ("v1beta2", "v1beta1")
#: Of a Pod's custom metric that does not say over how long it was taken.
_WINDOW_S = 60.0
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

KindOf = Callable[[str, str], Awaitable[Kind | None]]


class NoMetrics(Exception):
    """A metric could not be had; the message says of which API and why."""


class Metrics:
    """Reads metrics. Every method raises NoMetrics.

    Args:
        kind_of: finds the kind of an object that is measured.
    """

    def __init__(self, client: Client, kind_of: KindOf) -> None:
        self._client = client
        self._kind_of = kind_of

    async def resource(self, name: str, *, namespace: str, selector: str, container: str = "") -> Mapping[str, Sample]:
        """The use of a resource by Pod name: of the whole Pod, or of one container."""
        path = f"/apis/{RESOURCE}/v1beta1/namespaces/{namespace}/pods?labelSelector={selector}"
        items = await self._items(path, api="resource", what=f"pods.{RESOURCE}")
        found: dict[str, Sample] = {}
        for item in items:
            usage = _of_container(item, name, container) if container else _of_pod(item, name)
            if usage is not None:
                window_s = _seconds(item.get("window") or "0s")
                found[item["metadata"]["name"]] = Sample(usage, meta.parse_time(item["timestamp"]), window_s)
        return found

    async def of_pods(
        self, metric: str, *, namespace: str, selector: str, metric_selector: str
    ) -> Mapping[str, Sample]:
        """A custom metric by Pod name."""
        base = await self._custom()
        path = f"{base}/namespaces/{namespace}/pods/*/{_segment(metric)}?labelSelector={selector}"
        items = await self._items(path + _selecting(metric_selector, "&"), api="custom", what=f"pods.{CUSTOM}")
        return {item["describedObject"]["name"]: _custom_sample(item) for item in items}

    async def of_object(self, metric: str, *, namespace: str, described: Obj, metric_selector: str) -> int:
        """A custom metric of one object, in thousandths."""
        base = await self._custom()
        group = (described.get("apiVersion") or "").rpartition("/")[0]
        if described["kind"] == "Namespace" and not group:
            # Whatever name the reference has: nobody measures outside of the own namespace.
            path, what = f"{base}/namespaces/{namespace}/metrics/{_segment(metric)}", f"namespaces.{CUSTOM}"
        else:
            kind = await self._kind_of(described.get("apiVersion") or "v1", described["kind"])
            if kind is None:
                raise _unavailable("custom", f'no matches for kind "{described["kind"]}" in group "{group}"')
            place = f"{kind.qualified}/{_segment(described['name'])}/{_segment(metric)}"
            path, what = f"{base}/namespaces/{namespace}/{place}", f"{kind.plural}.{CUSTOM}"
        items = await self._items(path + _selecting(metric_selector, "?"), api="custom", what=what)
        return quantity.to_millis(items[0]["value"])

    async def external(self, metric: str, *, namespace: str, metric_selector: str) -> Sequence[int]:
        """The values of the series that are selected, in thousandths."""
        path = f"/apis/{EXTERNAL}/v1beta1/namespaces/{namespace}/{_segment(metric)}"
        path += f"?labelSelector={metric_selector}"
        items = await self._items(path, api="external", what=f"{metric}.{EXTERNAL}")
        return [quantity.to_millis(item["value"]) for item in items]

    async def _custom(self) -> str:
        """The path of the custom metrics API, in the best version that there is."""
        try:
            told = orjson.loads(await self._client.raw("GET", f"/apis/{CUSTOM}"))
        except errors.NotFound:
            raise _unavailable("custom", f"no custom metrics API ({CUSTOM}) registered") from None
        except (errors.StatusError, orjson.JSONDecodeError) as error:
            raise _unavailable("custom", str(error)) from error
        there = {each["version"] for each in told.get("versions") or ()}
        for version in _CUSTOM_VERSIONS:
            if version in there:
                return f"/apis/{CUSTOM}/{version}"
        raise _unavailable("custom", f"no custom metrics API ({CUSTOM}) registered")

    async def _items(self, path: str, *, api: str, what: str) -> list[Obj]:
        try:
            found = orjson.loads(await self._client.raw("GET", path))
        except (errors.StatusError, orjson.JSONDecodeError) as error:
            raise _unavailable(api, _why(error, what)) from error
        items: list[Obj] = found.get("items") or []
        if not items:
            raise NoMetrics(f"no metrics returned from {api} metrics API")
        return items


def _unavailable(api: str, why: str) -> NoMetrics:
    return NoMetrics(f"unable to fetch metrics from {api} metrics API: {why}")


def _why(error: Exception, what: str) -> str:
    if isinstance(error, errors.NotFound) and str(error).startswith("the server could not find the requested resource"):
        return f"the server could not find the requested resource (get {what})"
    if isinstance(error, errors.ServiceUnavailable):
        return f"the server is currently unable to handle the request (get {what})"
    return str(error)


def _segment(name: str) -> str:
    """A name as a part of a path; one that would end the path is no metric's."""
    if "?" in name or "/" in name:
        raise NoMetrics(f'"{name}" cannot be asked for: it holds "?" or "/"')
    return name


def _selecting(metric_selector: str, joint: str) -> str:
    return f"{joint}metricLabelSelector={metric_selector}" if metric_selector else ""


def _of_pod(item: Obj, resource: str) -> int | None:
    """The sum over the containers; None when one of them is not told of."""
    containers = item.get("containers") or ()
    used = [usage[resource] for each in containers if resource in (usage := each.get("usage") or {})]
    if not used or len(used) < len(containers):
        return None
    return sum(map(quantity.to_millis, used))


def _of_container(item: Obj, resource: str, name: str) -> int | None:
    for container in item.get("containers") or ():
        if container["name"] == name:
            used = (container.get("usage") or {}).get(resource)
            return None if used is None else quantity.to_millis(used)
    about = item["metadata"]
    place = f"{about.get('namespace', '')}/{about['name']}"
    raise NoMetrics(f"failed to get container metrics: container {name} not present in metrics for pod {place}")


def _custom_sample(item: Obj) -> Sample:
    window = item.get("windowSeconds", item.get("window"))  # the second in v1beta1
    window_s = _WINDOW_S if window is None else float(window)
    return Sample(quantity.to_millis(item["value"]), meta.parse_time(item["timestamp"]), window_s)


def _seconds(duration: str) -> float:
    """A duration as Go writes it: `30s`, `1m0.5s`."""
    return sum(float(number) * _UNITS_S[unit] for number, unit in _DURATION.findall(duration))
