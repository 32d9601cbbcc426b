"""The pods that wait for a Node, in three places.

    add ──▶ active ──popped──▶ being decided ──bound──▶ gone
              ▲  ▲                  │ no Node fits
              │  └── back-off ◀─────┼── something that may help happened meanwhile, or binding failed
              │         ▲           ▼
              │         └──── unschedulable ── gated pods wait here too
              └── back-off over

Bounded by the number of pending pods. Source of the back-off figures: kube-scheduler (1 s doubling to 10 s).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Never

from hyperpy.client.clock import Clock
from hyperpy.components.scheduler.pod_info import PodInfo

INITIAL_BACKOFF_S = 1.0
MAX_BACKOFF_S = 10.0


class SchedulingQueue:
    """Pending pods by priority, then by age (PrioritySort)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._pods: dict[str, PodInfo] = {}
        self._attempts: dict[str, int] = {}
        self._active: list[tuple[int, int, str]] = []
        self._queued: set[str] = set()
        self._backoff: dict[str, float] = {}
        self._unschedulable: set[str] = set()
        self._moves = 0
        self._popped_at: dict[str, int] = {}
        self._work = asyncio.Event()
        self._timer_work = asyncio.Event()

    def __contains__(self, uid: str) -> bool:
        return uid in self._pods

    def add(self, pod: PodInfo, *, gated: bool = False) -> None:
        """A pod to place, new or changed; a gated one is kept aside until it changes."""
        known = pod.uid in self._pods
        self._pods[pod.uid] = pod
        if gated:
            self._unschedulable.add(pod.uid)
        elif not known or pod.uid in self._unschedulable:
            self._unschedulable.discard(pod.uid)
            self._activate(pod.uid)

    def remove(self, uid: str) -> None:
        """The pod is placed or gone."""
        for place in (self._pods, self._attempts, self._backoff, self._popped_at):
            place.pop(uid, None)
        self._unschedulable.discard(uid)
        self._queued.discard(uid)

    async def pop(self) -> PodInfo:
        """The next pod to decide on; waits for one."""
        while True:
            while self._active:
                _, _, uid = heapq.heappop(self._active)
                if uid in self._queued:
                    self._queued.discard(uid)
                    self._attempts[uid] = self._attempts.get(uid, 0) + 1
                    self._popped_at[uid] = self._moves
                    return self._pods[uid]
            self._work.clear()
            await self._work.wait()

    def failed(self, uid: str, *, retry: bool = False) -> None:
        """No Node was found for a popped pod. It waits for a helpful event, or (`retry`) only for its back-off."""
        if uid not in self._pods:
            return
        if retry or self._popped_at.get(uid) != self._moves:
            self._back_off(uid)
        else:
            self._unschedulable.add(uid)

    def move_all(self) -> None:
        """Something happened that may let pods fit: those put aside come back after their back-off."""
        self._moves += 1
        for uid in list(self._unschedulable):
            self._unschedulable.discard(uid)
            self._back_off(uid)

    async def run(self) -> Never:
        """Bring pods back when their back-off is over, until cancelled."""
        while True:
            self._timer_work.clear()
            now = self._clock.monotonic()
            for uid in [uid for uid, due in self._backoff.items() if due <= now]:
                del self._backoff[uid]
                self._activate(uid)
            if not self._backoff:
                await self._timer_work.wait()
                continue
            due = min(self._backoff.values())
            sleep = asyncio.ensure_future(self._clock.sleep(due - now))
            wake = asyncio.ensure_future(self._timer_work.wait())
            try:
                await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
                wake.cancel()

    def _activate(self, uid: str) -> None:
        if uid not in self._queued:
            self._queued.add(uid)
            heapq.heappush(self._active, (-self._pods[uid].priority, next(self._order), uid))
            self._work.set()

    def _back_off(self, uid: str) -> None:
        delay = min(INITIAL_BACKOFF_S * 2 ** min(self._attempts.get(uid, 1) - 1, 10), MAX_BACKOFF_S)
        self._backoff[uid] = self._clock.monotonic() + delay
        self._timer_work.set()
