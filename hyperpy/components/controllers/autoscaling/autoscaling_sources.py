"""The metrics of an autoscaler one by one: read, counted, and told as its status and its events have them.

Source: Concepts, "Horizontal Pod Autoscaling", "Support for resource metrics". Texts are kube-controller-manager's.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import labels, quantity
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.autoscaling import autoscaling_pods
from hyperpy.components.controllers.autoscaling.autoscaling_metrics import Metrics, NoMetrics
from hyperpy.components.controllers.autoscaling.autoscaling_plan import Failure, Outcome, Proposal
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Count, Scene, Uncomputable
from hyperpy.components.controllers.upkeep.selector_text import spelled

_WHOLE, _AVERAGE = "value", "averageValue"
_NO_TARGET = "invalid {} metric source: neither a value target nor an average value target was set"


class Sources:
    """Asks for the metrics of autoscalers."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def outcomes(self, hpa: Obj, scene: Scene, *, selector: str) -> Sequence[Outcome]:
        """One for each of the autoscaler's metrics, in their order.

        Args:
            selector: of the target's Pods, as text.
        """
        namespace = hpa["metadata"]["namespace"]
        return [
            await self._outcome(metric, scene, namespace=namespace, selector=selector)
            for metric in hpa["spec"].get("metrics") or ()
        ]

    async def _outcome(self, metric: Obj, scene: Scene, *, namespace: str, selector: str) -> Outcome:
        match metric["type"]:
            case "Resource":
                return await self._resource(metric["resource"], scene, namespace=namespace, selector=selector)
            case "ContainerResource":
                source = metric["containerResource"]
                return await self._resource(source, scene, namespace=namespace, selector=selector)
            case "Pods":
                return await self._pods(metric["pods"], scene, namespace=namespace, selector=selector)
            case "Object":
                return await self._object(metric["object"], scene, namespace=namespace)
            case "External":
                return await self._external(metric["external"], scene, namespace=namespace)
        text = f'unknown metric source type "{metric["type"]}"'
        return Failure("InvalidMetricSourceType", text, "")

    async def _resource(self, source: Obj, scene: Scene, *, namespace: str, selector: str) -> Outcome:
        name, target, container = source["name"], source["target"], source.get("container") or ""
        raw = target.get("averageValue")
        try:
            try:
                samples = await self._metrics.resource(
                    name, namespace=namespace, selector=selector, container=container
                )
            except NoMetrics as error:
                raise Uncomputable(f"unable to get metrics for resource {name}: {error}") from error
            if raw is not None:
                count = autoscaling_pods.by_average(scene, samples, target=quantity.to_millis(raw), resource=name)
            else:
                share = target["averageUtilization"]
                count = autoscaling_pods.by_utilization(
                    scene, samples, resource=name, container=container, target=share
                )
        except Uncomputable as error:
            message = f"failed to get {name} {'utilization' if raw is None else 'usage'}: {error}"
            if container:
                where = f"failed to get {container} container metric value: "
                return Failure("FailedGetContainerResourceMetric", message, where)
            return Failure("FailedGetResourceMetric", message, f"failed to get {name} resource metric value: ")
        return _told_of_resource(source, count)

    async def _pods(self, source: Obj, scene: Scene, *, namespace: str, selector: str) -> Outcome:
        metric = source["metric"]
        try:
            samples = await self._metrics.of_pods(
                metric["name"], namespace=namespace, selector=selector, metric_selector=_selecting(metric)
            )
            target = quantity.to_millis(source["target"]["averageValue"])
            count = autoscaling_pods.by_average(scene, samples, target=target)
        except NoMetrics as error:
            message = f"unable to get metric {metric['name']}: {error}"
            return Failure("FailedGetPodsMetric", message, "failed to get pods metric value: ")
        except (Uncomputable, ValueError) as error:
            return Failure("FailedGetPodsMetric", str(error), "failed to get pods metric value: ")
        status = {"type": "Pods", "pods": {"metric": metric, "current": {"averageValue": _amount(count.value)}}}
        return Proposal(count.replicas, f"pods metric {metric['name']}", status)

    async def _object(self, source: Obj, scene: Scene, *, namespace: str) -> Outcome:
        metric, described = source["metric"], source["describedObject"]
        field = _field_of_object(source["target"])
        where = "failed to get object metric value: "
        if not field:
            return Failure("FailedGetObjectMetric", _NO_TARGET.format("object"), where)
        if field == _AVERAGE:
            where += f"failed to get {metric['name']} object metric: "
        try:
            usage = await self._metrics.of_object(
                metric["name"], namespace=namespace, described=described, metric_selector=_selecting(metric)
            )
            count = _shared(scene, usage, source["target"], field)
        except NoMetrics as error:
            place = f"{described['kind']} {namespace}/{described['name']}"
            message = f"unable to get metric {metric['name']} on {place}: {error}"
            return Failure("FailedGetObjectMetric", message, where)
        except (Uncomputable, ValueError) as error:
            return Failure("FailedGetObjectMetric", str(error), where)
        current = {field: _amount(count.value)}
        status = {"type": "Object", "object": {"describedObject": described, "metric": metric, "current": current}}
        if field == _AVERAGE:
            return Proposal(count.replicas, f"external metric {metric['name']}({_spelled(metric)})", status)
        return Proposal(count.replicas, f"{described['kind']} metric {metric['name']}", status)

    async def _external(self, source: Obj, scene: Scene, *, namespace: str) -> Outcome:
        metric = source["metric"]
        name, field = metric["name"], _field_of_external(source["target"])
        if not field:
            where = f"failed to get {name} external metric value: "
            return Failure("FailedGetExternalMetric", _NO_TARGET.format("external"), where)
        about = f"external metric {name}" if field == _WHOLE else f"{name} external metric"
        where = f"failed to get {name} external metric value: failed to get {about}: "
        try:
            values = await self._metrics.external(name, namespace=namespace, metric_selector=_selecting(metric))
            count = _shared(scene, sum(values), source["target"], field)
        except NoMetrics as error:
            message = f"unable to get external metric {namespace}/{name}/{_spelled(metric)}: {error}"
            return Failure("FailedGetExternalMetric", message, where)
        except (Uncomputable, ValueError) as error:
            return Failure("FailedGetExternalMetric", str(error), where)
        current = {field: _amount(count.value)}
        status = {"type": "External", "external": {"metric": metric, "current": current}}
        return Proposal(count.replicas, f"external metric {name}({_spelled(metric)})", status)


