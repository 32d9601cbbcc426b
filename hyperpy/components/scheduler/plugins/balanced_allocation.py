"""NodeResourcesBalancedAllocation: prefers Nodes whose CPU and memory would be used about equally. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.resources import CPU, MEMORY


class NodeResourcesBalancedAllocation:
    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        used = [
            min(1.0, (node.scored[name] + pod.scored_requests.get(name, 0)) / node.allocatable[name])
            for name in (CPU, MEMORY)
            if node.allocatable.get(name)
        ]
        return MAX_SCORE * (1 - abs(used[0] - used[1]) / 2) if len(used) == 2 else float(MAX_SCORE)

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        return scores
