"""A clock that stands still until it is told to move: months of waiting pass in milliseconds."""

from __future__ import annotations

import asyncio
import heapq
import itertools

#: Turns of the event loop given to woken tasks before the clock moves on.
_TURNS = 20


class ManualClock:
    """A `Clock` for tests and simulations.

    Args:
        start: seconds since the epoch at the beginning.
    Attributes:
        wakes: how many sleeps have come to their end.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self.wakes = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now + self._elapsed

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move time on; sleepers wake in order, each at its own time, and what they start runs before the next."""
        end = self._elapsed + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not woken.done():
                self.wakes += 1
                woken.set_result(None)
                await self.settle()
        self._elapsed = end
        await self.settle()

    async def settle(self) -> None:
        """Let tasks that can run do so."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
