"""Leases: which keys go with them, what watchers are told, and what is left of their time."""

from __future__ import annotations

import asyncio

import pytest
from store.reading import next_batch, next_events, told

from hyperpy.store.protocol import DeleteRange, EventType, Get, LeaseNotFound, Put, Store, Txn, prefix_end


async def keys(store: Store, prefix: bytes) -> list[bytes]:
    return [pair.key for pair in (await store.get(Get(prefix, prefix_end(prefix)))).kvs]


async def test_a_key_tells_its_lease_and_a_watch_does_too(store: Store) -> None:
    lease = await store.lease_grant(60)
    watch = await store.watch(b"/l/a")
    await store.put(Put(b"/l/a", b"", lease=lease.id))
    assert (await store.get(Get(b"/l/a"))).kvs[0].lease == lease.id
    assert (await next_events(watch, 1))[0].kv.lease == lease.id
    await watch.aclose()
    await store.lease_revoke(lease.id)


async def test_a_key_that_moves_to_another_lease_stays_when_the_first_ends(store: Store) -> None:
    first, second = await store.lease_grant(60), await store.lease_grant(60)
    assert first.id != second.id
    await store.put(Put(b"/l/a", b"1", lease=first.id))
    await store.put(Put(b"/l/a", b"2", lease=second.id))
    assert (await store.lease_info(first.id, keys=True)).keys == []
    assert (await store.lease_info(second.id, keys=True)).keys == [b"/l/a"]
    before = await store.revision()
    await store.lease_revoke(first.id)
    assert await store.revision() == before
    await store.lease_revoke(second.id)
    assert await keys(store, b"/l/") == []


async def test_a_deleted_key_is_no_longer_bound_and_neither_is_the_next_of_its_name(store: Store) -> None:
    lease = await store.lease_grant(60)
    await store.put(Put(b"/l/a", b"1", lease=lease.id))
    await store.delete(DeleteRange(b"/l/a"))
    assert (await store.lease_info(lease.id, keys=True)).keys == []
    await store.put(Put(b"/l/a", b"2"))
    await store.lease_revoke(lease.id)
    assert await keys(store, b"/l/") == [b"/l/a"]


async def test_the_end_of_a_lease_is_one_revision_told_in_order_of_keys_with_what_was_there(store: Store) -> None:
    lease = await store.lease_grant(60)
    for name in (b"c", b"a", b"b"):
        await store.put(Put(b"/l/" + name, b"value " + name, lease=lease.id))
    watch = await store.watch(b"/l/", prefix_end(b"/l/"), prev_kv=True)
    await store.lease_revoke(lease.id)
    batch = await next_batch(watch)
    assert [(event.type, event.kv.key, event.prev and event.prev.value) for event in batch.events] == [
        (EventType.DELETE, b"/l/" + name, b"value " + name) for name in (b"a", b"b", b"c")
    ]
    assert {event.kv.mod_revision for event in batch.events} == {await store.revision()}
    await watch.aclose()


async def test_a_lease_that_runs_out_takes_all_its_keys_in_one_revision(store: Store) -> None:
    lease = await store.lease_grant(1)
    watch = await store.watch(b"/l/", prefix_end(b"/l/"))
    bound = [Put(b"/l/%d" % i, b"", lease=lease.id) for i in range(3)]
    await store.txn(Txn(success=[*bound, Put(b"/l/free", b"")]))
    await next_events(watch, 4)
    batch = await next_batch(watch)
    assert told(list(batch.events)) == [("DELETE", b"/l/%d" % i, b"") for i in range(3)]
    assert len({event.kv.mod_revision for event in batch.events}) == 1
    with pytest.raises(LeaseNotFound):
        await store.put(Put(b"/l/late", b"", lease=lease.id))
    assert await keys(store, b"/l/") == [b"/l/free"]
    assert lease.id not in await store.leases()
    await watch.aclose()


async def test_a_lease_without_keys_ends_without_a_revision(store: Store) -> None:
    lease = await store.lease_grant(60)
    before = await store.revision()
    await store.lease_revoke(lease.id)
    assert await store.revision() == before
    with pytest.raises(LeaseNotFound):
        await store.lease_revoke(lease.id)


async def test_what_is_left_of_a_lease_is_never_more_than_it_was_granted(store: Store) -> None:
    lease = await store.lease_grant(100)
    info = await store.lease_info(lease.id)
    assert (info.id, info.ttl_s) == (lease.id, 100)
    assert 90 <= info.remaining_s <= 100
    assert list(info.keys) == []
    await store.lease_revoke(lease.id)
    with pytest.raises(LeaseNotFound):
        await store.lease_info(lease.id)


async def test_an_id_is_free_again_once_its_lease_has_ended(store: Store) -> None:
    await store.lease_grant(60, lease_id=77)
    await store.put(Put(b"/l/a", b"", lease=77))
    await store.lease_revoke(77)
    await store.lease_grant(60, lease_id=77)
    assert (await store.lease_info(77, keys=True)).keys == []
    await store.lease_revoke(77)


async def test_leases_are_listed_in_order_once_each(store: Store) -> None:
    for lease_id in (300, 100, 200):
        await store.lease_grant(60, lease_id=lease_id)
    assert [lease_id for lease_id in await store.leases() if lease_id <= 300] == [100, 200, 300]
    for lease_id in (100, 200, 300):
        await store.lease_revoke(lease_id)


async def test_puts_beside_the_end_of_their_lease_are_refused_or_deleted_with_it(store: Store) -> None:
    """No key outlives its lease, whichever of the two comes first."""
    lease = await store.lease_grant(60)

    async def put(i: int) -> bool:
        try:
            await store.put(Put(b"/l/%d" % i, b"", lease=lease.id))
        except LeaseNotFound:
            return False
        return True

    before = [asyncio.create_task(put(i)) for i in range(10)]
    await asyncio.sleep(0)
    revoking = asyncio.create_task(store.lease_revoke(lease.id))
    after = [asyncio.create_task(put(i)) for i in range(10, 20)]
    await asyncio.gather(*before, revoking, *after)
    assert await keys(store, b"/l/") == []
    assert not await put(20)


async def test_a_lease_is_revoked_once_however_many_ask(store: Store) -> None:
    lease = await store.lease_grant(60)
    await store.put(Put(b"/l/a", b"", lease=lease.id))
    before = await store.revision()
    results = await asyncio.gather(*(store.lease_revoke(lease.id) for _ in range(5)), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert all(result is None or isinstance(result, LeaseNotFound) for result in results)
    assert await store.revision() == before + 1
