"""Servers of the three metrics APIs, as they stand behind APIServices, with values that tests set."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, labels, meta
from hyperpy.api.wire import Request
from hyperpy.client.protocol import Obj

from ..world import World


class MetricsServers:
    """Joins a world; nothing is served before a value is set.

    Args:
        usage: of each Pod, its containers' usage: `{"web-0": {"main": {"cpu": "100m"}}}`.
        custom: by path below the namespace, for example `pods/*/rate` or `services/front/queued`; a value, or a value
            for each Pod.
        external: by name of the metric, values by label: `{"queue": [({"q": "a"}, "5")]}`.
    """

    def __init__(self, world: World) -> None:
        self.usage: dict[str, dict[str, dict[str, str]]] = {}
        self.custom: dict[str, Any] = {}
        self.external: dict[str, list[tuple[dict[str, str], str]]] = {}
        self.asked: list[str] = []
        self._clock = world.clock
        self._labels: dict[str, dict[str, str]] = {}
        world.servers["/apis/metrics.k8s.io"] = self._resources
        world.servers["/apis/custom.metrics.k8s.io"] = self._custom
        world.servers["/apis/external.metrics.k8s.io"] = self._external

    def every(self, pods: list[Obj], *, cpu: str = "", **containers: dict[str, str]) -> None:
        """Give every Pod the same use."""
        used = containers or {"main": {"cpu": cpu}}
        self.usage = {pod["metadata"]["name"]: used for pod in pods}
        self._labels = {pod["metadata"]["name"]: pod["metadata"].get("labels") or {} for pod in pods}

    def _resources(self, request: Request) -> Obj:
        self.asked.append(request.path)
        if not self.usage:
            raise _nothing()
        selector = labels.parse(request.param("labelSelector"))
        items = [
            {
                "metadata": {"name": name, "namespace": "default"},
                "timestamp": meta.timestamp(self._clock.now()),
                "window": "30s",
                "containers": [{"name": each, "usage": usage} for each, usage in containers.items()],
            }
            for name, containers in self.usage.items()
            if selector.matches(self._labels.get(name))
        ]
        return {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items}

    def _custom(self, request: Request) -> Obj:
        self.asked.append(request.path)
        if not self.custom:
            raise _nothing()
        if request.path == "/apis/custom.metrics.k8s.io":
            return {"kind": "APIGroup", "versions": [{"version": "v1beta1"}, {"version": "v1beta2"}]}
        path = request.path.removeprefix("/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/")
        selector = request.param("metricLabelSelector")
        found = self.custom.get(f"{path}?{selector}" if selector else path)
        if found is None:
            raise errors.NotFound(f"the server could not find the metric {path.rpartition('/')[2]} for {path}")
        values = found if isinstance(found, dict) else {path.split("/")[-2]: found}
        items = [
            {
                "describedObject": {"name": name},
                "value": value,
                "timestamp": meta.timestamp(self._clock.now()),
                "windowSeconds": 60,
            }
            for name, value in values.items()
        ]
        return {"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "items": items}

    def _external(self, request: Request) -> Obj:
        self.asked.append(request.path)
        if not self.external:
            raise _nothing()
        name = request.path.rpartition("/")[2]
        selector = labels.parse(request.param("labelSelector"))
        items = [
            {"metricName": name, "metricLabels": own, "value": value, "timestamp": meta.timestamp(self._clock.now())}
            for own, value in self.external.get(name, ())
            if selector.matches(own)
        ]
        return {"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "items": items}


def _nothing() -> errors.NotFound:
    return errors.NotFound("the server could not find the requested resource")
