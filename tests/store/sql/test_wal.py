"""The write-ahead log: copied while writes go on, and what a reader that does not end does to it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store.manual_clock import ManualClock

from hyperpy.store.protocol import Get, Put
from hyperpy.store.sql.sqlite import open_store

MB = 1 << 20


def wal_of(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


async def until_cut(path: Path) -> None:
    async with asyncio.timeout(20):
        while wal_of(path) > 0:
            await asyncio.sleep(0.005)


def holding(path: Path) -> sqlite3.Connection:
    """Another program in the middle of a read."""
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM changes").fetchone()
    return reader


async def test_the_log_stays_small_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await open_store(path)
    for i in range(100):
        await store.put(Put(b"/%d" % i, bytes(MB)))
    assert wal_of(path) < 40 * MB
    assert path.stat().st_size > 60 * MB
    await store.aclose()


async def test_a_reader_that_does_not_end_is_told_once_and_writes_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "store.db", ManualClock()
    store = await open_store(path, clock=clock)
    with closing(holding(path)):
        for i in range(90):
            await store.put(Put(b"/%d" % (i % 5), bytes(MB)))
        assert wal_of(path) > 80 * MB
        told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(told) == 1
        assert "store.db-wal has grown to" in told[0] and "MiB, for a reader holds it" in told[0]
        while not clock.armed:
            await asyncio.sleep(0.005)
    clock.advance(30)  # nobody writes: the store looks by itself
    await until_cut(path)
    await store.put(Put(b"/0", b"after"))
    await store.aclose()
    store = await open_store(path)
    assert (await store.get(Get(b"/0"))).kvs[0].value == b"after"
    assert (await store.get(Get(b"/", b"\0", count_only=True))).count == 5
    await store.aclose()


async def test_a_look_at_a_reader_that_is_still_there_is_followed_by_another(tmp_path: Path) -> None:
    path, clock = tmp_path / "store.db", ManualClock()
    store = await open_store(path, clock=clock)
    with closing(holding(path)):
        for i in range(90):
            await store.put(Put(b"/%d" % (i % 5), bytes(MB)))
        for _ in range(2):
            while not clock.armed:
                await asyncio.sleep(0.005)
            assert wal_of(path) > 80 * MB
            clock.advance(30)
        while not clock.armed:
            await asyncio.sleep(0.005)
    clock.advance(30)
    await until_cut(path)
    await store.aclose()
