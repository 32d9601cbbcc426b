"""Which Pods have been promised room on which node, and the victims that have yet to go before it is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hyperpy.components.scheduler.pod_info import PodInfo


@dataclass(slots=True)
class Nomination:
    """A Pod's hope.

    Args:
        awaited: the uids of victims that are known to be there still.
    """

    pod: PodInfo
    node: str
    awaited: set[str]


class Nominations:
    """At most one a Pod; few, because only a preemption makes one."""

    def __init__(self) -> None:
        self._of: dict[str, Nomination] = {}

    def __len__(self) -> int:
        return len(self._of)

    def node_of(self, uid: str) -> str | None:
        """The node that the Pod was promised, or None."""
        found = self._of.get(uid)
        return found.node if found is not None else None

    def awaits(self, uid: str) -> bool:
        """Whether victims of the Pod are still there."""
        found = self._of.get(uid)
        return found is not None and bool(found.awaited)

    def on(self, node: str) -> Sequence[PodInfo]:
        """The Pods that were promised room there."""
        return [each.pod for each in self._of.values() if each.node == node]

    def put(self, pod: PodInfo, node: str, *, victims: Iterable[str] = ()) -> None:
        """Promise a Pod room on a node; the same promise again keeps what is awaited."""
        known = self._of.get(pod.uid)
        if known is not None and known.node == node:
            known.pod = pod
            known.awaited.update(victims)
        else:
            self._of[pod.uid] = Nomination(pod, node, set(victims))

    def remove(self, uid: str) -> None:
        """The Pod has a node, is gone, or hopes for nothing any more."""
        self._of.pop(uid, None)

    def give_up(self, uid: str) -> None:
        """Some of its victims could not be removed: wait for none of them."""
        found = self._of.get(uid)
        if found is not None:
            found.awaited.clear()

    def victim_gone(self, uid: str) -> frozenset[str]:
        """A Pod is gone. Returns the Pods whose victim it was and which wait for others: it is too early for them."""
        waiting = []
        for preemptor, each in self._of.items():
            if uid in each.awaited:
                each.awaited.discard(uid)
                if each.awaited:
                    waiting.append(preemptor)
        return frozenset(waiting)
