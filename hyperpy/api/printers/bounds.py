"""Rows of what scales, bounds and ranks workloads: autoscalers, budgets, quotas, limits, classes, devices."""

from __future__ import annotations

from typing import Any

from hyperpy.api import meta
from hyperpy.api.conversion import autoscaling
from hyperpy.api.printers.columns import AGE, NAME, NONE, UNKNOWN, UNSET, Column, Obj, Printer, count, number
from hyperpy.api.printers.durations import age

_SHOWN_METRICS = 2
_AUTOSCALER = (
    NAME,
    Column("Reference", "What is scaled."),
    Column("Targets", "What is measured, and what it should be."),
    Column("MinPods", "How many pods there are at least."),
    Column("MaxPods", "How many pods there are at most."),
    Column("Replicas", "How many pods there are."),
    AGE,
)
_BUDGET = (
    NAME,
    Column("Min Available", "How many pods must be available."),
    Column("Max Unavailable", "How many pods may be unavailable."),
    number("Allowed Disruptions", "How many pods may be evicted now."),
    AGE,
)
_QUOTA = (
    NAME,
    Column("Request", "What is used of what may be requested and made."),
    Column("Limit", "What is used of what limits may add up to."),
    AGE,
)
_LIMIT_RANGE = (NAME, Column("Created At", "When it was made.", type="date"))
_PRIORITY = (
    NAME,
    number("Value", "How important its pods are."),
    Column("Global-Default", "Whether pods without a class have it.", type="boolean"),
    AGE,
    Column("PreemptionPolicy", "Whether its pods push others away."),
)
_RUNTIME = (NAME, Column("Handler", "What runs its pods."), AGE)
_CLAIM = (NAME, Column("State", "Whether devices are allocated, and used."), AGE)
_SLICE = (
    NAME,
    Column("Node", "The node that has the devices."),
    Column("Driver", "The driver that offers them."),
    Column("Pool", "The pool they belong to."),
    AGE,
)


def _autoscaler(obj: Obj, now: float) -> list[Any]:
    if obj.get("apiVersion") == autoscaling.V1:
        obj = autoscaling.v2_of_v1(dict(obj))
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    target, least = spec.get("scaleTargetRef") or {}, spec.get("minReplicas")
    return [
        obj["metadata"].get("name", ""),
        f"{target.get('kind') or ''}/{target.get('name') or ''}",
        _targets(spec.get("metrics") or [], status.get("currentMetrics") or []),
        UNSET if least is None else str(least),
        spec.get("maxReplicas") or 0,
        count(status, "currentReplicas"),
        _age(obj, now),
    ]


def _targets(metrics: list[Obj], current: list[Obj]) -> str:
    if not metrics:
        return NONE
    texts = [_target(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(metrics)]
    shown = ", ".join(texts[:_SHOWN_METRICS])
    more = len(texts) - _SHOWN_METRICS
    return f"{shown} + {more} more..." if more > 0 else shown


def _target(metric: Obj, current: Obj) -> str:
    """`cpu: 20%/80%`, or what is known of it."""
    field = {
        "External": "external", "Pods": "pods", "Object": "object", "Resource": "resource",
        "ContainerResource": "containerResource",
    }.get(metric.get("type") or "")  # fmt: skip
    if field is None:
        return "<unknown type>"
    source, wanted = metric.get(field) or {}, (metric.get(field) or {}).get("target") or {}
    value = (current.get(field) or {}).get("current") or {}
    if field in ("resource", "containerResource"):
        if wanted.get("averageValue") is not None:
            return f"{source.get('name')}: {value.get('averageValue') or UNKNOWN}/{wanted['averageValue']}"
        return f"{source.get('name')}: {_share(value, UNKNOWN)}/{_share(wanted, '<auto>')}"
    if wanted.get("averageValue") is not None:
        text = f"{value.get('averageValue') or UNKNOWN}/{wanted['averageValue']}"
        return text if field == "pods" else f"{text} (avg)"
    return f"{value.get('value') or UNKNOWN}/{wanted.get('value')}"


def _share(values: Obj, otherwise: str) -> str:
    share = values.get("averageUtilization")
    return otherwise if share is None else f"{share}%"


def _budget(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    bounds = ["N/A" if spec.get(field) is None else str(spec[field]) for field in ("minAvailable", "maxUnavailable")]
    allowed = count(obj.get("status"), "disruptionsAllowed")
    return [obj["metadata"].get("name", ""), *bounds, allowed, _age(obj, now)]


def _quota(obj: Obj, now: float) -> list[Any]:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    texts: dict[bool, list[str]] = {False: [], True: []}
    for name in sorted(hard):
        texts[name.startswith("limits.")].append(f"{name}: {used.get(name) or '0'}/{hard[name]}")
    return [obj["metadata"].get("name", ""), ", ".join(texts[False]), ", ".join(texts[True]), _age(obj, now)]


def _limit_range(obj: Obj, now: float) -> list[Any]:
    return [obj["metadata"].get("name", ""), obj["metadata"].get("creationTimestamp") or ""]


def _priority(obj: Obj, now: float) -> list[Any]:
    policy = obj.get("preemptionPolicy")
    return [
        obj["metadata"].get("name", ""),
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        _age(obj, now),
        UNSET if policy is None else policy,
    ]


def _runtime(obj: Obj, now: float) -> list[Any]:
    return [obj["metadata"].get("name", ""), obj.get("handler") or "", _age(obj, now)]


def _claim(obj: Obj, now: float) -> list[Any]:
    status = obj.get("status") or {}
    states = ["deleted"] if meta.is_deleting(dict(obj)) else []
    if status.get("allocation") is not None:
        states.append("allocated")
        states += ["reserved"] if status.get("reservedFor") else []
    elif not states:
        states.append("pending")
    return [obj["metadata"].get("name", ""), ",".join(states), _age(obj, now)]


def _slice(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    pool = (spec.get("pool") or {}).get("name") or ""
    node = spec.get("nodeName")
    return [
        obj["metadata"].get("name", ""),
        UNSET if node is None else node,
        spec.get("driver") or "",
        pool,
        _age(obj, now),
    ]


def _age(obj: Obj, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now=now)


PRINTERS = {
    ("autoscaling", "horizontalpodautoscalers"): Printer(_AUTOSCALER, _autoscaler),
    ("policy", "poddisruptionbudgets"): Printer(_BUDGET, _budget),
    ("", "resourcequotas"): Printer(_QUOTA, _quota),
    ("", "limitranges"): Printer(_LIMIT_RANGE, _limit_range),
    ("scheduling.k8s.io", "priorityclasses"): Printer(_PRIORITY, _priority),
    ("node.k8s.io", "runtimeclasses"): Printer(_RUNTIME, _runtime),
    ("resource.k8s.io", "resourceclaims"): Printer(_CLAIM, _claim),
    ("resource.k8s.io", "resourceslices"): Printer(_SLICE, _slice),
}
