"""Where the engine waits, the world moves on: reads and watches of the file beside compactions, ends, cancellations."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.log import Archive
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import (
    Compacted,
    DeleteRange,
    Event,
    EventType,
    Get,
    Put,
    Range,
    Txn,
    Unavailable,
    prefix_end,
)
from hyperpy.store.sql.sqlite import SqliteLog, open_store

OPTIONS = Options(window_events=4)  # nearly all of the past is in the file


class Gated:
    """An archive whose answers wait at a gate. See `engine.log.Archive`."""

    def __init__(self, inner: Archive) -> None:
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self._inner = inner

    async def read(self, request: Get) -> Range:
        found = await self._inner.read(request)
        self.reached.set()
        await self.gate.wait()
        return found

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        events = await self._inner.changes(key, end, first=first, last=last)
        self.reached.set()
        await self.gate.wait()
        return events


@dataclass
class Rig:
    store: Engine
    archive: Gated
    old: int  # a revision that memory no longer has


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    log = SqliteLog(tmp_path / "store.db", asyncio.get_running_loop())
    loaded = await log.open(OPTIONS)
    archive = Gated(log.archive)
    store = Engine(log, archive, loaded, options=OPTIONS)
    store.start()
    old = (await store.put(Put(b"/a", b"old"))).revision
    for i in range(20):
        await store.put(Put(b"/a", b"%d" % i))
    yield Rig(store, archive, old)
    archive.gate.set()
    await store.aclose()


async def test_a_read_of_the_past_whose_history_goes_meanwhile_is_refused(rig: Rig) -> None:
    reading = asyncio.create_task(rig.store.get(Get(b"/a", revision=rig.old)))
    await rig.archive.reached.wait()
    floor = await rig.store.revision()
    await rig.store.compact(floor)
    rig.archive.gate.set()
    with pytest.raises(Compacted) as refused:
        await reading
    assert refused.value.revision == floor


async def test_a_transaction_whose_old_read_is_under_way_is_refused_when_its_history_goes(rig: Rig) -> None:
    before = await rig.store.revision()
    writing = asyncio.create_task(rig.store.txn(Txn(success=[Put(b"/b", b""), Get(b"/a", revision=rig.old)])))
    await rig.archive.reached.wait()
    await rig.store.compact(before)
    rig.archive.gate.set()
    with pytest.raises(Compacted):
        await writing
    assert await rig.store.revision() == before


async def test_a_watch_whose_history_goes_while_it_is_read_ends_with_the_floor(rig: Rig) -> None:
    watch = await rig.store.watch(b"/a", start_revision=rig.old)
    reading = asyncio.ensure_future(anext(watch))
    await rig.archive.reached.wait()
    floor = await rig.store.revision()
    await rig.store.compact(floor)
    rig.archive.gate.set()
    with pytest.raises(Compacted) as refused:
        await reading
    assert refused.value.revision == floor


async def test_a_watch_that_is_closed_while_it_catches_up_ends_its_reader(rig: Rig) -> None:
    watch = await rig.store.watch(b"/a", start_revision=rig.old)
    reading = asyncio.ensure_future(anext(watch))
    await rig.archive.reached.wait()
    await watch.aclose()
    rig.archive.gate.set()
    with pytest.raises(StopAsyncIteration):
        await reading
    await rig.store.put(Put(b"/a", b"after"))


async def test_a_reader_that_is_cancelled_while_it_catches_up_loses_nothing(rig: Rig) -> None:
    watch = await rig.store.watch(b"/a", start_revision=rig.old)
    reading = asyncio.ensure_future(anext(watch))
    await rig.archive.reached.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    rig.archive.gate.set()
    told: list[int] = []
    while len(told) < 21:
        told += [event.kv.mod_revision for event in (await anext(watch)).events]
    assert told == list(range(rig.old, rig.old + 21))


async def test_what_is_written_while_a_watch_catches_up_comes_after_it(rig: Rig) -> None:
    watch = await rig.store.watch(b"/", prefix_end(b"/"), start_revision=rig.old)
    reading = asyncio.ensure_future(anext(watch))
    await rig.archive.reached.wait()
    await asyncio.gather(*(rig.store.put(Put(b"/b", b"%d" % i)) for i in range(20)))
    rig.archive.gate.set()
    told = [event.kv.mod_revision for event in (await reading).events]
    while len(told) < 41:
        told += [event.kv.mod_revision for event in (await anext(watch)).events]
    assert told == list(range(rig.old, rig.old + 41))


async def test_a_store_that_is_closed_while_a_watch_catches_up_ends_it_with_an_error(rig: Rig) -> None:
    watch = await rig.store.watch(b"/a", start_revision=rig.old)
    reading = asyncio.ensure_future(anext(watch))
    await rig.archive.reached.wait()
    await rig.store.aclose()
    rig.archive.gate.set()
    with pytest.raises(Unavailable):
        await reading


@pytest.mark.parametrize("turns", range(8))
async def test_a_store_that_is_closed_beside_its_first_read_of_the_file_leaves_nothing_open(
    tmp_path: Path, turns: int
) -> None:
    store = await open_store(tmp_path / "store.db", options=OPTIONS)
    for i in range(20):
        await store.put(Put(b"/a", b"%d" % i))
    threads = set(threading.enumerate())
    reading = asyncio.create_task(store.get(Get(b"/a", revision=3)))
    for _ in range(turns):
        await asyncio.sleep(0)
    await store.aclose()
    (found,) = await asyncio.gather(reading, return_exceptions=True)
    assert isinstance(found, Range | Unavailable), found
    left = set(threading.enumerate()) - threads
    assert not [thread.name for thread in left if "asyncio" not in thread.name]


async def test_a_deletion_at_the_floor_outlives_the_sweep_and_a_restart(tmp_path: Path) -> None:
    """etcd lost a deletion at the revision of a compaction; its row must stay while a watch may begin there."""
    store = await open_store(tmp_path / "store.db", options=OPTIONS)
    await store.put(Put(b"/a", b"1"))
    floor = (await store.delete(DeleteRange(b"/a"))).revision
    for i in range(20):
        await store.put(Put(b"/b", b"%d" % i))
    await store.compact(floor)
    for _ in range(2):
        await store.swept()
        watch = await store.watch(b"/", prefix_end(b"/"), start_revision=floor)
        first = (await anext(watch)).events[0]
        assert (first.type, first.kv.key, first.kv.mod_revision) == (EventType.DELETE, b"/a", floor)
        await store.aclose()
        store = await open_store(tmp_path / "store.db", options=OPTIONS)
    await store.aclose()


async def test_no_revision_goes_back_when_the_newest_one_is_a_deletion_that_was_compacted(tmp_path: Path) -> None:
    """etcd 3.5.0 to 3.5.2 could begin again below revisions it had told."""
    store = await open_store(tmp_path / "store.db", options=OPTIONS)
    await store.put(Put(b"/a", b"1"))
    newest = (await store.delete(DeleteRange(b"/a"))).revision
    await store.compact(newest)
    await store.swept()
    for _ in range(2):
        await store.aclose()
        store = await open_store(tmp_path / "store.db", options=OPTIONS)
        assert await store.revision() == newest
        await store.swept()
    again = await store.put(Put(b"/a", b"2"))
    assert again.revision == newest + 1
    await store.aclose()