def _told_of_resource(source: Obj, count: Count) -> Proposal:
    current: Obj = {"averageValue": _amount(count.value)}
    kind = "container resource" if source.get("container") else "resource"
    name = f"{source['name']} resource"
    if count.utilization is not None:
        current["averageUtilization"] = count.utilization
        name = f"{source['name']} {kind} utilization (percentage of request)"
    told = {"name": source["name"], "current": current}
    if not source.get("container"):
        return Proposal(count.replicas, name, {"type": "Resource", "resource": told})
    told["container"] = source["container"]
    return Proposal(count.replicas, name, {"type": "ContainerResource", "containerResource": told})


def _shared(scene: Scene, usage: int, target: Obj, field: str) -> Count:
    wanted = quantity.to_millis(target[field])
    if field == _AVERAGE:
        return autoscaling_pods.by_part(scene, usage, target=wanted)
    return autoscaling_pods.by_whole(scene, usage, target=wanted)


def _field_of_object(target: Obj) -> str:
    """The field of a target that counts: what its type says, if that is there; else ""."""
    field = {"Value": _WHOLE, "AverageValue": _AVERAGE}.get(target["type"], "")
    return field if target.get(field) is not None else ""


def _field_of_external(target: Obj) -> str:
    """The field of a target that counts: whichever is there."""
    return next((field for field in (_AVERAGE, _WHOLE) if target.get(field) is not None), "")


def _selecting(metric: Obj) -> str:
    """The metric's own selector as text; "" where it has none. Raises ValueError."""
    selector = metric.get("selector")
    return "" if selector is None else str(labels.from_selector(selector))


def _spelled(metric: Obj) -> str:
    return spelled(metric.get("selector"))


def _amount(millis: int) -> str:
    return quantity.from_millis(millis)
