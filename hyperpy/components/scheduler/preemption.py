"""Preemption: whose Pods have to go, and on which node, so that a more important Pod gets room. Pure.

On a node all less important Pods are supposed gone; when the Pod fits then, they are taken back one by one, the most
important first, as long as it still fits; first those whose going would break a PodDisruptionBudget. Who remains is a
victim. Of the nodes looked at, the one that hurts least is taken. Source of the rules: Concepts, "Pod Priority and
Preemption", and kube-scheduler's DefaultPreemption.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hyperpy.api import labels, meta
from hyperpy.api.labels import Selector
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.framework import Failure, Rejection, Trial
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

#: Candidates to choose from: so many, or this share of the nodes where a preemption could help, whichever is more.
CANDIDATES_AT_LEAST = 100
CANDIDATES_PERCENT = 10
#: Added to each priority in a sum, so that none is negative and more victims never count for less.
_ABOVE_ALL = 2**31

_NOBODY = Rejection("DefaultPreemption", ("No preemption victims found for incoming pod",), preemptable=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node where the Pod would fit.

    Args:
        victims: the Pods that would have to go, the most important first.
        violations: how many of them a budget protects.
    """

    node: str
    victims: tuple[PodInfo, ...]
    violations: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a PodDisruptionBudget allows. Pods in `disrupted` have been counted already."""

    namespace: str
    selector: Selector
    allowed: int
    disrupted: frozenset[str]


def budget(obj: Obj) -> Budget | None:
    """Read a PodDisruptionBudget; None when it protects nobody."""
    try:
        selector = labels.from_selector((obj.get("spec") or {}).get("selector"))
    except ValueError:
        return None
    if selector.nothing or not selector.requirements:
        return None
    status = obj.get("status") or {}
    return Budget(
        obj["metadata"]["namespace"],
        selector,
        int(status.get("disruptionsAllowed") or 0),
        frozenset(status.get("disruptedPods") or ()),
    )


def not_eligible(pod: PodInfo, failure: Failure) -> str:
    """Why the Pod may not preempt others now, or ""."""
    if pod.spec.get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    cluster = failure.cluster
    promised = cluster.nominations.node_of(pod.uid)
    if promised is None:
        return ""
    rejection = failure.rejected.get(promised)
    if rejection is None or not rejection.preemptable:
        return ""
    node = cluster.node(promised)
    leaving = node is not None and any(
        other.priority < pod.priority and _preempted(other) for other in node.pods.values()
    )
    if leaving or cluster.nominations.awaits(pod.uid):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def candidates(
    pod: PodInfo, failure: Failure, *, at_least: int = CANDIDATES_AT_LEAST, percent: int = CANDIDATES_PERCENT
) -> tuple[list[Candidate], dict[str, Rejection]]:
    """Nodes where victims make room, as many as are worth comparing; and why the others that were tried do not.

    Args:
        at_least, percent: enough candidates: so many, or this share of the nodes where it could help.
    """
    worth_trying = [name for name, rejection in failure.rejected.items() if rejection.preemptable]
    wanted = max(at_least, len(worth_trying) * percent // 100)
    budgets = [each for each in map(budget, failure.budgets) if each is not None]
    found: list[Candidate] = []
    useless: dict[str, Rejection] = {}
    gentle = False
    for index in range(len(worth_trying)):
        node = failure.cluster.node(worth_trying[(failure.offset + index) % len(worth_trying)])
        if node is None:
            continue
        outcome = on_node(pod, node, failure, budgets)
        if isinstance(outcome, Rejection):
            useless[node.name] = outcome
            continue
        found.append(outcome)
        gentle = gentle or not outcome.violations
        if gentle and len(found) >= wanted:
            break
    return found, useless


def on_node(pod: PodInfo, node: NodeInfo, failure: Failure, budgets: Sequence[Budget]) -> Candidate | Rejection:
    """The victims on one node, or why none would help."""
    if min(node.priorities, default=pod.priority) >= pod.priority:
        return _NOBODY
    lesser = sorted((each for each in node.pods.values() if each.priority < pod.priority), key=importance)
    with failure.trial(node) as trial:
        for each in lesser:
            trial.remove(each)
        rejection = trial.check()
        if rejection is not None:
            return rejection
        protected, free = _by_budget(lesser, budgets)
        broken = _unspared(protected, trial)
        victims = sorted([*broken, *_unspared(free, trial)], key=importance)
    if not victims:
        return _NOBODY
    return Candidate(node.name, tuple(victims), len(broken))


def least_harm(found: Iterable[Candidate]) -> Candidate:
    """The candidate to take: fewest budgets broken, then the least important most important victim, then the smallest
    sum of priorities, then the fewest victims, then those that began last, then the first."""
    return min(found, key=_harm)


def importance(pod: PodInfo) -> tuple[int, float, str]:
    """Sorts the most important Pod first: by priority, then by how long it has been running."""
    return -pod.priority, started(pod), pod.uid


def started(pod: PodInfo) -> float:
    """When it began (seconds since the epoch); one that has not is the youngest of all."""
    text = (pod.obj.get("status") or {}).get("startTime")
    return meta.parse_time(text) if text else math.inf


def _harm(candidate: Candidate) -> tuple[int, int, int, int, float]:
    victims = candidate.victims
    highest = max(each.priority for each in victims)
    earliest = min(started(each) for each in victims if each.priority == highest)
    total = sum(each.priority + _ABOVE_ALL for each in victims)
    return candidate.violations, highest, total, len(victims), -earliest


def _unspared(pods: Iterable[PodInfo], trial: Trial) -> list[PodInfo]:
    """Take each back if the Pod still fits then; the others."""
    victims = []
    for each in pods:
        trial.put_back(each)
        if trial.check() is not None:
            trial.remove(each)
            victims.append(each)
    return victims


def _by_budget(pods: Iterable[PodInfo], budgets: Sequence[Budget]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Pods that a budget protects, when those before them go; and the others."""
    allowed = [each.allowed for each in budgets]
    protected: list[PodInfo] = []
    free: list[PodInfo] = []
    for pod in pods:
        broken = False
        for index, each in enumerate(budgets):
            if each.namespace != pod.namespace or pod.name in each.disrupted or not pod.labels:
                continue
            if each.selector.matches(pod.labels):
                allowed[index] -= 1
                broken = broken or allowed[index] < 0
        (protected if broken else free).append(pod)
    return protected, free


def _preempted(pod: PodInfo) -> bool:
    """It is being deleted because a scheduler wanted its room."""
    condition = meta.condition(pod.obj, "DisruptionTarget") or {}
    return pod.leaving and condition.get("status") == "True" and condition.get("reason") == "PreemptionByScheduler"
