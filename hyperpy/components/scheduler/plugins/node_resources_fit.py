"""NodeResourcesFit: a node has room for what the Pod asks; rather the node that its strategy likes best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo, capacity
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.scoring_strategies import LEAST_ALLOCATED, Strategy


class NodeResourcesFit:
    """Room for the Pod.

    Args:
        strategy: how nodes are scored.
        ignored: resources that the filter does not look at; for extended ones only.
        ignored_groups: the same, by what stands before the `/` of their names.
    """

    name = "NodeResourcesFit"
    only_the_node = True

    def __init__(
        self,
        *,
        strategy: Strategy = LEAST_ALLOCATED,
        ignored: frozenset[str] = frozenset(),
        ignored_groups: frozenset[str] = frozenset(),
    ) -> None:
        self._strategy = strategy
        self._ignored = ignored
        self._ignored_groups = ignored_groups

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        cpu, memory = pod.requests.cpu, pod.requests.memory
        other = self._looked_at(pod.requests.other)

        def check(node: NodeInfo) -> Rejection | None:
            if (
                not other
                and len(node.pods) < node.allowed_pods
                and (not cpu or node.requested_cpu + cpu <= node.allocatable_cpu)
                and (not memory or node.requested_memory + memory <= node.allocatable_memory)
            ):
                return None
            lacking = _lacking(pod, other, node)
            return Rejection(self.name, tuple(lacking), preemptable=_could_fit(pod, other, node)) if lacking else None

        return check

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring:
        return Scoring(self._strategy.scorer(pod))

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.change is Change.POD_REMOVED:
            return True
        if event.before is not None and event.pod is not None:
            return event.before.requests != event.pod.requests
        node = event.node
        if node is None or (event.old is not None and capacity(event.old) == capacity(node)):
            return False
        return _could_fit(pod, self._looked_at(pod.requests.other), node)

    def _looked_at(self, other: Mapping[str, int]) -> Mapping[str, int]:
        if not other or not (self._ignored or self._ignored_groups):
            return other
        return {
            name: amount
            for name, amount in other.items()
            if name not in self._ignored and not ("/" in name and name.partition("/")[0] in self._ignored_groups)
        }


def _lacking(pod: PodInfo, other: Mapping[str, int], node: NodeInfo) -> list[str]:
    """What the node has too little of, in the words of events."""
    asked, reasons = pod.requests, []
    if len(node.pods) >= node.allowed_pods:
        reasons.append("Too many pods")
    if asked.cpu and node.requested_cpu + asked.cpu > node.allocatable_cpu:
        reasons.append("Insufficient cpu")
    if asked.memory and node.requested_memory + asked.memory > node.allocatable_memory:
        reasons.append("Insufficient memory")
    for name, amount in other.items():
        if node.requested_other.get(name, 0) + amount > node.allocatable_other.get(name, 0):
            reasons.append(f"Insufficient {name}")
    return reasons


def _could_fit(pod: PodInfo, other: Mapping[str, int], node: NodeInfo) -> bool:
    """Whether the Pod would fit there if it were alone."""
    asked = pod.requests
    return (
        node.allowed_pods > 0
        and asked.cpu <= node.allocatable_cpu
        and asked.memory <= node.allocatable_memory
        and all(amount <= node.allocatable_other.get(name, 0) for name, amount in other.items())
    )
