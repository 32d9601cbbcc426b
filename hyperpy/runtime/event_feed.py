"""Events on their way from a runtime to the kubelet: each pending one once, in order, never more than a bound.

The feed holds at most `LIMIT` distinct events. When more come than are read, they melt into one look-at-all event:
nothing is lost, the reader only looks wider.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hyperpy.runtime.protocol import RuntimeEvent

LIMIT = 1000
LOOK_AT_ALL = RuntimeEvent("")


class EventFeed:
    """Fan-out of one runtime's events to its readers (the kubelet; a test beside it)."""

    def __init__(self) -> None:
        self._readers: set[_Reader] = set()

    def publish(self, event: RuntimeEvent) -> None:
        """Tell every reader; returns at once."""
        for reader in self._readers:
            reader.put(event)

    async def read(self) -> AsyncIterator[RuntimeEvent]:
        """Events from now on, until the caller stops."""
        reader = _Reader()
        self._readers.add(reader)
        try:
            while True:
                yield await reader.get()
        finally:
            self._readers.discard(reader)


class _Reader:
    def __init__(self) -> None:
        self._pending: dict[RuntimeEvent, None] = {}
        self._some = asyncio.Event()

    def put(self, event: RuntimeEvent) -> None:
        if len(self._pending) >= LIMIT:
            self._pending.clear()
            event = LOOK_AT_ALL
        self._pending[event] = None
        self._some.set()

    async def get(self) -> RuntimeEvent:
        while not self._pending:
            self._some.clear()
            await self._some.wait()
        event = next(iter(self._pending))
        del self._pending[event]
        return event
