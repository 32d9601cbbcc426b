"""NodeResourcesBalancedAllocation: rather a node whose resources are then used to about the same share."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, NodeScore, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.requests import CPU, MEMORY

_USUAL = (CPU, MEMORY)


class BalancedAllocation:
    """Even use.

    Args:
        resources: whose shares are compared.
    """

    name = "NodeResourcesBalancedAllocation"

    def __init__(self, *, resources: tuple[str, ...] = _USUAL) -> None:
        self._resources = resources

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        asked = {CPU: pod.requests.cpu, MEMORY: pod.requests.memory, **pod.requests.other}
        counted = [name for name in self._resources if name in _USUAL or asked.get(name)]
        if not any(asked.get(name) for name in counted):
            return None
        if self._resources == _USUAL:
            return Scoring(_of_two(asked[CPU], asked[MEMORY]))

        def balance(node: NodeInfo) -> float:
            shares = []
            for name in counted:
                capacity, used = node.use_of(name)
                if capacity:
                    shares.append(min(1.0, (used + asked.get(name, 0)) / capacity))
            if not shares:
                return MAX_SCORE
            mean = sum(shares) / len(shares)
            variance = sum((share - mean) ** 2 for share in shares) / len(shares)
            return float(MAX_SCORE * (1 - variance**0.5))

        return Scoring(balance)


def _of_two(cpu: int, memory: int) -> NodeScore:
    """CPU and memory, which nearly every profile compares; half of the difference is the deviation of two shares."""

    def balance(node: NodeInfo) -> float:
        if not node.allocatable_cpu or not node.allocatable_memory:
            return MAX_SCORE
        cpu_share = min(1.0, (node.requested_cpu + cpu) / node.allocatable_cpu)
        memory_share = min(1.0, (node.requested_memory + memory) / node.allocatable_memory)
        return MAX_SCORE * (1 - abs(cpu_share - memory_share) / 2)

    return balance
