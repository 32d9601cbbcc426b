"""The history of a shared etcd stays short, whoever of its API servers sees to it."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.components.apiserver import compacting
from hyperpy.components.apiserver.compacting import Seen
from hyperpy.store.engine import memory
from hyperpy.store.protocol import Compacted, Get, Put
from hyperpy.testing.clock import ManualClock

KEY = b"/registry/a"


@pytest.fixture
async def store():
    store = await memory.open_store()
    yield store
    await store.aclose()


async def write(store):
    return (await store.put(Put(KEY, b"x"))).revision


async def readable(store, revision):
    try:
        await store.get(Get(KEY, revision=revision))
    except Compacted:
        return False
    return True


async def test_what_is_older_than_the_look_before_goes(store):
    old, new = await write(store), await write(store)
    seen = await compacting.once(store, Seen())
    newest = await write(store)
    assert await readable(store, old)
    await compacting.once(store, seen)
    assert [await readable(store, each) for each in (old, new, newest)] == [False, False, True]


async def test_a_server_that_starts_compacts_nothing_it_did_not_see(store):
    old = await write(store)
    await write(store)
    await compacting.once(store, Seen())
    assert await readable(store, old)


async def test_of_two_servers_one_compacts(store):
    old = await write(store)
    first = await compacting.once(store, Seen())
    second = await compacting.once(store, Seen())
    assert (first.count, second.count) == (1, 1)
    await write(store)
    first = await compacting.once(store, first)
    assert not await readable(store, old)
    middle = await write(store)
    second = await compacting.once(store, second)
    assert (first.count, second.count) == (2, 2)
    assert await readable(store, middle)


async def test_history_that_is_gone_already_is_no_failure(store):
    seen = await compacting.once(store, Seen())
    await store.compact(await write(store))
    assert (await compacting.once(store, seen)).count == 2


async def test_it_goes_on_interval_after_interval(store):
    clock = ManualClock()
    work = asyncio.create_task(compacting.keep_short(store, clock, interval_s=300))
    old = await write(store)
    for _ in range(3):
        await clock.advance(300)
        await write(store)
    assert not await readable(store, old)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
