"""Reads and writes beside each other: what was acknowledged is seen, and nothing is seen that is taken back."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hyperpy.store.protocol import Compare, DeleteRange, Get, Op, Put, Range, Store, Target, Txn, prefix_end


async def test_everyone_reads_at_once_what_was_acknowledged(store: Store) -> None:
    async def write_and_read(writer: int) -> None:
        key = b"/w/%d" % writer
        for i in range(20):
            put = await store.put(Put(key, b"%d" % i))
            found = await store.get(Get(key))
            assert found.kvs[0].value == b"%d" % i
            assert found.revision >= put.revision
            assert await store.revision() >= put.revision

    await asyncio.gather(*(write_and_read(writer) for writer in range(8)))


async def test_a_reader_never_goes_back(store: Store) -> None:
    await store.put(Put(b"/a", b"0"))
    writer = asyncio.gather(*(store.put(Put(b"/a", b"%d" % i)) for i in range(100)))
    seen: list[tuple[int, int]] = []
    while not writer.done():
        await asyncio.sleep(0)  # a store in memory answers without waiting
        found = await store.get(Get(b"/a"))
        seen.append((found.revision, found.kvs[0].mod_revision))
    await writer
    assert all(before[0] <= now[0] and before[1] <= now[1] for before, now in pairwise(seen))
    assert all(pair_revision <= revision for revision, pair_revision in seen)


async def test_a_transaction_is_seen_whole_or_not_at_all(store: Store) -> None:
    async def write(i: int) -> None:
        await store.txn(Txn(success=[Put(b"/t/%d" % key, b"%d" % i) for key in range(5)]))

    await write(0)
    writer = asyncio.gather(*(write(i) for i in range(1, 60)))
    while not writer.done():
        await asyncio.sleep(0)  # a store in memory answers without waiting
        found = await store.get(Get(b"/t/", prefix_end(b"/t/")))
        assert len({(pair.value, pair.mod_revision, pair.version) for pair in found.kvs}) == 1
    await writer


async def test_a_counter_that_many_raise_by_compare_and_swap_loses_nothing(store: Store) -> None:
    await store.put(Put(b"/n", b"0"))

    async def raise_by_one() -> None:
        while True:
            (pair,) = (await store.get(Get(b"/n"))).kvs
            same = Compare(b"/n", Target.MOD, Op.EQUAL, pair.mod_revision)
            if (await store.txn(Txn([same], [Put(b"/n", b"%d" % (int(pair.value) + 1))]))).succeeded:
                return

    await asyncio.gather(*(raise_by_one() for _ in range(12)))
    (pair,) = (await store.get(Get(b"/n"))).kvs
    assert (pair.value, pair.version) == (b"12", 13)


async def test_of_many_who_create_a_key_one_does_and_all_see_it(store: Store) -> None:
    absent = Compare(b"/lock", Target.CREATE, Op.EQUAL, 0)
    attempts = [store.txn(Txn([absent], [Put(b"/lock", b"%d" % i)], [Get(b"/lock")])) for i in range(15)]
    results = await asyncio.gather(*attempts)
    (winner,) = [i for i, result in enumerate(results) if result.succeeded]
    for i, result in enumerate(results):
        if i != winner:
            (found,) = result.responses
            assert isinstance(found, Range) and found.kvs[0].value == b"%d" % winner


async def test_puts_and_deletions_of_one_key_count_its_versions(store: Store) -> None:
    async def work(writer: int) -> None:
        for i in range(10):
            await store.put(Put(b"/k", b"%d.%d" % (writer, i)))
            if i % 3 == writer % 3:
                await store.delete(DeleteRange(b"/k"))

    start = await store.revision() + 1
    watch = await store.watch(b"/k", start_revision=start)
    await asyncio.gather(*(work(writer) for writer in range(4)))
    newest, version, created = await store.revision(), 0, 0
    last = start - 1
    while last < newest:
        async with asyncio.timeout(10):
            batch = await anext(aiter(watch))
        for event in batch.events:
            last += 1
            deleted = event.type.value == "DELETE"
            created = 0 if deleted else created or last
            version = 0 if deleted else version + 1
            assert (event.kv.mod_revision, event.kv.version, event.kv.create_revision) == (last, version, created)
    await watch.aclose()


async def test_a_write_whose_caller_gave_up_happens_once_or_not_at_all(store: Store) -> None:
    before = await store.revision()
    attempts = [asyncio.create_task(store.put(Put(b"/c/%d" % i, b""))) for i in range(20)]
    for _ in range(3):
        await asyncio.sleep(0)
    for attempt in attempts[::2]:
        attempt.cancel()
    results = await asyncio.gather(*attempts, return_exceptions=True)
    await store.put(Put(b"/last", b""))
    found = await store.get(Get(b"/c/", prefix_end(b"/c/")))
    assert all(pair.version == 1 for pair in found.kvs)
    assert {b"/c/%d" % i for i in range(1, 20, 2)} <= {pair.key for pair in found.kvs}
    assert not any(isinstance(result, Exception) for result in results)
    assert await store.revision() == before + found.count + 1
