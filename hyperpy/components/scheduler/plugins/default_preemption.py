"""DefaultPreemption: room for an important Pod where less important ones are."""

from __future__ import annotations

from hyperpy.components.scheduler import preemption, reasons
from hyperpy.components.scheduler.framework import Failure, Rejection, Room
from hyperpy.components.scheduler.pod_info import PodInfo


class DefaultPreemption:
    """Sends less important Pods away.

    Args:
        at_least, percent: how many nodes are compared: so many, or this share of those where it could help.
    """

    name = "DefaultPreemption"
    _no_help = Rejection(name, ("Preemption is not helpful for scheduling",), preemptable=False)

    def __init__(
        self, *, at_least: int = preemption.CANDIDATES_AT_LEAST, percent: int = preemption.CANDIDATES_PERCENT
    ) -> None:
        self._at_least = at_least
        self._percent = percent

    def post_filter(self, pod: PodInfo, failure: Failure) -> Room:
        why_not = preemption.not_eligible(pod, failure)
        if why_not:
            return Room(self.name, None, message=f"preemption: {why_not}")
        found, useless = preemption.candidates(pod, failure, at_least=self._at_least, percent=self._percent)
        if not found:
            told = reasons.unavailable(len(failure.cluster.nodes), useless.values(), self._no_help)
            return Room(self.name, "", message=f"preemption: {told}")
        best = preemption.least_harm(found)
        return Room(self.name, best.node, best.victims)
