"""NodeResourcesFit: a node has room for what the Pod asks; rather the node with the most room left (LeastAllocated)."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Change, Event, NodeFilter, Rejection, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo, capacity
from hyperpy.components.scheduler.pod_info import PodInfo


class NodeResourcesFit:
    name = "NodeResourcesFit"
    only_the_node = True

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        cpu, memory, other = pod.requests.cpu, pod.requests.memory, pod.requests.other

        def check(node: NodeInfo) -> Rejection | None:
            if (
                not other
                and len(node.pods) < node.allowed_pods
                and (not cpu or node.requested_cpu + cpu <= node.allocatable_cpu)
                and (not memory or node.requested_memory + memory <= node.allocatable_memory)
            ):
                return None
            lacking = _lacking(pod, node)
            return Rejection(self.name, tuple(lacking), preemptable=_could_fit(pod, node)) if lacking else None

        return check

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring:
        cpu, memory = pod.requests.scored_cpu, pod.requests.scored_memory

        def room(node: NodeInfo) -> float:
            """The mean share of CPU and memory that stays free."""
            total, count = 0.0, 0
            for capacity_, used in (
                (node.allocatable_cpu, node.scored_cpu + cpu),
                (node.allocatable_memory, node.scored_memory + memory),
            ):
                if capacity_:
                    total += max(0, capacity_ - used) / capacity_
                    count += 1
            return MAX_SCORE * total / count if count else 0.0

        return Scoring(room)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.change is Change.POD_REMOVED:
            return True
        if event.before is not None and event.pod is not None:
            return event.before.requests != event.pod.requests
        node = event.node
        if node is None or (event.old is not None and capacity(event.old) == capacity(node)):
            return False
        return _could_fit(pod, node)


def _lacking(pod: PodInfo, node: NodeInfo) -> list[str]:
    """What the node has too little of, in the words of events."""
    asked, reasons = pod.requests, []
    if len(node.pods) >= node.allowed_pods:
        reasons.append("Too many pods")
    if asked.cpu and node.requested_cpu + asked.cpu > node.allocatable_cpu:
        reasons.append("Insufficient cpu")
    if asked.memory and node.requested_memory + asked.memory > node.allocatable_memory:
        reasons.append("Insufficient memory")
    for name, amount in asked.other.items():
        if node.requested_other.get(name, 0) + amount > node.allocatable_other.get(name, 0):
            reasons.append(f"Insufficient {name}")
    return reasons


def _could_fit(pod: PodInfo, node: NodeInfo) -> bool:
    """Whether the Pod would fit there if it were alone."""
    asked = pod.requests
    return (
        node.allowed_pods > 0
        and asked.cpu <= node.allocatable_cpu
        and asked.memory <= node.allocatable_memory
        and all(amount <= node.allocatable_other.get(name, 0) for name, amount in asked.other.items())
    )
