"""A recorded history: eight clients and one watcher on a server that is killed and started again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from store.histories.clients import Client, watch_all
from store.histories.linearizability import unexplained
from store.histories.operations import Call
from store.histories.revisions import check_revisions, check_watch

from hyperpy.store.protocol import Compacted, Store, Unavailable, WatchBatch

CLIENTS = 8


@dataclass
class History:
    """What was recorded; the history begins after revision `after`, with no key of its own."""

    after: int
    calls: list[Call] = field(default_factory=list)
    batches: list[WatchBatch] = field(default_factory=list)

    def check(self) -> None:
        """Raises AssertionError for a promise that was not kept."""
        events = check_watch(self.batches, after=self.after)
        check_revisions(self.calls, events)
        assert (keys := unexplained(self.calls)) is None, f"the history of {keys} is not linearizable"


class _Gauge:
    """A number that grows, and a wait for it."""

    def __init__(self) -> None:
        self.value = 0
        self._risen = asyncio.Event()

    def rise(self, to: int) -> None:
        self.value = to
        self._risen.set()

    async def reached(self, value: int) -> None:
        while self.value < value:
            self._risen.clear()
            await self._risen.wait()


async def _compact(store: Store, revision: int) -> None:
    try:
        await store.compact(revision)
    except (Compacted, Unavailable):
        return  # the server was killed: its history may be compacted or not, and the client may have asked again


async def record(
    connect: Callable[[], Awaitable[Store]],
    disturb: Callable[[], Awaitable[None]],
    *,
    times: int,
    calls: int,
    compact: bool = False,
    wait: bool = True,
    seed: int = 0,
) -> History:
    """Let the clients work; each time they have made so many calls, disturb the server under them.

    Args:
        connect: opens a store that outlives the server's restarts; the recording closes it.
        disturb: kills the server, for one; returns when it answers again.
        times: how often.
        calls: answered ones of all clients together, before, between and after the disturbances.
        compact: each disturbance comes in the middle of a compaction of all that the watcher has seen.
        wait: a client whose answer got lost waits for the end of the disturbance.
        seed: of the clients' choices.
    """
    stores = [await connect() for _ in range(CLIENTS + 1)]
    history = History(after=await stores[0].revision())
    made, seen, up = _Gauge(), _Gauge(), asyncio.Event()
    up.set()

    def heard(batch: WatchBatch) -> None:
        history.batches.append(batch)
        seen.rise(batch.revision)

    async def work(client: Client) -> None:
        while made.value < calls * (times + 1):
            if await client.call():
                made.rise(made.value + 1)
            elif wait:
                await up.wait()

    watcher = asyncio.create_task(watch_all(stores[-1], start=history.after + 1, heard=heard), name="watcher")
    clients = [Client(f"c{i}", store, random.Random(seed + i)) for i, store in enumerate(stores[:CLIENTS])]
    async with asyncio.TaskGroup() as group:
        for i, client in enumerate(clients):
            group.create_task(work(client), name=f"client/{i}")
        for time_ in range(1, times + 1):
            await made.reached(time_ * calls)
            up.clear()
            if compact:
                group.create_task(_compact(stores[0], seen.value), name="compaction")
            await disturb()
            up.set()
    async with asyncio.timeout(30):
        await seen.reached(await stores[0].revision())
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
    history.calls = [call for client in clients for call in client.calls]
    for store in stores:
        await store.aclose()
    return history
