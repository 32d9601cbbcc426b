"""Transactions: what their operations see and return, their revision, and what they refuse."""

from __future__ import annotations

import pytest
from store.reading import next_events, told

from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    DeleteResult,
    FutureRevision,
    Get,
    Op,
    Put,
    PutResult,
    Range,
    Store,
    Target,
    Txn,
    TxnResult,
    prefix_end,
)

NEVER = Compare(b"/none", Target.VERSION, Op.GREATER, 0)


async def test_an_empty_transaction_succeeds_and_changes_nothing(store: Store) -> None:
    before = (await store.put(Put(b"/a", b""))).revision
    assert await store.txn(Txn()) == TxnResult(True, before, [])
    assert await store.txn(Txn([NEVER])) == TxnResult(False, before, [])


async def test_a_transaction_of_reads_makes_no_revision_and_sees_one(store: Store) -> None:
    before = (await store.put(Put(b"/a", b"1"))).revision
    result = await store.txn(Txn(success=[Get(b"/a"), Get(b"/", b"0", count_only=True), Get(b"/none")]))
    assert result.revision == before == await store.revision()
    one, counted, none = result.responses
    assert isinstance(one, Range) and one.kvs[0].value == b"1"
    assert isinstance(counted, Range) and (list(counted.kvs), counted.count) == ([], 1)
    assert isinstance(none, Range) and none.count == 0


async def test_the_other_branch_may_write_too(store: Store) -> None:
    before = (await store.put(Put(b"/a", b"1"))).revision
    result = await store.txn(Txn([NEVER], [Put(b"/a", b"yes")], [Put(b"/a", b"no", prev_kv=True)]))
    assert (result.succeeded, result.revision) == (False, before + 1)
    (response,) = result.responses
    assert isinstance(response, PutResult) and response.prev is not None and response.prev.value == b"1"
    assert (await store.get(Get(b"/a"))).kvs[0].value == b"no"


async def test_a_read_does_not_see_what_was_deleted_before_it(store: Store) -> None:
    await store.put(Put(b"/d/a", b"1"))
    await store.put(Put(b"/d/b", b"1"))
    operations = [DeleteRange(b"/d/a", prev_kv=True), Get(b"/d/", prefix_end(b"/d/")), Put(b"/d/c", b"1")]
    result = await store.txn(Txn(success=[*operations, Get(b"/d/", prefix_end(b"/d/"), limit=1)]))
    deletion, between, _, after = result.responses
    assert isinstance(deletion, DeleteResult) and [pair.value for pair in deletion.prevs] == [b"1"]
    assert isinstance(between, Range) and [pair.key for pair in between.kvs] == [b"/d/b"]
    assert isinstance(after, Range) and (after.count, after.more, after.kvs[0].key) == (2, True, b"/d/b")


async def test_what_a_read_sees_of_its_own_transaction_has_its_revision(store: Store) -> None:
    result = await store.txn(Txn(success=[Put(b"/a", b"1"), Get(b"/a")]))
    found = result.responses[1]
    assert isinstance(found, Range)
    assert (found.kvs[0].mod_revision, found.kvs[0].create_revision) == (result.revision, result.revision)


async def test_a_read_of_the_newest_revision_sees_nothing_of_the_transaction_it_stands_in(store: Store) -> None:
    newest = (await store.put(Put(b"/a", b"1"))).revision
    result = await store.txn(Txn(success=[Put(b"/a", b"2"), Get(b"/a", revision=newest), Get(b"/a")]))
    _, before, now = result.responses
    assert isinstance(before, Range) and before.kvs[0].value == b"1"
    assert isinstance(now, Range) and now.kvs[0].value == b"2"
    with pytest.raises(FutureRevision):  # its own revision has not been yet
        await store.txn(Txn(success=[Put(b"/a", b"3"), Get(b"/a", revision=result.revision + 1)]))
    assert await store.revision() == result.revision


async def test_deleting_nothing_beside_a_read_makes_no_revision(store: Store) -> None:
    before = (await store.put(Put(b"/a", b"1"))).revision
    result = await store.txn(Txn(success=[DeleteRange(b"/none"), Get(b"/a")]))
    assert result.revision == before == await store.revision()


async def test_a_nested_transaction_takes_its_own_branch_under_the_same_revision(store: Store) -> None:
    inner = Txn([NEVER], [Put(b"/yes", b"")], [Put(b"/no", b""), Get(b"/", b"0", keys_only=True)])
    result = await store.txn(Txn(success=[Put(b"/a", b""), inner, Get(b"/no")]))
    _, nested, outer = result.responses
    assert isinstance(nested, TxnResult) and not nested.succeeded
    seen = nested.responses[1]
    assert isinstance(seen, Range) and [pair.key for pair in seen.kvs] == [b"/a", b"/no"]
    assert isinstance(outer, Range) and outer.kvs[0].mod_revision == result.revision


async def test_events_of_a_transaction_come_in_the_order_of_its_operations(store: Store) -> None:
    await store.put(Put(b"/o/gone", b""))
    watch = await store.watch(b"/o/", prefix_end(b"/o/"), prev_kv=True)
    result = await store.txn(
        Txn(success=[Put(b"/o/z", b"1"), DeleteRange(b"/o/gone"), Put(b"/o/a", b"2"), Put(b"/o/m", b"3")])
    )
    events = await next_events(watch, 4)
    assert told(events) == [
        ("PUT", b"/o/z", b"1"),
        ("DELETE", b"/o/gone", b""),
        ("PUT", b"/o/a", b"2"),
        ("PUT", b"/o/m", b"3"),
    ]
    assert {event.kv.mod_revision for event in events} == {result.revision}
    again = await store.watch(b"/o/", prefix_end(b"/o/"), start_revision=result.revision, prev_kv=True)
    assert await next_events(again, 4) == events
    await watch.aclose()
    await again.aclose()


async def test_a_compacted_revision_is_refused_inside_a_transaction_and_nothing_is_done(store: Store) -> None:
    old = (await store.put(Put(b"/a", b"1"))).revision
    floor = (await store.put(Put(b"/a", b"2"))).revision
    await store.put(Put(b"/b", b"1"))
    await store.compact(floor)
    before = await store.revision()
    with pytest.raises(Compacted) as refused:
        await store.txn(Txn(success=[Put(b"/a", b"3"), Get(b"/a", revision=old)]))
    assert refused.value.revision == floor
    assert await store.revision() == before
    assert (await store.txn(Txn([NEVER], [Get(b"/a", revision=old)], [Get(b"/a")]))).succeeded is False


async def test_all_compares_must_hold(store: Store) -> None:
    revision = (await store.put(Put(b"/a", b"1"))).revision
    right = Compare(b"/a", Target.CREATE, Op.EQUAL, revision)
    assert (await store.txn(Txn([right, Compare(b"/a", Target.VALUE, Op.EQUAL, b"1")]))).succeeded
    assert not (await store.txn(Txn([right, Compare(b"/a", Target.VALUE, Op.EQUAL, b"2")]))).succeeded


async def test_a_compare_may_ask_for_a_lease(store: Store) -> None:
    lease = await store.lease_grant(60)
    await store.put(Put(b"/a", b"", lease=lease.id))
    assert (await store.txn(Txn([Compare(b"/a", Target.LEASE, Op.EQUAL, lease.id)]))).succeeded
    await store.lease_revoke(lease.id)
    assert (await store.txn(Txn([Compare(b"/a", Target.LEASE, Op.EQUAL, 0)]))).succeeded
