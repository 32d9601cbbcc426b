"""Time as a dependency: everything that waits or stamps takes a Clock, so that tests turn months into milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, for timestamps."""

    def monotonic(self) -> float:
        """Seconds that never go back, for intervals."""

    async def sleep(self, seconds: float) -> None:
        """Wait; 0 or less yields once."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
