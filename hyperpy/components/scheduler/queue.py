"""The scheduling queue: which Pod is decided on next, and when one that fitted nowhere is tried again. Pure.

                        ┌── a change that may help ──┐
                        ▼                            │
    add ──▶ active ──pop──▶ (decided) ──fits nowhere──▶ unschedulable
     │        ▲                 └── could not be bound ─▶ backing off ──its time is over──▶ active
     └ gated ─┘ its gates opened

A Pod that a change woke waits for the rest of its back-off, but only while others are waiting: an idle scheduler takes
it at once. One that could not be bound waits in any case. Changes that came while a Pod was out are held against it
when it comes back: it backs off, instead of waiting for a change that has been. Every Pod is in the queue once. Source
of the states and figures: Concepts, "Scheduling Framework", and kube-scheduler (1 s doubling to 10 s; 5 minutes).
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from hyperpy.components.scheduler.pod_info import PodInfo

BACKOFF_S = 1.0
MAX_BACKOFF_S = 10.0
#: Even without a change that helps, an unschedulable Pod is tried again after so long.
PATIENCE_S = 300.0
#: Changes remembered for Pods that are out; for one that has been out for more of them, one is taken to have helped.
REMEMBERED = 256


class Place(Enum):
    """Where a Pod is."""

    ACTIVE = auto()
    BACKING_OFF = auto()
    UNSCHEDULABLE = auto()
    GATED = auto()
    POPPED = auto()


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A Pod that waits for a node.

    Args:
        since: when it was first queued (monotonic seconds).
        attempts: decisions made about it.
        tried_at: when the last one was.
        rejected_by: the plugins that kept it from its nodes, or from the queue.
        failed: it fitted, and could not be bound.
        left_at: changes that there had been when it was last popped.
    """

    pod: PodInfo
    since: float
    attempts: int = 0
    tried_at: float = 0.0
    rejected_by: frozenset[str] = frozenset()
    failed: bool = False
    left_at: int = 0
    place: Place = Place.ACTIVE


