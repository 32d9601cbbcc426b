"""Watches of a real etcd: many on a connection, large responses in fragments, slow readers, and what closing frees."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest
from store.real_etcd import running_etcd

from hyperpy.store.etcd.call import Call
from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.etcd.http2 import Http2
from hyperpy.store.protocol import Compacted, Put, Txn, Watch, WatchLagged, prefix_end


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_etcd(tmp_path_factory.mktemp("etcd") / "data") as address:
        yield address


@pytest.fixture
async def store(etcd: str) -> AsyncIterator[EtcdStore]:
    opened = await open_etcd([etcd])
    yield opened
    await opened.aclose()


def alive(*kinds: type) -> int:
    """Objects of these classes that something still refers to."""
    gc.collect()
    return sum(type(found) in kinds for found in gc.get_objects())


async def read(watch: Watch, count: int) -> list[bytes]:
    """The keys of so many changes."""
    keys: list[bytes] = []
    async for batch in watch:
        keys += [event.kv.key for event in batch.events]
        if len(keys) >= count:
            break
    return keys


async def test_120_watches_share_connections_and_each_has_every_change_once(store: EtcdStore) -> None:
    before = alive(Http2)
    watches = [await store.watch(b"/many/", prefix_end(b"/many/")) for _ in range(120)]
    assert alive(Http2) - before == 3  # 50 on each
    await asyncio.gather(*(store.put(Put(b"/many/%d" % number, b"x")) for number in range(200)))

    async with asyncio.timeout(30):
        seen = await asyncio.gather(*(read(watch, 200) for watch in watches))
    assert all(len(keys) == len(set(keys)) == 200 for keys in seen)
    for watch in watches:
        await watch.aclose()


async def test_closed_and_failed_watches_leave_no_task_stream_or_connection(store: EtcdStore) -> None:
    await store.put(Put(b"/leak", b"1"))
    floor = (await store.put(Put(b"/leak", b"2"))).revision
    await store.compact(floor)
    tasks, connections, calls = len(asyncio.all_tasks()), alive(Http2), alive(Call)
    for start in (0, floor, 1):
        for _ in range(5):
            try:
                watch = await store.watch(b"/leak", start_revision=start)
                reader = asyncio.create_task(anext(aiter(watch)))
                await store.put(Put(b"/leak", b"3"))
                await reader
            except Compacted:
                assert start == 1
            await watch.aclose()
    given_up = asyncio.create_task(store.watch(b"/leak"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    assert len(asyncio.all_tasks()) == tasks
    del watch, reader, given_up
    await store.revision()  # a connection's end is told in the next turn of the loop
    assert (alive(Http2), alive(Call)) == (connections, calls)


async def test_a_change_of_many_large_values_comes_whole(store: EtcdStore) -> None:
    watch = await store.watch(b"/large/", prefix_end(b"/large/"))
    first = (await store.put(Put(b"/large/", b"first"))).revision
    keys = [b"/large/%02d" % number for number in range(8)]
    for begun in range(0, 64, 8):  # beyond what etcd puts into one message
        await store.txn(Txn(success=[Put(key, bytes([begun]) * 180_000) for key in keys]))
    await watch.aclose()
    watch = await store.watch(b"/large/", prefix_end(b"/large/"), start_revision=first)
    seen: list[tuple[int, bytes]] = []
    async with asyncio.timeout(20):
        async for batch in watch:
            # Whole revisions: none goes on in the next batch.
            assert not seen or batch.events[0].kv.mod_revision > seen[-1][0]
            seen += [(event.kv.mod_revision, event.kv.key) for event in batch.events]
            if len(seen) == 65:
                break
    assert [key for _, key in seen[1:]] == keys * 8
    await watch.aclose()


async def test_a_reader_that_lags_is_told_and_holds_up_nobody(store: EtcdStore) -> None:
    slow = await store.watch(b"/lag/", prefix_end(b"/lag/"))
    quick = await store.watch(b"/lag/", prefix_end(b"/lag/"))
    quick_task = asyncio.create_task(read(quick, 8400))
    for begun in range(0, 8400, 100):
        await store.txn(Txn(success=[Put(b"/lag/%d" % number, b"") for number in range(begun, begun + 100)]))
    async with asyncio.timeout(30):
        assert len(set(await quick_task)) == 8400
        with pytest.raises(WatchLagged, match="list again and resume"):
            async for _ in slow:
                await store.revision()
                await asyncio.sleep(0)
    await slow.aclose()
    await quick.aclose()


async def test_progress_is_told_on_request(store: EtcdStore) -> None:
    watch = await store.watch(b"/progress")
    revision = (await store.put(Put(b"/elsewhere", b""))).revision
    async with asyncio.timeout(10):
        while True:  # etcd says nothing while it catches up
            await watch.request_progress()
            batch = await anext(aiter(watch))
            if batch.revision >= revision:
                break
    assert not batch.events
    await watch.aclose()
