"""How a node is scored by what of its resources is taken: the least taken first, the most, or a shape. Pure.

Source: "Resource Bin Packing" and the API reference of NodeResourcesFitArgs. CPU and memory count with a guess for
containers that name no request; an extended resource counts only for a Pod that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.components.scheduler.framework import MAX_SCORE, NodeScore
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.requests import CPU, EPHEMERAL, MEMORY

LEAST, MOST, RATIO = "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"
#: The best score in the shape of a configuration.
MAX_SHAPE_SCORE = 10

#: (utilization in percent, score of 0..10), rising by utilization.
Shape = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to score.

    Args:
        kind: LeastAllocated, MostAllocated or RequestedToCapacityRatio.
        weights: of the resources that count, by name.
        shape: of RequestedToCapacityRatio.
    """

    kind: str = LEAST
    weights: Mapping[str, int] = field(default_factory=lambda: {CPU: 1, MEMORY: 1})
    shape: Shape = ()

    def scorer(self, pod: PodInfo) -> NodeScore:
        """The score of a node for a Pod, 0 to 100."""
        if self.kind == LEAST and self.weights == {CPU: 1, MEMORY: 1}:
            return _most_room(pod)
        of_share = self._of_share()
        counted = [(name, weight) for name, weight in self.weights.items() if _counts(name, pod)]
        only_positive = self.kind == RATIO

        def score(node: NodeInfo) -> float:
            total, weights = 0.0, 0
            for name, weight in counted:
                capacity, used = use_of(name, node, pod)
                if not capacity:
                    continue
                own = of_share(used / capacity)
                if own > 0 or not only_positive:
                    total += own * weight
                    weights += weight
            return total / weights if weights else 0.0

        return score

    def _of_share(self) -> Callable[[float], float]:
        if self.kind == LEAST:
            return lambda share: MAX_SCORE * max(0.0, 1 - share)
        if self.kind == MOST:
            return lambda share: MAX_SCORE * min(1.0, share)
        return lambda share: MAX_SCORE / MAX_SHAPE_SCORE * on_shape(self.shape, 100 * min(1.0, share))


LEAST_ALLOCATED = Strategy()


def on_shape(shape: Sequence[tuple[float, float]], utilization: float) -> float:
    """The score at a utilization in percent: straight lines between the points, level before and after them."""
    before = shape[0]
    for point in shape:
        if utilization <= point[0]:
            width = point[0] - before[0]
            if not width:
                return point[1]
            return before[1] + (point[1] - before[1]) * (utilization - before[0]) / width
        before = point
    return before[1]


def use_of(name: str, node: NodeInfo, pod: PodInfo) -> tuple[int, int]:
    """What a node has of a resource, and what would be taken of it with the Pod there."""
    if name == CPU:
        return node.allocatable_cpu, node.scored_cpu + pod.requests.scored_cpu
    if name == MEMORY:
        return node.allocatable_memory, node.scored_memory + pod.requests.scored_memory
    capacity, used = node.use_of(name)
    return capacity, used + pod.requests.other.get(name, 0)


def _counts(name: str, pod: PodInfo) -> bool:
    return name in (CPU, MEMORY, EPHEMERAL) or bool(pod.requests.other.get(name))


def _most_room(pod: PodInfo) -> NodeScore:
    """The mean share of CPU and memory that stays free: what nearly every profile scores by, so it is kept short."""
    cpu, memory = pod.requests.scored_cpu, pod.requests.scored_memory

    def room(node: NodeInfo) -> float:
        total, count = 0.0, 0
        for capacity, used in (
            (node.allocatable_cpu, node.scored_cpu + cpu),
            (node.allocatable_memory, node.scored_memory + memory),
        ):
            if capacity:
                total += max(0, capacity - used) / capacity
                count += 1
        return MAX_SCORE * total / count if count else 0.0

    return room
