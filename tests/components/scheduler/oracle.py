"""Scheduling written plainly, over whole lists and without any cache, to judge the real one by. Slow on purpose.

Knows CPU, the number of Pods, taints, cordons, node selectors, host ports, anti-affinity and topology spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Obj = dict[str, Any]
_SUM_OFFSET = 2**31


def cpu(pod: Obj) -> int:
    """Thousandths of a core."""
    text = pod["spec"]["containers"][0]["resources"]["requests"].get("cpu", "0m")
    return int(text.removesuffix("m"))


def host_ports(pod: Obj) -> set[int]:
    return {port["hostPort"] for port in pod["spec"]["containers"][0].get("ports", ())}


def on(node: Obj, pods: Sequence[Obj]) -> list[Obj]:
    return [pod for pod in pods if pod["spec"]["nodeName"] == node["metadata"]["name"]]


def fits(pod: Obj, node: Obj, nodes: Sequence[Obj], pods: Sequence[Obj]) -> bool:
    """Whether a Pod may run on a node, when `pods` are what there is."""
    here = on(node, pods)
    room = node["status"]["allocatable"]
    return (
        sum(map(cpu, here)) + cpu(pod) <= int(room["cpu"]) * 1000
        and len(here) < int(room["pods"])
        and not node["spec"].get("unschedulable")
        and all(_tolerates(pod, taint) for taint in node["spec"].get("taints", ()))
        and (pod["spec"].get("nodeSelector") or {}).items() <= node["metadata"]["labels"].items()
        and not any(host_ports(pod) & host_ports(other) for other in here)
        and not any(_keeps_away(pod, other) or _keeps_away(other, pod) for other in here)
        and all(_spread(pod, each, node, nodes, pods) for each in pod["spec"].get("topologySpreadConstraints", ()))
    )


def _tolerates(pod: Obj, taint: Obj) -> bool:
    return any(each["key"] == taint["key"] for each in pod["spec"].get("tolerations", ()))


def _keeps_away(pod: Obj, other: Obj) -> bool:
    """Anti-affinity between Pods of one node."""
    rules = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    return any(
        each["labelSelector"]["matchLabels"].items() <= other["metadata"]["labels"].items()
        for each in rules.get("requiredDuringSchedulingIgnoredDuringExecution", ())
    )


def _spread(pod: Obj, constraint: Obj, node: Obj, nodes: Sequence[Obj], pods: Sequence[Obj]) -> bool:
    wanted = constraint["labelSelector"]["matchLabels"].items()
    selector = (pod["spec"].get("nodeSelector") or {}).items()
    counts: dict[str, int] = {}
    for each in nodes:
        if selector <= each["metadata"]["labels"].items():
            zone = each["metadata"]["labels"]["zone"]
            matching = sum(wanted <= other["metadata"]["labels"].items() for other in on(each, pods))
            counts[zone] = counts.get(zone, 0) + matching
    itself = int(wanted <= pod["metadata"]["labels"].items())
    zone = node["metadata"]["labels"]["zone"]
    return counts.get(zone, 0) + itself - min(counts.values(), default=0) <= constraint["maxSkew"]


def victims(pod: Obj, node: Obj, nodes: Sequence[Obj], pods: Sequence[Obj], budgets: Sequence[Obj]) -> Any:
    """`(victims, budgets broken)` on a node, or None where none would help."""
    lesser = sorted((each for each in on(node, pods) if priority(each) < priority(pod)), key=_importance)
    there = [each for each in pods if each not in lesser]
    if not lesser or not fits(pod, node, nodes, there):
        return None
    left = [budget["status"]["disruptionsAllowed"] for budget in budgets]
    protected = []
    for each in lesser:
        broken = False
        for index, budget in enumerate(budgets):
            if budget["spec"]["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items():
                left[index] -= 1
                broken = broken or left[index] < 0
        if broken:
            protected.append(each)
    found = []
    for each in [*protected, *(each for each in lesser if each not in protected)]:
        if fits(pod, node, nodes, [*there, each]):
            there.append(each)
        else:
            found.append(each)
    return found, sum(each in protected for each in found)


def harm(found: Sequence[Obj], broken: int) -> tuple[float, ...]:
    """Smaller is better."""
    highest = max(map(priority, found))
    total = sum(priority(each) + _SUM_OFFSET for each in found)
    began = min(_began(each) for each in found if priority(each) == highest)
    return broken, highest, total, len(found), -began


def priority(pod: Obj) -> int:
    return int(pod["spec"].get("priority", 0))


def _importance(pod: Obj) -> tuple[float, ...]:
    return -priority(pod), _began(pod), int(pod["metadata"]["uid"])


def _began(pod: Obj) -> float:
    text = pod.get("status", {}).get("startTime")
    return float(text[17:19]) if text else math.inf
