"""NodeResourcesBalancedAllocation: rather a node whose CPU and memory are then used to the same share."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class BalancedAllocation:
    name = "NodeResourcesBalancedAllocation"

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        cpu, memory = pod.requests.cpu, pod.requests.memory
        if not cpu and not memory:
            return None

        def balance(node: NodeInfo) -> float:
            if not node.allocatable_cpu or not node.allocatable_memory:
                return MAX_SCORE
            cpu_share = min(1.0, (node.requested_cpu + cpu) / node.allocatable_cpu)
            memory_share = min(1.0, (node.requested_memory + memory) / node.allocatable_memory)
            # Half of the difference is the standard deviation of two shares.
            return MAX_SCORE * (1 - abs(cpu_share - memory_share) / 2)

        return Scoring(balance)
