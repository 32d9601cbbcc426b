"""Ends nodes when their time is over: one timer for the nearest end, by the wall clock.

Ends are points of the wall clock and lie in the store, so they outlive a restart. The timer runs by a steady clock and
is set for a minute at most while there is an end to come: after that long, a wall clock that was set forward is seen.
Whether a node's time is over is asked again in the transaction that removes it, so none goes early or twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hyperpy.store.engine.clock import Clock
from hyperpy.store.protocol import Unavailable

log = logging.getLogger(__name__)

_LOOK_S = 60.0
_RETRY_S = 1.0
_SECOND = 1_000_000_000


class Expiry:
    """Runs as one task of its owner.

    Args:
        clock: what timers go by.
        now: nanoseconds of the wall clock.
        nearest: when the next node goes, by the wall clock, or None.
        expire: removes nodes whose time is over, some at least.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        now: Callable[[], int],
        nearest: Callable[[], int | None],
        expire: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._now = now
        self._nearest = nearest
        self._expire = expire
        self._armed_for: int | None = None
        self._stirred = asyncio.Event()

    def notice(self, end: int) -> None:
        """A node was written that goes at `end`."""
        if self._armed_for is None or end < self._armed_for:
            self._stirred.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._stirred.clear()
            self._armed_for = self._nearest()
            left = None if self._armed_for is None else (self._armed_for - self._now()) / _SECOND
            if left is not None and left <= 0:
                left = await self._end_them()
            if left != 0:
                await self._sleep(left)

    async def _end_them(self) -> float:
        """Returns the seconds until the next look."""
        try:
            await self._expire()
        except Unavailable as error:
            log.warning("nodes whose time is over stay for now: %s", error)
            return _RETRY_S
        return 0

    async def _sleep(self, seconds: float | None) -> None:
        """Until a nearer end was noticed, or the seconds are over."""
        if seconds is None:
            await self._stirred.wait()
            return
        timer = self._clock.call_at(self._clock.time() + min(seconds, _LOOK_S), self._stirred.set)
        try:
            await self._stirred.wait()
        finally:
            timer.cancel()
