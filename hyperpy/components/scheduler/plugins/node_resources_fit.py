"""NodeResourcesFit: the Pod's requests fit into what is left; emptier Nodes are better (LeastAllocated). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.resources import CPU, MEMORY, PODS


class NodeResourcesFit:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        reasons = []
        if node.requested[PODS] + 1 > node.allocatable.get(PODS, 0):
            reasons.append("Too many pods")
        for name, amount in pod.requests.items():
            if amount and node.requested[name] + amount > node.allocatable.get(name, 0):
                reasons.append(f"Insufficient {name}")
        return reasons

    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        free = [
            max(0.0, 1 - (node.scored[name] + pod.scored_requests.get(name, 0)) / node.allocatable[name])
            for name in (CPU, MEMORY)
            if node.allocatable.get(name)
        ]
        return MAX_SCORE * sum(free) / len(free) if free else 0.0

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        return scores
