"""When history is given up, and that it is really gone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store.manual_clock import ManualClock

from hyperpy.store.engine.compaction import Sample, floor_due
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Compacted, DeleteRange, Get, Put, prefix_end
from hyperpy.store.sql import sqlite


@contextmanager
def database_of(path: Path) -> Iterator[sqlite3.Connection]:
    """A second look at the file, past the store."""
    with closing(sqlite3.connect(path)) as database, database:
        yield database


@pytest.mark.parametrize(
    ("samples", "revision", "due"),
    [
        ([], 5000, 0),
        ([Sample(0, 900)], 1000, 900),
        ([Sample(0, 950)], 1000, 900),
        ([Sample(0, 300), Sample(50, 600), Sample(150, 900)], 2000, 600),
        ([Sample(150, 900)], 2000, 0),
        ([Sample(0, 90)], 50, 0),
    ],
    ids=["no sample", "both agree", "few revisions", "the newest old sample", "all is young", "a short history"],
)
def test_history_goes_when_it_is_both_old_and_far_back(samples: list[Sample], revision: int, due: int) -> None:
    assert floor_due(samples, now=200, revision=revision, keep_s=100, keep_revisions=100) == due


async def until_swept(path: Path, floor: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with database_of(path) as database:
                (swept,) = database.execute("SELECT number FROM meta WHERE name = 'swept'").fetchone()
            if swept >= floor:
                return
            await asyncio.sleep(0.005)


async def test_the_timer_compacts_by_itself_and_then_rests(tmp_path: Path) -> None:
    clock = ManualClock()
    options = Options(keep_revisions=50, keep_s=100, compact_every_s=30)
    store = await sqlite.open_store(tmp_path / "store.db", options=options, clock=clock)
    await asyncio.gather(*(store.put(Put(b"/a", b"%d" % i)) for i in range(200)))
    assert clock.armed == 1
    clock.advance(90)
    assert store.floor == 0
    clock.advance(60)
    await until_swept(tmp_path / "store.db", 151)
    assert store.floor == 151
    clock.advance(300)
    assert clock.armed == 0
    await store.aclose()


async def test_swept_history_leaves_the_live_set_and_the_window_only(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await sqlite.open_store(path)
    for i in range(300):
        await store.put(Put(b"/k%d" % (i % 10), b"%d" % i))
    await store.delete(DeleteRange(b"/k0"))
    await store.put(Put(b"/k0", b"back"))
    await store.delete(DeleteRange(b"/k1"))
    last = (await store.put(Put(b"/k2", b"last"))).revision
    await store.compact(last)
    await until_swept(path, last)
    with database_of(path) as database:
        rows = database.execute("SELECT count(*) FROM changes").fetchone()[0]
    assert rows == 9
    await store.aclose()
    store = await sqlite.open_store(path)
    assert await store.revision() == last
    found = await store.get(Get(b"/k", prefix_end(b"/k")))
    assert {pair.key: pair.value for pair in found.kvs}[b"/k0"] == b"back"
    assert found.count == 9
    await store.aclose()


async def test_a_deletion_at_the_floor_is_still_told_to_watchers(tmp_path: Path) -> None:
    options = Options(window_events=1)
    store = await sqlite.open_store(tmp_path / "store.db", options=options)
    await store.put(Put(b"/a", b"1"))
    deleted = (await store.delete(DeleteRange(b"/a"))).revision
    for i in range(5):
        await store.put(Put(b"/b", b"%d" % i))
    await store.compact(deleted)
    await until_swept(tmp_path / "store.db", deleted)
    watch = await store.watch(b"/a", start_revision=deleted)
    (event,) = (await anext(watch)).events
    assert (event.type.value, event.kv.mod_revision) == ("DELETE", deleted)
    await store.aclose()


async def test_a_revision_that_is_a_deletion_is_not_lost_when_compacted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await sqlite.open_store(path)
    await store.put(Put(b"/a", b"1"))
    last = (await store.delete(DeleteRange(b"/a"))).revision
    await store.compact(last)
    await until_swept(path, last)
    await store.aclose()
    store = await sqlite.open_store(path)
    assert await store.revision() == last
    assert (await store.put(Put(b"/a", b"2"))).revision == last + 1
    await store.aclose()


async def test_a_sweep_cut_short_goes_on_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await sqlite.open_store(path)
    for i in range(100):
        await store.put(Put(b"/a", b"%d" % i))
    last = await store.revision()
    await store.aclose()
    with database_of(path) as database:  # the floor is durable, nothing is swept yet
        database.execute("UPDATE meta SET number = ? WHERE name = 'floor'", (last,))
    store = await sqlite.open_store(path)
    with pytest.raises(Compacted):
        await store.get(Get(b"/a", revision=last - 1))
    await until_swept(path, last)
    with database_of(path) as database:
        assert database.execute("SELECT count(*) FROM changes").fetchone()[0] == 1
    await store.aclose()


async def test_a_sweep_is_not_outrun_by_writers(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await sqlite.open_store(path)
    await asyncio.gather(*(store.put(Put(b"/k%d" % (i % 50), bytes(300))) for i in range(3000)))
    floor = await store.revision()
    swept = asyncio.Event()

    async def write(writer: int) -> None:
        while not swept.is_set():
            await store.put(Put(b"/k%d" % writer, bytes(300)))

    writers = [asyncio.create_task(write(writer)) for writer in range(100)]
    await store.compact(floor)
    await until_swept(path, floor)
    swept.set()
    await asyncio.gather(*writers)
    await store.aclose()


async def test_space_goes_back_to_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await sqlite.open_store(path)
    await asyncio.gather(*(store.put(Put(b"/a", bytes(8000))) for _ in range(1500)))
    await store.compact(await store.revision())
    async with asyncio.timeout(30):
        while True:
            with database_of(path) as database:
                pages = database.execute("PRAGMA page_count").fetchone()[0]
            if pages < 1500:
                break
            await asyncio.sleep(0.01)
    await store.aclose()
    assert path.stat().st_size < 1500 * 4096


async def test_a_watch_overtaken_by_compaction_ends_with_compacted(tmp_path: Path) -> None:
    store = await sqlite.open_store(tmp_path / "store.db", options=Options(window_events=1))
    first = (await store.put(Put(b"/a", b"1"))).revision
    for i in range(10):
        await store.put(Put(b"/a", b"%d" % i))
    watch = await store.watch(b"/a", start_revision=first)
    floor = await store.revision()
    await store.compact(floor)
    with pytest.raises(Compacted) as refused:
        await anext(watch)
    assert refused.value.revision == floor
    await store.aclose()
