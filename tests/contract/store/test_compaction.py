"""Compaction: what stays readable, what is refused, and that the live set is untouched."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.store.protocol import Compacted, DeleteRange, FutureRevision, Get, Put, Store, Txn, prefix_end


async def test_live_keys_keep_all_they_have(store: Store) -> None:
    for i in range(3):
        await store.put(Put(b"/a", b"%d" % i))
    before = (await store.get(Get(b"/a"))).kvs
    await store.put(Put(b"/b", b""))
    await store.compact(await store.revision())
    assert (await store.get(Get(b"/a"))).kvs == before
    changed = await store.put(Put(b"/a", b"3", prev_kv=True))
    assert [changed.prev] == list(before)
    assert (await store.get(Get(b"/a"))).kvs[0].version == 4


async def test_every_read_of_the_floor_is_as_it_was(store: Store) -> None:
    for i in range(6):
        await store.put(Put(b"/k/%d" % (i % 3), b"%d" % i))
    await store.delete(DeleteRange(b"/k/1"))
    floor = await store.revision()
    before = await store.get(Get(b"/k/", prefix_end(b"/k/"), revision=floor))
    await store.delete(DeleteRange(b"/k/", prefix_end(b"/k/")))
    await store.put(Put(b"/k/1", b"again"))
    await store.compact(floor)
    assert await store.get(Get(b"/k/", prefix_end(b"/k/"), revision=floor)) == before
    counted = await store.get(Get(b"/k/", prefix_end(b"/k/"), revision=floor, count_only=True))
    assert counted.count == 2
    limited = await store.get(Get(b"/k/", prefix_end(b"/k/"), revision=floor, limit=1))
    assert ([pair.key for pair in limited.kvs], limited.more) == ([b"/k/0"], True)


async def test_compacting_again_goes_forward_only(store: Store) -> None:
    revisions = [(await store.put(Put(b"/a", b"%d" % i))).revision for i in range(4)]
    await store.compact(revisions[1])
    for revision in revisions[:2]:
        with pytest.raises(Compacted) as refused:
            await store.compact(revision)
        assert refused.value.revision == revisions[1]
    await store.compact(revisions[3])
    for revision in revisions[:3]:
        with pytest.raises(Compacted):
            await store.get(Get(b"/a", revision=revision))
    with pytest.raises(FutureRevision):
        await store.compact(revisions[3] + 1)


async def test_a_compaction_makes_no_revision(store: Store) -> None:
    revision = (await store.put(Put(b"/a", b""))).revision
    await store.compact(revision)
    assert await store.revision() == revision
    assert (await store.put(Put(b"/a", b""))).revision == revision + 1


async def test_a_key_deleted_before_the_floor_starts_anew_after_it(store: Store) -> None:
    await store.put(Put(b"/a", b"1"))
    await store.put(Put(b"/a", b"2"))
    floor = (await store.delete(DeleteRange(b"/a"))).revision
    await store.compact(floor)
    assert (await store.get(Get(b"/a", revision=floor))).count == 0
    again = await store.put(Put(b"/a", b"3", prev_kv=True))
    assert again.prev is None
    (pair,) = (await store.get(Get(b"/a"))).kvs
    assert (pair.create_revision, pair.version) == (again.revision, 1)


async def test_compactions_beside_reads_and_writes_disturb_neither(store: Store) -> None:
    """A read of the past gets what there was, or hears that it is compacted; it never gets a part."""
    names = [b"/c/%d" % i for i in range(5)]
    seen = (await store.txn(Txn(success=[Put(name, b"0") for name in names]))).revision
    refused = 0

    async def write() -> None:
        for i in range(1, 30):
            await store.txn(Txn(success=[Put(name, b"%d" % i) for name in names]))

    async def compact() -> None:
        while not writer.done():
            await store.compact((await store.put(Put(b"/other", b""))).revision)

    writer = asyncio.create_task(write())
    compactor = asyncio.create_task(compact())
    while not writer.done():
        await asyncio.sleep(0)  # a store in memory answers without waiting
        try:
            found = await store.get(Get(b"/c/", prefix_end(b"/c/"), revision=seen))
        except Compacted as error:
            refused += 1
            assert error.revision > seen
            seen = await store.revision()
            continue
        assert found.count == 5 and len({pair.value for pair in found.kvs}) == 1
    await asyncio.gather(writer, compactor)
    assert (await store.get(Get(b"/c/", prefix_end(b"/c/")))).kvs[0].value == b"29"
