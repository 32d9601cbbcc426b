"""Watches: each event to every watcher, once and in order, and how long after the put began."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store_servers import Server
from store_table import Figure, Table

from hyperpy.store.protocol import Event, Put, Store, Watch, prefix_end


@dataclass(frozen=True)
class _Fanout:
    """How many watchers, and how fast the events come. `apart`: each watcher has a prefix of its own."""

    watchers: int
    events_per_s: int
    seconds: float
    apart: bool = False

    @property
    def total(self) -> int:
        """Events in all."""
        return int(self.events_per_s * self.seconds)

    def prefix(self, i: int) -> bytes:
        """Where event or watcher i is."""
        return b"/watched/%04d/" % (i % self.watchers) if self.apart else b"/watched/"


@dataclass(frozen=True)
class _Batch:
    """At `time` a reader had the changes `first` up to before `last` of its range."""

    time: float
    seen: Sequence[Event]
    first: int
    last: int


async def measure(table: Table, embedded: Store, ours: Server, theirs: Server, *, seconds: float) -> None:
    """Embedded with a thousand watchers; over gRPC with a hundred, beside etcd."""
    together = await _delays_ms(embedded, _Fanout(1000, 1000, seconds))
    goal = "p99 < 100 ms"
    table.add(Figure("1000 watchers, each gets 1000 events/s", _text(together), goal=goal, met=_p99(together) < 100))
    apart = await _delays_ms(embedded, _Fanout(1000, 1000, seconds, apart=True))
    table.add(Figure("1000 watchers of 1000 prefixes, 1000 events/s", _text(apart)))
    smaller = _Fanout(100, 200, seconds)
    served, etcd = await _delays_ms(ours.store, smaller), await _delays_ms(theirs.store, smaller)
    ratio = _p99(served) / _p99(etcd)
    table.add(Figure("100 watchers over gRPC, each gets 200 events/s", _text(served), _text(etcd), ratio))


def _p99(delays: Sequence[float]) -> float:
    return delays[int(len(delays) * 0.99)]


def _text(delays: Sequence[float]) -> str:
    return f"p50 {delays[len(delays) // 2]:.1f}, p99 {_p99(delays):.1f}, longest {delays[-1]:.1f} ms"


async def _delays_ms(store: Store, fanout: _Fanout) -> list[float]:
    """The time from a put's begin to a watcher's having it, of each delivery, sorted, in milliseconds.

    Raises SystemExit for an event that is missing, comes twice or out of order.
    """
    counts = Counter(fanout.prefix(i) for i in range(fanout.total))
    seen: dict[bytes, list[Event]] = {prefix: [] for prefix in counts}
    begun = [0.0] * fanout.total
    batches: list[_Batch] = []
    prefixes = [fanout.prefix(i) for i in range(fanout.watchers)]
    watches = [await store.watch(prefix, prefix_end(prefix)) for prefix in prefixes]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for prefix, watch in zip(prefixes, watches, strict=True):
            group.create_task(_read(watch, counts[prefix], seen[prefix], batches))
        group.create_task(_write(store, fanout, begun))
    for watch in watches:
        await watch.aclose()
    if {int(event.kv.value) for events in seen.values() for event in events} != set(range(fanout.total)):
        raise SystemExit("not every change was delivered")
    return sorted(
        (batch.time - begun[int(event.kv.value)]) * 1000
        for batch in batches
        for event in batch.seen[batch.first : batch.last]
    )


async def _read(watch: Watch, count: int, seen: list[Event], batches: list[_Batch]) -> None:
    """Read `count` changes. `seen` is what the quickest reader of the range had; the others must have the same."""
    at = 0
    while at < count:
        batch = await anext(aiter(watch))
        now = time.perf_counter()
        last = at + len(batch.events)
        for event in batch.events[max(0, len(seen) - at) :]:
            if seen and event.kv.mod_revision <= seen[-1].kv.mod_revision:
                raise SystemExit(f"revision {event.kv.mod_revision} came after {seen[-1].kv.mod_revision}")
            seen.append(event)
        if list(batch.events) != seen[at:last]:
            raise SystemExit(f"watchers of one range got different changes after the first {at}")
        batches.append(_Batch(now, seen, at, last))
        at = last


async def _write(store: Store, fanout: _Fanout, begun: list[float]) -> None:
    """Put at the pace asked for, whether or not earlier puts are done."""

    async def put(i: int) -> None:
        begun[i] = time.perf_counter()
        await store.put(Put(fanout.prefix(i) + b"%03d" % (i % 500), b"%0200d" % i))

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        done = 0
        while done < fanout.total:
            due = min(fanout.total, 1 + int((time.perf_counter() - start) * fanout.events_per_s))
            for i in range(done, due):
                group.create_task(put(i))
            done = due
            await asyncio.sleep(0.001)
