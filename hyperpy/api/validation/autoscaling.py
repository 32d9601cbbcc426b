"""Rules of HorizontalPodAutoscalers, judged in the form of autoscaling/v2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import quantity
from hyperpy.api.conversion import autoscaling as conversion
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, resources, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_MAX_PERIOD_S, _MAX_WINDOW_S = 1800, 3600
_SELECT = ("Disabled", "Max", "Min")
_POLICIES = ("Percent", "Pods")
_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
#: type -> the field that describes it, in the order in which they are looked at.
_FIELDS = {
    "Object": "object", "External": "external", "Pods": "pods", "Resource": "resource",
    "ContainerResource": "containerResource",
}  # fmt: skip
_TARGETS = ("Utilization", "Value", "AverageValue")


def autoscaler(obj: Obj) -> Iterator[Cause]:
    """A new HorizontalPodAutoscaler."""
    yield from _whole(obj, least=1)


def autoscaler_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed HorizontalPodAutoscaler."""
    yield from _whole(new, least=0 if (old.get("spec") or {}).get("minReplicas") == 0 else 1)


def autoscaler_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write."""
    yield from rules.not_negative(new.get("status") or {}, "status", "currentReplicas", "desiredReplicas")


def object_reference(reference: Obj, path: str) -> Iterator[Cause]:
    """What is scaled or measured."""
    for field in ("kind", "name"):
        yield from rules.required(f"{path}.{field}", reference.get(field), formats.path_segment)


def _whole(obj: Obj, *, least: int) -> Iterator[Cause]:
    if obj.get("apiVersion") == conversion.V1:
        obj = conversion.v2_of_v1(obj)
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < least:
        yield cause.invalid("spec.minReplicas", low, f"must be greater than or equal to {least}")
    if high < 1:
        yield cause.invalid("spec.maxReplicas", high, "must be greater than 0")
    if low is not None and high < low:
        yield cause.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    yield from object_reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    metrics = spec.get("metrics") or ()
    for i, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{i}]")
    if low == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield cause.forbidden("spec.metrics", text)
    for direction in ("scaleUp", "scaleDown"):
        given = (spec.get("behavior") or {}).get(direction)
        if given is not None:
            yield from _scaling(given, f"spec.behavior.{direction}")


def _scaling(given: Obj, path: str) -> Iterator[Cause]:
    window, select, policies = given.get("stabilizationWindowSeconds"), given.get("selectPolicy"), given.get("policies")
    tolerance = given.get("tolerance")
    if window is not None and window < 0:
        yield cause.invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window is not None and window > _MAX_WINDOW_S:
        text = f"must be less than or equal to {_MAX_WINDOW_S}"
        yield cause.invalid(f"{path}.stabilizationWindowSeconds", window, text)
    if select is not None and select not in _SELECT:
        yield cause.not_supported(f"{path}.selectPolicy", select, _SELECT)
    if tolerance is not None and quantity.parse(tolerance) < 0:
        yield cause.invalid(f"{path}.tolerance", quantity.canonical(tolerance), rules.NEGATIVE)
    if not policies:
        yield cause.required(f"{path}.policies", "must specify at least one Policy")
    for i, policy in enumerate(policies or ()):
        place, period = f"{path}.policies[{i}]", policy.get("periodSeconds") or 0
        if policy.get("type") not in _POLICIES:
            yield cause.not_supported(f"{place}.type", policy.get("type") or "", _POLICIES)
        for field in ("value", "periodSeconds"):
            if (policy.get(field) or 0) <= 0:
                yield cause.invalid(f"{place}.{field}", policy.get(field) or 0, rules.NOT_POSITIVE)
        if period > _MAX_PERIOD_S:
            yield cause.invalid(f"{place}.periodSeconds", period, f"must be less than or equal to {_MAX_PERIOD_S}")


def _metric(metric: Obj, path: str) -> Iterator[Cause]:
    kind = metric.get("type") or ""
    if not kind:
        yield cause.required(f"{path}.type", "must specify a metric source type")
    if kind not in _TYPES:
        yield cause.not_supported(f"{path}.type", kind, _TYPES)
    given = [field for field in _FIELDS.values() if metric.get(field) is not None]
    if given:
        yield from _source(metric[given[0]], f"{path}.{given[0]}", given[0])
    expected = _FIELDS.get(kind)
    if expected and expected not in given:
        yield cause.required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(given) != 1:
        for field in given:
            if field != expected:
                yield cause.forbidden(f"{path}.{field}", "must populate the given metric source only")


def _source(source: Obj, path: str, field: str) -> Iterator[Cause]:
    target = source.get("target") or {}
    value, average, share = target.get("value"), target.get("averageValue"), target.get("averageUtilization")
    if field == "object":
        yield from object_reference(source.get("describedObject") or {}, f"{path}.describedObject")
    if field in ("resource", "containerResource"):
        yield from _resource(source, path, of_container=field == "containerResource")
    else:
        name = (source.get("metric") or {}).get("name")
        if not name:
            yield cause.required(f"{path}.metric.name", "must specify a metric name")
        else:
            yield from rules.formed(f"{path}.metric.name", name, formats.path_segment)
    yield from _target(target, f"{path}.target")
    match field:
        case "object" if value is None and average is None:
            yield cause.required(f"{path}.target.averageValue", "must set either a target value or averageValue")
        case "pods" if average is None:
            yield cause.required(f"{path}.target.averageValue", "must specify a positive target averageValue")
        case "external" if value is None and average is None:
            text = "must set either a target value for metric or a per-pod target"
            yield cause.required(f"{path}.target.averageValue", text)
        case "external" if value is not None and average is not None:
            text = "may not set both a target value for metric and a per-pod target"
            yield cause.forbidden(f"{path}.target.value", text)
        case "resource" | "containerResource" if share is None and average is None:
            text = "must set either a target raw value or a target utilization"
            yield cause.required(f"{path}.target.averageUtilization", text)
        case "resource" | "containerResource" if share is not None and average is not None:
            text = "may not set both a target raw value and a target utilization"
            yield cause.forbidden(f"{path}.target.averageValue", text)


def _resource(source: Obj, path: str, *, of_container: bool) -> Iterator[Cause]:
    if not source.get("name"):
        yield cause.required(f"{path}.name", "must specify a resource name")
    elif of_container:
        yield from resources.container_name(source["name"], f"{path}.name")
    if not of_container:
        return
    if not source.get("container"):
        yield cause.required(f"{path}.container", "must specify a container")
    else:
        yield from rules.formed(f"{path}.container", source["container"], formats.dns_label)


def _target(target: Obj, path: str) -> Iterator[Cause]:
    kind, share = target.get("type") or "", target.get("averageUtilization")
    if not kind:
        yield cause.required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        yield cause.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        if target.get(field) is not None and quantity.parse(target[field]) <= 0:
            yield cause.invalid(f"{path}.{field}", target[field], "must be positive")
    if share is not None and share < 1:
        yield cause.invalid(f"{path}.averageUtilization", share, "must be greater than 0")


RULES = {
    ("autoscaling", "HorizontalPodAutoscaler"): Rules(autoscaler, autoscaler_update, autoscaler_status, whole=False)
}
