"""Rules of PodDisruptionBudgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import conditions, rules, shares
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_UNHEALTHY = ("AlwaysAllow", "IfHealthyBudget")
_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def budget(obj: Obj) -> Iterator[Cause]:
    """A PodDisruptionBudget, new or changed."""
    spec = obj.get("spec") or {}
    bounds = [field for field in ("minAvailable", "maxUnavailable") if spec.get(field) is not None]
    if len(bounds) == 2:
        yield cause.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for field in bounds:
        yield from shares.not_negative(f"spec.{field}", spec[field])
        yield from shares.not_over_all(f"spec.{field}", spec[field])
    yield from rules.label_selector("spec.selector", spec.get("selector"))
    unhealthy = spec.get("unhealthyPodEvictionPolicy")
    if unhealthy is not None and unhealthy not in _UNHEALTHY:
        yield cause.not_supported("spec.unhealthyPodEvictionPolicy", unhealthy, _UNHEALTHY)


def budget_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write."""
    status = new.get("status") or {}
    yield from conditions.check(status.get("conditions") or (), "status.conditions")
    yield from rules.not_negative(status, "status", *_COUNTS)


RULES = {("policy", "PodDisruptionBudget"): Rules(budget, status=budget_status)}
