"""What a user could change about a rejection: one function a plugin, each with the words for it. Pure.

Only what a user can do is offered: a node that is not ready gets ready by itself or not, and volumes are looked after
elsewhere. Whether a change is enough, `remedies.py` tries out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hyperpy.api import labels, quantity, taints
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.requests import CPU, MEMORY, Requests

#: Sizes, the smallest first: nobody else notices; the node changes; the Pod changes; another Pod ends; a rule goes.
UNCORDON, NODE, ASK_LESS, MORE_ROOM, DELETE, RULE = 1.0, 2.0, 3.0, 4.0, 5.0, 6.0
#: Pods whose end is tried on a node, the least important first.
VICTIMS = 5
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Supposed:
    """Things as they might be.

    Args:
        pod, node: as they would be.
        asked: what the Pod would ask for, when not what it says.
        gone: Pods that would not be on the node.
    """

    pod: Obj
    node: Obj
    asked: Requests | None = None
    gone: tuple[PodInfo, ...] = ()

    def info(self) -> PodInfo:
        """The Pod for plugins."""
        found = PodInfo(self.pod)
        if self.asked is not None:
            found.requests = self.asked
        return found


@dataclass(frozen=True, slots=True)
class Fix:
    """A change.

    Args:
        text: as an instruction; the node is named elsewhere.
        then: things afterwards.
    """

    text: str
    size: float
    then: Supposed


def fixes(supposed: Supposed, rejection: Rejection, cluster: ClusterState) -> Iterator[Fix]:
    """The changes that may get the Pod past a rejection.

    Args:
        cluster: as it is supposed to be.
    """
    node = cluster.node(supposed.node["metadata"]["name"])
    find = _BY_PLUGIN.get(rejection.plugin)
    if node is not None and find is not None:
        yield from find(supposed, node)


def _uncordon(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    kept = [taint for taint in node.taints if taint["key"] != taints.UNSCHEDULABLE]
    spec = {**(node.node.get("spec") or {}), "unschedulable": False, "taints": kept}
    yield Fix("uncordon it", UNCORDON, replace(supposed, node={**node.node, "spec": spec}))


def _untaint(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    effects = (taints.NO_SCHEDULE, taints.NO_EXECUTE)
    taint = taints.untolerated(node.hindering, supposed.info().tolerations, effects=effects)
    if taint is None:
        return
    kept = [each for each in node.taints if each is not taint]
    then = replace(supposed, node={**node.node, "spec": {**(node.node.get("spec") or {}), "taints": kept}})
    key = taint["key"]
    if key == taints.UNSCHEDULABLE:
        yield from _uncordon(supposed, node)
    elif key.startswith("node.kubernetes.io/"):
        yield Fix(f"find out why it has the taint {key}, which goes by itself", RULE, then)
    else:
        value = f"={taint['value']}" if taint.get("value") else ""
        yield Fix(f"remove the taint {key}{value}:{taint['effect']} from it, or tolerate that", NODE, then)


def _label(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    spec = supposed.pod["spec"]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or [{}]
    for term in terms:
        missing = _missing(spec.get("nodeSelector") or {}, term, node.labels)
        if missing:
            about = node.node["metadata"]
            changed = {**node.node, "metadata": {**about, "labels": {**node.labels, **missing}}}
            text = ", ".join(f"{name}={value}" if value else name for name, value in missing.items())
            yield Fix(f"label it {text}", NODE + len(missing) / 10, replace(supposed, node=changed))
    if not any(term.get("matchFields") for term in terms):
        kept = {name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"}
        free = {**supposed.pod, "spec": {**spec, "nodeSelector": {}, "affinity": kept}}
        yield Fix("let the pod's node selector or affinity match it", RULE, replace(supposed, pod=free))


def _missing(selector: Mapping[str, str], term: Obj, own: Mapping[str, str]) -> dict[str, str]:
    """Labels that would make a node match; none when labels alone cannot, or nothing is missing."""
    wanted = {name: value for name, value in selector.items() if own.get(name) != value}
    for each in term.get("matchExpressions") or ():
        if labels.from_expression(each).matches({**own, **wanted}):
            continue
        if each["operator"] not in ("In", "Exists") or each["key"] in selector:
            return {}
        wanted[each["key"]] = (each.get("values") or [""])[0]
    return wanted


def _resources(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    asked = supposed.asked or supposed.info().requests
    short = {name: left for name, amount in _amounts(asked).items() if (left := _free(node, name)) < amount}
    if short and all(left > 0 for left in short.values()):
        text = ", ".join(f"{_written(name, left)} {name}" for name, left in short.items())
        share = max(1 - left / _amounts(asked)[name] for name, left in short.items())
        yield Fix(f"ask for at most {text}", ASK_LESS + share, replace(supposed, asked=_lowered(asked, short)))
    if short:
        more = {name: _amounts(asked)[name] - left for name, left in short.items()}
        text = ", ".join(f"{_written(name, amount)} more {name}" for name, amount in more.items())
        yield Fix(f"{text} on it", MORE_ROOM, replace(supposed, node=_grown(node.node, more)))
    enough = [
        each
        for each in node.pods.values()
        if all(_amounts(each.requests).get(name, 0) >= _amounts(asked)[name] - left for name, left in short.items())
    ]
    yield from _without_a_pod(supposed, node, enough)


def _amounts(asked: Requests) -> dict[str, int]:
    return {name: amount for name, amount in {CPU: asked.cpu, MEMORY: asked.memory, **asked.other}.items() if amount}


def _free(node: NodeInfo, name: str) -> int:
    capacity, used = node.use_of(name)
    return capacity - used


def _lowered(asked: Requests, to: Mapping[str, int]) -> Requests:
    other = {name: to.get(name, amount) for name, amount in asked.other.items()}
    return replace(asked, cpu=to.get(CPU, asked.cpu), memory=to.get(MEMORY, asked.memory), other=other)


def _grown(node: Obj, more: Mapping[str, int]) -> Obj:
    status = node.get("status") or {}
    allocatable = dict(status.get("allocatable") or status.get("capacity") or {})
    for name, amount in more.items():
        allocatable[name] = quantity.add(allocatable.get(name, "0"), _written(name, amount))
    return {**node, "status": {**status, "allocatable": allocatable}}


def _written(name: str, amount: int) -> str:
    return quantity.from_millis(amount) if name == CPU else quantity.from_int(amount, binary=name == MEMORY)


def _without_a_pod(supposed: Supposed, node: NodeInfo, candidates: Sequence[PodInfo]) -> Iterator[Fix]:
    """The end of one Pod; the least important ones first, of those the ones that take least."""
    gone = {each.uid for each in supposed.gone}
    order = sorted(
        (each for each in candidates if each.uid not in gone),
        key=lambda each: (each.priority, each.requests.cpu, each.requests.memory, each.key),
    )
    for rank, each in enumerate(order[:VICTIMS]):
        important = 0.5 if each.priority > supposed.info().priority else 0.0
        size = DELETE + important + rank / 1000
        yield Fix(f"delete the pod {each.key} from it", size, replace(supposed, gone=(*supposed.gone, each)))


def _ports(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    wanted = {(protocol, number) for _, protocol, number in supposed.info().ports}
    holders = [
        each
        for each in node.pods.values()
        if any((protocol, number) in wanted for _, protocol, number in each.ports)
    ]  # fmt: skip
    yield from _without_a_pod(supposed, node, holders)


def _pod_affinity(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    own = supposed.info()
    unfriendly = [
        each
        for each in node.pods.values()
        if any(term.selector.matches(each.labels) for term in own.required_anti_affinity)
        or any(term.selector.matches(own.labels) for term in each.required_anti_affinity)
    ]
    yield from _without_a_pod(supposed, node, unfriendly)
    for side, text in (
        ("podAffinity", "make the pod's required pod affinity a preference"),
        ("podAntiAffinity", "make the pod's required pod anti-affinity a preference"),
    ):
        affinity: dict[str, Any] = supposed.pod["spec"].get("affinity") or {}
        if (affinity.get(side) or {}).get(_REQUIRED):
            kept = {**affinity, side: {**affinity[side], _REQUIRED: []}}
            pod = {**supposed.pod, "spec": {**supposed.pod["spec"], "affinity": kept}}
            yield Fix(text, RULE, replace(supposed, pod=pod))


def _spread(supposed: Supposed, node: NodeInfo) -> Iterator[Fix]:
    constraints = supposed.pod["spec"].get("topologySpreadConstraints") or []
    for index, each in enumerate(constraints):
        if each.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        key = each["topologyKey"]
        if key not in node.labels:
            about = node.node["metadata"]
            labeled = {**node.node, "metadata": {**about, "labels": {**node.labels, key: "another"}}}
            yield Fix(f"label it {key}=VALUE", NODE, replace(supposed, node=labeled))
        kept = [*constraints[:index], *constraints[index + 1 :]]
        pod = {**supposed.pod, "spec": {**supposed.pod["spec"], "topologySpreadConstraints": kept}}
        yield Fix(f"let the pod spread over {key} only if it can (ScheduleAnyway)", RULE,
                  replace(supposed, pod=pod))  # fmt: skip


_BY_PLUGIN: Mapping[str, Callable[[Supposed, NodeInfo], Iterator[Fix]]] = {
    "NodeUnschedulable": _uncordon,
    "TaintToleration": _untaint,
    "NodeAffinity": _label,
    "NodeResourcesFit": _resources,
    "NodePorts": _ports,
    "InterPodAffinity": _pod_affinity,
    "PodTopologySpread": _spread,
}
