"""The QoS class of a Pod: Guaranteed, Burstable or BestEffort. Pure.

Source: Tasks, "Configure Quality of Service for Pods"; for resources of the Pod as a whole KEP-2837.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hyperpy.api import quantity

Obj = dict[str, Any]

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_COUNTED = ("cpu", "memory")


def qos_class(pod: Obj) -> str:
    """By the CPU and memory of the Pod where it names its own, else of every container."""
    spec = pod.get("spec") or {}
    holders = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    if _amounts(spec, "requests") or _amounts(spec, "limits"):
        holders = [spec]
    pairs = [(_amounts(holder, "requests"), _amounts(holder, "limits")) for holder in holders]
    if not any(requests or limits for requests, limits in pairs):
        return BEST_EFFORT
    whole = all(limits.keys() == set(_COUNTED) and {**limits, **requests} == limits for requests, limits in pairs)
    return GUARANTEED if whole else BURSTABLE


def _amounts(holder: Mapping[str, Any], side: str) -> dict[str, Decimal]:
    """The counted resources that are more than zero; what is no quantity is left to validation."""
    listed = (holder.get("resources") or {}).get(side) or {}
    found = {name: _parsed(listed[name]) for name in _COUNTED if name in listed}
    return {name: amount for name, amount in found.items() if amount > 0}


def _parsed(amount: str) -> Decimal:
    try:
        return quantity.parse(amount)
    except ValueError:
        return Decimal(0)
