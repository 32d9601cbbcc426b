"""What a Pod asks for and may use as a whole: its containers together, or itself where it says so. Pure.

Source: Concepts, "Resource Management for Pods and Containers", "Sidecar Containers" and "Pod Overhead".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api import pods, quantity

Obj = dict[str, Any]
ResourceList = dict[str, str]

REQUESTS, LIMITS = "requests", "limits"
_HUGE_PAGES = "hugepages-"


def requests(pod: Obj) -> ResourceList:
    """What the Pod asks for at its hungriest moment, with its overhead."""
    total = _whole(pod, REQUESTS)
    for name, amount in (pod["spec"].get("overhead") or {}).items():
        total[name] = quantity.add(total.get(name, "0"), amount)
    return total


def limits(pod: Obj) -> ResourceList:
    """What the Pod may use at most; overhead counts where there is a limit."""
    total = _whole(pod, LIMITS)
    for name, amount in (pod["spec"].get("overhead") or {}).items():
        if name in total:
            total[name] = quantity.add(total[name], amount)
    return total


def _whole(pod: Obj, side: str) -> ResourceList:
    total = of_containers(pod, side)
    for name, amount in ((pod["spec"].get("resources") or {}).get(side) or {}).items():
        if name in ("cpu", "memory") or name.startswith(_HUGE_PAGES):
            total[name] = amount
    return total


def of_containers(pod: Obj, side: str) -> ResourceList:
    """Main containers and sidecars together, or the hungriest init container with the sidecars before it."""
    spec = pod["spec"]
    actual = dict(_actual(pod, side)) if side == REQUESTS else {}
    total: ResourceList = {}
    beside: ResourceList = {}
    peak: ResourceList = {}
    for container in spec.get("containers") or ():
        _add(total, _of(container, side, actual))
    for container in spec.get("initContainers") or ():
        own = _of(container, side, actual)
        at_once = dict(beside)
        _add(at_once, own)
        if pods.is_sidecar(container):
            _add(total, own)
            beside = at_once
        _raise(peak, at_once)
    _raise(total, peak)
    return total


def _of(container: Obj, side: str, actual: Mapping[str, Mapping[str, str]]) -> ResourceList:
    own = dict((container.get("resources") or {}).get(side) or {})
    _raise(own, {name: amount for name, amount in actual.get(container.get("name") or "", {}).items() if name in own})
    return own


def _actual(pod: Obj, side: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What containers hold now, where a resize has not been carried out yet (KEP-1287)."""
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for each in status.get(field) or ():
            held = (each.get("resources") or {}).get(side)
            if held:
                yield each["name"], held


def _add(total: ResourceList, more: Mapping[str, str]) -> None:
    for name, amount in more.items():
        total[name] = quantity.add(total[name], amount) if name in total else quantity.canonical(amount)


def _raise(total: ResourceList, peak: Mapping[str, str]) -> None:
    for name, amount in peak.items():
        if name not in total or quantity.compare(amount, total[name]) > 0:
            total[name] = amount
