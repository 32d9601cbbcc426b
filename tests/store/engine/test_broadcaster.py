"""Slow watchers, watchers that start far back, and the end of the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hyperpy.store.engine import memory
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import DeleteRange, Put, Txn, Unavailable, WatchLagged, prefix_end
from hyperpy.store.sql import sqlite


async def test_a_watcher_that_falls_behind_is_closed_and_others_go_on() -> None:
    store = await memory.open_store(options=Options(watch_events=10))
    slow = await store.watch(b"/a")
    quick = await store.watch(b"/a")
    for i in range(20):
        await store.put(Put(b"/a", b"%d" % i))
        assert (await anext(quick)).events[0].kv.value == b"%d" % i
    with pytest.raises(WatchLagged):
        await anext(slow)
    await store.aclose()


async def test_one_large_revision_does_not_close_a_watcher_that_kept_up() -> None:
    store = await memory.open_store(options=Options(watch_events=10))
    await store.txn(Txn(success=[Put(b"/a%d" % i, b"") for i in range(100)]))
    watch = await store.watch(b"/a", prefix_end(b"/a"))
    await store.delete(DeleteRange(b"/a", prefix_end(b"/a")))
    assert len((await anext(watch)).events) == 100
    await store.aclose()


async def test_watchers_of_one_range_get_the_replaced_values_only_where_they_asked() -> None:
    store = await memory.open_store()
    await store.put(Put(b"/a", b"1"))
    with_prev = await store.watch(b"/a", prefix_end(b"/a"), prev_kv=True)
    plain = await store.watch(b"/a", prefix_end(b"/a"))
    late = await store.watch(b"/a", prefix_end(b"/a"), start_revision=2)
    await store.put(Put(b"/a", b"2"))
    await store.delete(DeleteRange(b"/a"))
    events = (await anext(with_prev)).events
    assert [event.prev.value if event.prev else None for event in events] == [b"1", b"2"]
    assert [event.prev for event in (await anext(plain)).events] == [None, None]
    assert [event.prev for event in (await anext(late)).events] == [None, None, None]
    await store.aclose()


async def test_a_watcher_that_is_closed_leaves_the_others_of_its_range() -> None:
    store = await memory.open_store()
    first, second = [await store.watch(b"/a", prefix_end(b"/a")) for _ in range(2)]
    await first.aclose()
    await store.put(Put(b"/a", b"1"))
    assert [event.kv.value for event in (await anext(second)).events] == [b"1"]
    await second.aclose()
    third = await store.watch(b"/a", prefix_end(b"/a"))
    await store.put(Put(b"/a", b"2"))
    assert [event.kv.value for event in (await anext(third)).events] == [b"2"]
    await store.aclose()


async def test_a_watcher_catches_up_from_the_file_while_writes_go_on(tmp_path: Path) -> None:
    store = await sqlite.open_store(tmp_path / "store.db", options=Options(window_events=20))
    await asyncio.gather(*(store.put(Put(b"/k%d" % (i % 5), b"%d" % i)) for i in range(1500)))
    await store.delete(DeleteRange(b"/k0"))
    watch = await store.watch(b"/k", prefix_end(b"/k"), start_revision=2, prev_kv=True)
    writer = asyncio.gather(*(store.put(Put(b"/k%d" % (i % 5), b"%d" % i)) for i in range(1500)))
    revisions: list[int] = []
    while len(revisions) < 3001:
        batch = await anext(watch)
        for event in batch.events:
            assert (event.prev is None) == (event.kv.version == 1)
            revisions.append(event.kv.mod_revision)
        assert batch.revision >= revisions[-1]
    assert revisions == list(range(2, 3003))
    await writer
    await store.aclose()


async def test_a_restart_neither_repeats_nor_skips_an_event(tmp_path: Path) -> None:
    store = await sqlite.open_store(tmp_path / "store.db")
    watch = await store.watch(b"/a")
    await store.put(Put(b"/a", b"1"))
    seen = (await anext(watch)).revision
    await store.put(Put(b"/a", b"2"))
    await store.aclose()
    store = await sqlite.open_store(tmp_path / "store.db")
    watch = await store.watch(b"/a", start_revision=seen + 1)
    await store.put(Put(b"/a", b"3"))
    values = [event.kv.value for _ in range(1) for event in (await anext(watch)).events]
    assert values == [b"2", b"3"]
    await store.aclose()


async def test_a_progress_mark_never_runs_ahead_of_events() -> None:
    store = await memory.open_store()
    watch = await store.watch(b"/a", start_revision=1)
    await store.put(Put(b"/a", b"1"))
    await watch.request_progress()
    events, mark = await anext(watch), await anext(watch)
    assert len(events.events) == 1 and not mark.events and mark.revision == events.revision
    await store.aclose()


async def test_closing_the_store_ends_its_watches_with_an_error() -> None:
    store = await memory.open_store()
    watch = await store.watch(b"/a")
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(Unavailable):
        await reader


async def test_closed_watches_are_forgotten() -> None:
    store = await memory.open_store()
    for end in (None, b"/b"):
        watch = await store.watch(b"/a", end)
        await watch.aclose()
        await watch.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(watch)
    await store.put(Put(b"/a", b"1"))
    await store.aclose()
