"""What one read costs the embedded store, and compare-and-swap transactions a second."""

from __future__ import annotations

import asyncio
import time

from store_table import Figure, Table

from hyperpy.store.protocol import Compare, Get, Op, Put, Store, Target, Txn, prefix_end

_KEYS = 100_000
_SWAPPERS = 32
_READS = (
    ("a key", Get(b"/reads/0500/50"), 20_000),
    ("100 keys of 100,000", Get(b"/reads/0500/", b"/reads/05000"), 2_000),
    ("a page of 500 of 100,000", Get(b"/reads/", prefix_end(b"/reads/"), limit=500), 500),
    ("1000 keys of 100,000", Get(b"/reads/05", b"/reads/0510"), 300),
    ("the count of 100,000", Get(b"/reads/", prefix_end(b"/reads/"), count_only=True), 300),
)


async def measure(table: Table, store: Store, *, seconds: float) -> None:
    """Reads of a store with many keys, then transactions."""
    for first in range(0, _KEYS, 1000):
        await asyncio.gather(*(_fill(store, i) for i in range(first, first + 1000)))
    for what, request, times in _READS:
        table.add(Figure(f"get of {what}", f"{await _cost_us(store, request, times):.1f} µs"))
    table.add(Figure(f"compare-and-swap, {_SWAPPERS} writers", f"{await _swaps_per_s(store, seconds):,.0f}/s"))


async def _fill(store: Store, i: int) -> None:
    await store.put(Put(b"/reads/%04d/%02d" % divmod(i, 100), b"x" * 100))


async def _cost_us(store: Store, request: Get, times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        await store.get(request)
    return (time.perf_counter() - begun) / times * 1e6


async def _swaps_per_s(store: Store, seconds: float) -> float:
    done = 0
    end = time.perf_counter() + seconds

    async def swap(key: bytes) -> None:
        nonlocal done
        revision = (await store.put(Put(key, b"0"))).revision
        while time.perf_counter() < end:
            unchanged = Compare(key, Target.MOD, Op.EQUAL, revision)
            result = await store.txn(Txn([unchanged], [Put(key, b"x" * 1000)], [Get(key)]))
            if not result.succeeded:
                raise SystemExit(f"{key!r} was changed by nobody, and yet its revision is not {revision}")
            revision = result.revision
            done += 1

    await asyncio.gather(*(swap(b"/swaps/%d" % i) for i in range(_SWAPPERS)))
    return done / seconds
