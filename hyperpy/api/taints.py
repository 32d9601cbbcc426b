"""Taints of nodes and tolerations of Pods: which taint a Pod does not bear, and for how long it bears the others.

Source: Concepts, "Taints and Tolerations"; the API reference of Toleration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Obj = dict[str, Any]

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def of_node(node: Obj) -> list[Obj]:
    """The taints of a Node; one that was made without a spec has none."""
    return (node.get("spec") or {}).get("taints") or []


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether a toleration fits a taint. An empty key with Exists fits every key, an empty effect every effect."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    operator = toleration.get("operator") or "Equal"
    if toleration.get("key"):
        if toleration["key"] != taint["key"]:
            return False
    elif operator != "Exists":
        return False
    return operator == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(taints: Iterable[Obj], tolerations: Sequence[Obj], *, effects: Sequence[str]) -> Obj | None:
    """The first taint with one of the effects that no toleration fits, or None."""
    for taint in taints:
        if taint.get("effect") in effects and not any(tolerates(each, taint) for each in tolerations):
            return taint
    return None


def bears_s(taint: Obj, tolerations: Sequence[Obj]) -> float | None:
    """How long a Pod stays on a node with a NoExecute taint: seconds, 0 for not at all, None for ever.

    Of several tolerations that fit, the shortest time counts.
    """
    fitting = [each for each in tolerations if tolerates(each, taint)]
    if not fitting:
        return 0.0
    limits = [
        max(0.0, float(each["tolerationSeconds"])) for each in fitting if each.get("tolerationSeconds") is not None
    ]
    return min(limits, default=None)


def is_same(left: Obj, right: Obj) -> bool:
    """Whether two taints are one: key and effect name a taint. They need not be good ones."""
    return left.get("key") == right.get("key") and left.get("effect") == right.get("effect")
