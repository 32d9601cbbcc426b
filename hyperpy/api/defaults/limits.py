"""Defaults of what bounds a namespace: ResourceQuota and LimitRange; and of PodDisruptionBudget and PriorityClass."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import resources, zeros

Obj = dict[str, Any]

_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def resource_quota(obj: Obj) -> None:
    """Amounts to thousandths."""
    resources.round_up((obj.get("spec") or {}).get("hard"))
    for name in ("hard", "used"):
        resources.round_up((obj.get("status") or {}).get(name))


def limit_range(obj: Obj) -> None:
    """What a container gets that says nothing: the most, then as much as its limit, then the least."""
    for item in (obj.get("spec") or {}).get("limits") or ():
        for name in _AMOUNTS:
            resources.round_up(item.get(name))
        if item.get("type") != "Container":
            continue
        limit, request = item.get("default") or {}, item.get("defaultRequest") or {}
        for name, amount in (item.get("max") or {}).items():
            limit.setdefault(name, amount)
        for name, amount in (*limit.items(), *(item.get("min") or {}).items()):
            request.setdefault(name, amount)
        for field, amounts in (("default", limit), ("defaultRequest", request)):
            if amounts:
                item[field] = amounts


def pod_disruption_budget(obj: Obj) -> None:
    """Nothing may be disrupted before the controller has counted."""
    zeros.fill(obj, "currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")


def priority_class(obj: Obj) -> None:
    """Lower priorities give way."""
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def runtime_class(obj: Obj) -> None:
    """Amounts to thousandths."""
    resources.round_up((obj.get("overhead") or {}).get("podFixed"))


DEFAULTS = {
    ("", "ResourceQuota"): resource_quota,
    ("", "LimitRange"): limit_range,
    ("policy", "PodDisruptionBudget"): pod_disruption_budget,
    ("scheduling.k8s.io", "PriorityClass"): priority_class,
    ("node.k8s.io", "RuntimeClass"): runtime_class,
}
