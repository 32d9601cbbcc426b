"""Recorded histories of servers that are killed or paused: linearizable, one order of revisions, a watch without a gap.

The bugs that etcd once had there have their names: an event told twice after a restart, a read that was stale after a
pause, revisions that went back after a crash in the middle of a compaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import cycle
from pathlib import Path

import pytest
from store.histories.recording import record
from store.histories.servers import Server, any_store, debian_etcd, hyperpy_etcd
from store.real_postgres import Postgres

from hyperpy.store.etcd.client import EtcdStore
from hyperpy.store.protocol import Get, Put

Start = Callable[[Path], AbstractAsyncContextManager[Server]]

KINDS = pytest.mark.parametrize("start", [hyperpy_etcd, debian_etcd], ids=["hyperpy etcd", "etcd"])


@KINDS
async def test_a_history_under_kills_and_restarts_keeps_every_promise(tmp_path: Path, start: Start) -> None:
    async with start(tmp_path) as server:
        history = await record(server.connect, server.kill_and_restart, times=2, calls=300)
    history.check()
    assert any(call.answer is None for call in history.calls), "no call was under way when the server was killed"


async def test_no_revision_goes_back_after_a_crash_in_the_middle_of_a_compaction(tmp_path: Path) -> None:
    async with hyperpy_etcd(tmp_path) as server:
        history = await record(server.connect, server.kill_and_restart, times=2, calls=400, compact=True)
    history.check()


@KINDS
async def test_an_event_is_told_once_when_the_server_restarts_after_it(tmp_path: Path, start: Start) -> None:
    async with start(tmp_path) as server:
        store = await server.connect()
        watch = await store.watch(b"/a", start_revision=1)
        told: list[bytes] = []
        for round_ in range(2):
            await store.put(Put(b"/a", b"%d" % round_))
            await watch.request_progress()
            async with asyncio.timeout(20):
                while (batch := await anext(watch)).events:
                    told += [event.kv.value for event in batch.events]
            await server.kill_and_restart()
        await store.aclose()
    assert told == [b"0", b"1"]


async def test_a_read_that_a_paused_server_answers_late_is_not_stale(tmp_path: Path) -> None:
    async with hyperpy_etcd(tmp_path) as server:
        store, other = await server.connect(), await server.connect()
        await store.put(Put(b"/a", b"1"))
        server.pause()
        writing = asyncio.create_task(other.put(Put(b"/a", b"2")))
        assert not (await asyncio.wait({writing}, timeout=0.2))[0]
        server.resume()
        put = await writing
        found = await store.get(Get(b"/a"))
        assert (found.kvs[0].value, found.revision) == (b"2", put.revision)
        await store.aclose()
        await other.aclose()


@pytest.fixture
async def pair(tmp_path: Path, postgresql: Postgres) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers on one PostgreSQL database."""
    database = postgresql.create_database()
    async with any_store(database, tmp_path / "one") as one, any_store(database, tmp_path / "two") as two:
        yield one, two


def alternating(*servers: Server) -> Callable[[], Awaitable[EtcdStore]]:
    """Connects to one after the other."""
    turns = cycle(servers)
    return lambda: next(turns).connect()


async def test_a_history_of_two_servers_of_which_one_is_killed_keeps_every_promise(
    pair: tuple[Server, Server],
) -> None:
    victims = cycle(pair)
    history = await record(alternating(*pair), lambda: next(victims).kill_and_restart(), times=2, calls=200)
    history.check()
    assert any(call.answer is None for call in history.calls), "no call was under way when a server was killed"


async def test_no_read_of_two_servers_is_stale_after_one_of_them_stood_still(pair: tuple[Server, Server]) -> None:
    one, two = pair
    witness = await two.connect()

    async def stand_still() -> None:
        one.pause()
        start = await witness.revision()
        while await witness.revision() < start + 30:  # the other one's clients write on
            pass
        one.resume()

    history = await record(alternating(one, two), stand_still, times=1, calls=200, wait=False)
    await witness.aclose()
    history.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@KINDS
async def test_a_long_history_under_many_kills_keeps_every_promise(tmp_path: Path, start: Start, seed: int) -> None:
    async with start(tmp_path) as server:
        history = await record(server.connect, server.kill_and_restart, times=10, calls=1000, seed=seed * 100)
    history.check()


@pytest.mark.slow
async def test_a_long_history_of_two_servers_under_many_kills_keeps_every_promise(pair: tuple[Server, Server]) -> None:
    victims = cycle(pair)
    history = await record(
        alternating(*pair), lambda: next(victims).kill_and_restart(), times=10, calls=1000, compact=True
    )
    history.check()
