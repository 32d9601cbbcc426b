"""What a Pod asks of a Node and what a Node has to give, as integers. Pure.

Source: the API reference of Pod (resources, init containers, overhead) and KEP-753 (restartable init containers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hyperpy.api import quantity

Obj = Mapping[str, Any]
#: Resource name to amount: cpu in thousandths of a core, everything else in whole units (bytes, devices).
Amounts = dict[str, int]

CPU, MEMORY, PODS = "cpu", "memory", "pods"
#: What a container without a request counts as when nodes are compared (not when they are filtered).
DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_BYTES = 100, 200 * 1024 * 1024


def amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    """Quantities as integers, rounded up."""
    return {
        name: quantity.to_millis(value) if name == CPU else quantity.to_int(value)
        for name, value in (quantities or {}).items()
    }


def pod_requests(pod: Obj, *, with_defaults: bool = False) -> Amounts:
    """What a Pod needs at once: its containers and sidecars together, or its hungriest init step, and the overhead.

    Args:
        with_defaults: containers without a request count as a small one.
    """
    spec = pod["spec"]
    total = _sum(_requests(container, with_defaults) for container in spec.get("containers") or ())
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        needs = _requests(container, with_defaults)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, needs))
            peak = _max(peak, sidecars)
        else:
            peak = _max(peak, _sum((sidecars, needs)))
    total = _max(_sum((total, sidecars)), peak)
    return _sum((total, amounts(spec.get("overhead"))))


def _requests(container: Obj, with_defaults: bool) -> Amounts:
    asked = amounts((container.get("resources") or {}).get("requests"))
    if with_defaults:
        asked.setdefault(CPU, DEFAULT_CPU_MILLIS)
        asked.setdefault(MEMORY, DEFAULT_MEMORY_BYTES)
    return asked


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total


def _max(left: Amounts, right: Amounts) -> Amounts:
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in {*left, *right}}
