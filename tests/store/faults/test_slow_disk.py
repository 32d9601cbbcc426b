"""A commit that takes its time: reads and watches go on, queues keep their bounds, who gives up leaves no mess."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hyperpy.store import failpoints
from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Get, Put, prefix_end
from hyperpy.store.sql.sqlite import open_store

ALL = (b"/", prefix_end(b"/"))


class SlowCommit:
    """The second commit of a store stands still until `end`."""

    def __init__(self, fifo: Path) -> None:
        self._fifo = fifo

    async def begun(self) -> None:
        """Wait until the commit stands still."""
        self._pipe = await asyncio.to_thread(self._fifo.open, "wb")

    def end(self) -> None:
        """Let it go on."""
        self._pipe.close()


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowCommit]:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setenv(failpoints.VARIABLE, f"commit/commit:2=pause:{fifo}")
    yield SlowCommit(fifo)
    failpoints.arm({})


@asynccontextmanager
async def opened(path: Path, options: Options | None = None) -> AsyncIterator[Engine]:
    store = await open_store(path, options=options)
    try:
        await store.put(Put(b"/first", b""))
        yield store
    finally:
        await store.aclose()


async def test_reads_and_watches_of_the_past_go_on_during_a_commit(tmp_path: Path, slow: SlowCommit) -> None:
    async with opened(tmp_path / "store.db", Options(window_events=0)) as store:
        writer = asyncio.create_task(store.put(Put(b"/second", b"")))
        await slow.begun()
        assert [pair.key for pair in (await store.get(Get(*ALL))).kvs] == [b"/first"]
        assert (await store.get(Get(*ALL, revision=1))).count == 0
        watch = await store.watch(*ALL, start_revision=2)
        assert [event.kv.key for event in (await anext(watch)).events] == [b"/first"]
        assert not writer.done()
        slow.end()
        assert [event.kv.key for event in (await anext(watch)).events] == [b"/second"]
        assert (await writer).revision == 3


async def test_the_queue_keeps_its_bound_and_those_outside_are_not_evaluated(tmp_path: Path, slow: SlowCommit) -> None:
    async with opened(tmp_path / "store.db", Options(queued_writes=4)) as store:
        writers = [asyncio.create_task(store.put(Put(b"/%d" % i, b""))) for i in range(10)]
        await slow.begun()
        for outside in writers[4:]:
            outside.cancel()
        await asyncio.gather(*writers[4:], return_exceptions=True)
        slow.end()
        assert sorted([(await writer).revision for writer in writers[:4]]) == [3, 4, 5, 6]
        assert (await store.get(Get(*ALL))).count == 5
        assert await store.revision() == 6


async def test_a_write_whose_writer_gave_up_happens_whole(tmp_path: Path, slow: SlowCommit) -> None:
    async with opened(tmp_path / "store.db") as store:
        under_way = asyncio.create_task(store.put(Put(b"/a", b"under way")))
        await slow.begun()
        queued = asyncio.create_task(store.put(Put(b"/a", b"queued")))
        behind = asyncio.create_task(store.put(Put(b"/a", b"behind", prev_kv=True)))
        await asyncio.sleep(0)
        for given_up in (under_way, queued):
            given_up.cancel()
        await asyncio.gather(under_way, queued, return_exceptions=True)
        slow.end()
        result = await behind
        assert result.prev is not None
        assert (result.revision, result.prev.value, result.prev.version) == (5, b"queued", 2)
    async with opened(tmp_path / "store.db") as store:
        assert (await store.get(Get(b"/a"))).kvs[0].version == 3


async def test_closing_waits_for_the_commit_and_the_writes_behind_it(tmp_path: Path, slow: SlowCommit) -> None:
    async with opened(tmp_path / "store.db") as store:
        writers = [asyncio.create_task(store.put(Put(b"/a", b"1")))]
        await slow.begun()
        writers.append(asyncio.create_task(store.put(Put(b"/b", b"1"))))
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        slow.end()
        await closing
        assert [(await writer).revision for writer in writers] == [3, 4]
    async with opened(tmp_path / "store.db") as store:
        assert (await store.get(Get(*ALL))).count == 3
