"""A work queue for control loops: each key waits once, runs in one worker at a time, and comes back after a failure.

    add ──▶ waiting ──worker──▶ running ──ok──▶ forgotten
              ▲                   │ add meanwhile, or a failure (after its back-off), or a requested delay
              └───────────────────┘

The queue is bounded by the number of distinct keys, which is the number of objects. Source of the rules and of the
back-off figures: client-go's rate limiting work queue (5 ms doubling to 1000 s per key).
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Never

from hyperpy.api import errors
from hyperpy.client.clock import Clock

log = logging.getLogger(__name__)

BASE_DELAY_S = 0.005
#: Attempts after which "it has changed" and "it is gone" are no longer what a cache that is a moment late explains.
_LATE = 5
MAX_DELAY_S = 1000.0

Reconcile = Callable[[str], Awaitable[float | None]]


class WorkQueue:
    """Keys to reconcile.

    Args:
        name: for log lines and task names.
        clock: the time of delays and back-offs.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._waiting: deque[str] = deque()
        self._dirty: set[str] = set()
        self._running: set[str] = set()
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._timers: list[tuple[float, str]] = []
        self._work = asyncio.Event()
        self._earlier = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs (delayed keys do not count)."""
        return not self._waiting and not self._running

    def add(self, key: str) -> None:
        """Reconcile `key` soon; a key that already waits is not added twice."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._running:
            self._waiting.append(key)
            self._work.set()

    def add_after(self, key: str, delay_s: float) -> None:
        """Reconcile `key` after `delay_s` seconds, or at the earlier of this and what was asked before."""
        if delay_s <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + delay_s
        if self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._timers, (due, key))
        if self._timers[0] == (due, key):
            self._earlier.set()

    def forget(self, key: str) -> None:
        """Drop the failures counted for `key`."""
        self._failures.pop(key, None)

    async def run(self, reconcile: Reconcile, *, workers: int = 1) -> Never:
        """Reconcile keys until cancelled.

        Args:
            reconcile: called with a key, never twice at once for one key; returns seconds until it wants the key
                again, or None. What it raises is logged and tried again after the key's back-off.
            workers: how many keys at once.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_timers(), name=f"{self.name}/timers")
            for number in range(workers):
                group.create_task(self._work_off(reconcile), name=f"{self.name}/{number}")
        raise AssertionError("the workers of a queue do not return")

    async def _work_off(self, reconcile: Reconcile) -> Never:
        while True:
            while not self._waiting:
                self._work.clear()
                await self._work.wait()
            key = self._waiting.popleft()
            self._dirty.discard(key)
            self._running.add(key)
            try:
                await self._reconcile_one(reconcile, key)
            finally:
                self._running.discard(key)
                if key in self._dirty:
                    self._waiting.append(key)
                    self._work.set()

    async def _reconcile_one(self, reconcile: Reconcile, key: str) -> None:
        try:
            again_s = await reconcile(key)
        except (errors.Conflict, errors.NotFound) as error:
            lasting = self._failures.get(key, 0) >= _LATE
            log.log(logging.WARNING if lasting else logging.DEBUG, "%s: %s: %s", self.name, key, error)
            self._retry(key)
        except errors.StatusError as error:
            log.warning("%s: %s: %s", self.name, key, error)
            self._retry(key)
        except Exception:
            log.exception("%s: %s failed", self.name, key)
            self._retry(key)
        else:
            self.forget(key)
            if again_s is not None:
                self.add_after(key, again_s)

    def _retry(self, key: str) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(BASE_DELAY_S * 2 ** min(failures, 30), MAX_DELAY_S))

    async def _run_timers(self) -> Never:
        while True:
            now = self._clock.monotonic()
            while self._timers and self._timers[0][0] <= now:
                due, key = heapq.heappop(self._timers)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            self._earlier.clear()
            if not self._timers:
                await self._earlier.wait()
                continue
            await self._sleep_until(self._timers[0][0])

    async def _sleep_until(self, due: float) -> None:
        """Sleep until `due`, or until an earlier key arrives."""
        sleep = asyncio.ensure_future(self._clock.sleep(due - self._clock.monotonic()))
        earlier = asyncio.ensure_future(self._earlier.wait())
        try:
            await asyncio.wait({sleep, earlier}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            earlier.cancel()