class SchedulingQueue:
    """Pods without a node. Times are monotonic seconds, given by the caller.

    Args:
        sort_key: the Pod with the smallest goes first.
        backoff_s, max_backoff_s: how long a Pod that was tried waits at first, doubling, and at most.
    """

    def __init__(
        self,
        sort_key: Callable[[PodInfo, float], Any],
        *,
        backoff_s: float = BACKOFF_S,
        max_backoff_s: float = MAX_BACKOFF_S,
    ) -> None:
        self._sort_key = sort_key
        self._backoff_s = backoff_s
        self._max_backoff_s = max_backoff_s
        self._pods: dict[str, QueuedPod] = {}
        self._order = itertools.count()
        self._active: list[tuple[Any, int, QueuedPod]] = []
        self._backing_off: list[tuple[float, int, QueuedPod]] = []
        self._unschedulable: dict[str, QueuedPod] = {}
        #: Gated by plugins for which a change elsewhere may open the gate.
        self._gated: dict[str, QueuedPod] = {}
        self._changes = 0
        self._recent: deque[Callable[[QueuedPod], bool]] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return len(self._pods)

    def get(self, uid: str) -> QueuedPod | None:
        """The Pod, if it is queued."""
        return self._pods.get(uid)

    def add(
        self, pod: PodInfo, *, now: float, gated_by: frozenset[str] = frozenset(), opens_by_changes: bool = False
    ) -> None:
        """Queue a Pod that is not queued; with `gated_by` it waits until it changes.

        Args:
            opens_by_changes: `open_gates` asks about it after changes elsewhere.
        """
        queued = QueuedPod(pod, now, rejected_by=gated_by)
        self._pods[pod.uid] = queued
        if not gated_by:
            self._activate(queued)
            return
        queued.place = Place.GATED
        if opens_by_changes:
            self._gated[pod.uid] = queued

    def open_gates(self, is_open: Callable[[QueuedPod], bool]) -> None:
        """Something changed: let those gated Pods in whose gates are open now."""
        for queued in [each for each in self._gated.values() if is_open(each)]:
            del self._gated[queued.pod.uid]
            queued.rejected_by = frozenset()
            self._activate(queued)

    def put_back(self, queued: QueuedPod, *, now: float) -> None:
        """A popped Pod could not be bound: try again after its back-off."""
        self._pods[queued.pod.uid] = queued
        queued.failed, queued.tried_at = True, now
        self._back_off(queued)

    def park(self, queued: QueuedPod, *, rejected_by: frozenset[str], now: float) -> None:
        """A popped Pod fits nowhere: it waits for a change that may help."""
        self._pods[queued.pod.uid] = queued
        queued.failed, queued.rejected_by, queued.tried_at = False, rejected_by, now
        if self._was_helped(queued):
            self._back_off(queued)
            return
        queued.place = Place.UNSCHEDULABLE
        self._unschedulable[queued.pod.uid] = queued

    def remove(self, uid: str) -> None:
        """A Pod needs no node any more."""
        queued = self._pods.pop(uid, None)
        if queued is not None:
            queued.place = Place.POPPED
            self._unschedulable.pop(uid, None)
            self._gated.pop(uid, None)

    def wake(self, may_help: Callable[[QueuedPod], bool], *, now: float) -> None:
        """Something changed: try those Pods again for which it may help."""
        self._changes += 1
        self._recent.append(may_help)
        for queued in [each for each in self._unschedulable.values() if may_help(each)]:
            self._stir(queued, now=now)

    def stir(self, uid: str, *, now: float) -> None:
        """The Pod itself changed: try it again."""
        queued = self._unschedulable.get(uid)
        if queued is not None:
            self._stir(queued, now=now)

    def pop(self, *, now: float) -> QueuedPod | None:
        """The next Pod to decide on, or None when none may be tried yet."""
        self._flush(now)
        queued = self._first(self._active, Place.ACTIVE) or self._first(
            self._backing_off, Place.BACKING_OFF, unless_failed=True
        )
        if queued is None:
            return None
        del self._pods[queued.pod.uid]
        queued.place = Place.POPPED
        queued.attempts += 1
        queued.tried_at = now
        queued.left_at = self._changes
        return queued

    def next_due(self) -> float | None:
        """When `pop` may have something without a change, or None."""
        while self._backing_off and self._backing_off[0][2].place is not Place.BACKING_OFF:
            heapq.heappop(self._backing_off)
        times = [self._backing_off[0][0]] if self._backing_off else []
        oldest = next(iter(self._unschedulable.values()), None)
        if oldest is not None:
            times.append(oldest.tried_at + PATIENCE_S)
        return min(times, default=None)

    def _was_helped(self, queued: QueuedPod) -> bool:
        """Whether a change since it was popped may have helped it."""
        missed = self._changes - queued.left_at
        if missed > len(self._recent):
            return True
        return any(self._recent[-1 - index](queued) for index in range(missed))

    def _flush(self, now: float) -> None:
        while self._backing_off and self._backing_off[0][0] <= now:
            _, _, queued = heapq.heappop(self._backing_off)
            if queued.place is Place.BACKING_OFF:
                self._activate(queued)
        while self._unschedulable:
            oldest = next(iter(self._unschedulable.values()))
            if oldest.tried_at + PATIENCE_S > now:
                break
            self._stir(oldest, now=now)

    def _stir(self, queued: QueuedPod, *, now: float) -> None:
        del self._unschedulable[queued.pod.uid]
        if self._due(queued) <= now:
            self._activate(queued)
        else:
            self._back_off(queued)

    def _due(self, queued: QueuedPod) -> float:
        """When its back-off is over."""
        if not queued.attempts:
            return 0.0
        wait = self._backoff_s * 2.0 ** min(queued.attempts - 1, 10)
        return queued.tried_at + min(self._max_backoff_s, wait)

    def _activate(self, queued: QueuedPod) -> None:
        queued.place = Place.ACTIVE
        heapq.heappush(self._active, (self._sort_key(queued.pod, queued.since), next(self._order), queued))

    def _back_off(self, queued: QueuedPod) -> None:
        queued.place = Place.BACKING_OFF
        heapq.heappush(self._backing_off, (self._due(queued), next(self._order), queued))

    @staticmethod
    def _first(
        heap: list[tuple[Any, int, QueuedPod]], place: Place, *, unless_failed: bool = False
    ) -> QueuedPod | None:
        """Take the first of a heap that is still where the heap says; others were removed meanwhile."""
        kept = []
        found = None
        while heap and found is None:
            entry = heapq.heappop(heap)
            if entry[2].place is not place:
                continue
            if unless_failed and entry[2].failed:
                kept.append(entry)
                continue
            found = entry[2]
        for entry in kept:
            heapq.heappush(heap, entry)
        return found
