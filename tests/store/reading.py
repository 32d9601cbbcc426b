"""Reading watches in tests: the next batch, the next events, and events told in short."""

from __future__ import annotations

import asyncio

from hyperpy.store.protocol import Event, Watch, WatchBatch


async def next_batch(watch: Watch) -> WatchBatch:
    async with asyncio.timeout(10):
        return await anext(aiter(watch))


async def next_events(watch: Watch, count: int) -> list[Event]:
    """The next `count` events; a batch may bring several, and must not bring more."""
    events: list[Event] = []
    while len(events) < count:
        events.extend((await next_batch(watch)).events)
    assert len(events) == count
    return events


def told(events: list[Event]) -> list[tuple[str, bytes, bytes]]:
    return [(event.type.value, event.kv.key, event.kv.value) for event in events]
