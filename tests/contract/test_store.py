"""What every store does: one suite over all implementations of `hyperpy.store.protocol.Store`."""

from __future__ import annotations

import asyncio

import pytest
from store.reading import next_batch, next_events, told

from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    DeleteResult,
    EventType,
    FutureRevision,
    Get,
    InvalidRequest,
    LeaseExists,
    LeaseNotFound,
    Op,
    Order,
    Put,
    PutResult,
    Range,
    Store,
    Target,
    Txn,
    TxnResult,
    WatchBatch,
    prefix_end,
)


class TestKeys:
    async def test_a_put_makes_the_next_revision_and_is_read_back(self, store: Store) -> None:
        before = await store.revision()
        put = await store.put(Put(b"/a", b"1"))
        assert put.revision == before + 1
        assert await store.revision() == put.revision
        (pair,) = (await store.get(Get(b"/a"))).kvs
        assert (pair.key, pair.value, pair.version, pair.lease) == (b"/a", b"1", 1, 0)
        assert pair.create_revision == pair.mod_revision == put.revision

    async def test_a_second_put_counts_the_version_and_keeps_the_create_revision(self, store: Store) -> None:
        first = await store.put(Put(b"/a", b"1"))
        second = await store.put(Put(b"/a", b"2", prev_kv=True))
        assert second.prev is not None and second.prev.value == b"1"
        (pair,) = (await store.get(Get(b"/a"))).kvs
        assert (pair.create_revision, pair.mod_revision, pair.version) == (first.revision, second.revision, 2)

    async def test_a_key_deleted_and_put_again_starts_anew(self, store: Store) -> None:
        await store.put(Put(b"/a", b"1"))
        await store.delete(DeleteRange(b"/a"))
        again = await store.put(Put(b"/a", b"2", prev_kv=True))
        assert again.prev is None
        (pair,) = (await store.get(Get(b"/a"))).kvs
        assert (pair.create_revision, pair.version) == (again.revision, 1)

    async def test_deleting_nothing_makes_no_revision(self, store: Store) -> None:
        before = await store.revision()
        result = await store.delete(DeleteRange(b"/none"))
        assert (result.deleted, result.revision) == (0, before)
        assert await store.revision() == before

    async def test_deleting_a_range_is_one_revision(self, store: Store) -> None:
        for name in (b"/x/1", b"/x/2", b"/y"):
            await store.put(Put(name, name))
        before = await store.revision()
        result = await store.delete(DeleteRange(b"/x/", prefix_end(b"/x/"), prev_kv=True))
        assert (result.deleted, result.revision) == (2, before + 1)
        assert [pair.key for pair in result.prevs] == [b"/x/1", b"/x/2"]
        assert (await store.get(Get(b"/", prefix_end(b"/")))).count == 1

    async def test_an_empty_value_is_not_a_missing_key(self, store: Store) -> None:
        await store.put(Put(b"/empty", b""))
        assert (await store.get(Get(b"/empty"))).count == 1

    async def test_any_byte_may_stand_in_keys_and_values(self, store: Store) -> None:
        everything = bytes(range(256))
        await store.put(Put(everything, everything))
        (pair,) = (await store.get(Get(everything))).kvs
        assert pair.value == everything

    @pytest.mark.parametrize("request_", [Get(b""), Put(b"", b"x"), DeleteRange(b"")], ids=["get", "put", "delete"])
    async def test_an_empty_key_is_refused(self, store: Store, request_: Get | Put | DeleteRange) -> None:
        with pytest.raises(InvalidRequest):
            await store.txn(Txn(success=[request_]))


class TestRanges:
    @pytest.fixture
    async def filled(self, store: Store) -> Store:
        for name in (b"/r/c", b"/r/a", b"/r/b", b"/q", b"/s"):
            await store.put(Put(name, name[-1:]))
        return store

    async def test_a_prefix_is_read_in_order_of_keys(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/", prefix_end(b"/r/")))
        assert [pair.key for pair in found.kvs] == [b"/r/a", b"/r/b", b"/r/c"]
        assert (found.count, found.more) == (3, False)

    async def test_it_is_read_backwards_when_asked(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/", prefix_end(b"/r/"), order=Order.DESCENDING, limit=2))
        assert [pair.key for pair in found.kvs] == [b"/r/c", b"/r/b"]

    async def test_a_limit_says_how_many_there_are_in_all(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/", prefix_end(b"/r/"), limit=2))
        assert ([pair.key for pair in found.kvs], found.count, found.more) == ([b"/r/a", b"/r/b"], 3, True)

    async def test_a_limit_that_is_just_met_leaves_no_more(self, filled: Store) -> None:
        assert not (await filled.get(Get(b"/r/", prefix_end(b"/r/"), limit=3))).more

    async def test_keys_only_leaves_values_out(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/", prefix_end(b"/r/"), keys_only=True))
        assert [(pair.key, pair.value) for pair in found.kvs] == [(b"/r/a", b""), (b"/r/b", b""), (b"/r/c", b"")]
        assert all(pair.mod_revision for pair in found.kvs)

    async def test_count_only_leaves_everything_out(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/", prefix_end(b"/r/"), count_only=True))
        assert (list(found.kvs), found.count) == ([], 3)

    async def test_an_end_of_one_zero_byte_reads_to_the_end(self, filled: Store) -> None:
        found = await filled.get(Get(b"/r/c", b"\0"))
        assert [pair.key for pair in found.kvs] == [b"/r/c", b"/s"]

    async def test_a_range_whose_end_is_before_its_start_is_empty(self, filled: Store) -> None:
        assert (await filled.get(Get(b"/s", b"/q"))).count == 0


class TestHistory:
    async def test_an_old_revision_is_read_as_it_was(self, store: Store) -> None:
        await store.put(Put(b"/a", b"1"))
        old = (await store.put(Put(b"/b", b"1"))).revision
        await store.put(Put(b"/a", b"2"))
        await store.delete(DeleteRange(b"/b"))
        await store.put(Put(b"/c", b"1"))
        found = await store.get(Get(b"/", prefix_end(b"/"), revision=old))
        assert [(pair.key, pair.value) for pair in found.kvs] == [(b"/a", b"1"), (b"/b", b"1")]
        assert found.revision == old

    async def test_pages_of_an_old_revision_fit_together(self, store: Store) -> None:
        names = [b"/p/%02d" % i for i in range(10)]
        for name in names:
            await store.put(Put(name, b""))
        first = await store.get(Get(b"/p/", prefix_end(b"/p/"), limit=4))
        await store.delete(DeleteRange(b"/p/", prefix_end(b"/p/")))
        seen = [pair.key for pair in first.kvs]
        while len(seen) < 10:
            page = await store.get(Get(seen[-1] + b"\0", prefix_end(b"/p/"), limit=4, revision=first.revision))
            seen += [pair.key for pair in page.kvs]
        assert seen == names

    async def test_a_revision_to_come_is_refused(self, store: Store) -> None:
        with pytest.raises(FutureRevision):
            await store.get(Get(b"/a", revision=await store.revision() + 1))

    async def test_a_compacted_revision_is_refused_and_the_floor_named(self, store: Store) -> None:
        old = (await store.put(Put(b"/a", b"1"))).revision
        floor = (await store.put(Put(b"/a", b"2"))).revision
        await store.put(Put(b"/a", b"3"))
        await store.compact(floor)
        with pytest.raises(Compacted) as refused:
            await store.get(Get(b"/a", revision=old))
        assert refused.value.revision == floor

    async def test_the_floor_itself_stays_readable(self, store: Store) -> None:
        await store.put(Put(b"/gone", b"1"))
        await store.put(Put(b"/old", b"1"))
        await store.delete(DeleteRange(b"/gone"))
        floor = (await store.put(Put(b"/a", b"2"))).revision
        await store.put(Put(b"/a", b"3"))
        await store.compact(floor)
        found = await store.get(Get(b"/", prefix_end(b"/"), revision=floor))
        assert [(pair.key, pair.value) for pair in found.kvs] == [(b"/a", b"2"), (b"/old", b"1")]

    async def test_compacting_twice_or_ahead_is_refused(self, store: Store) -> None:
        revision = (await store.put(Put(b"/a", b"1"))).revision
        await store.compact(revision)
        with pytest.raises(Compacted):
            await store.compact(revision)
        with pytest.raises(FutureRevision):
            await store.compact(revision + 1)


class TestTransactions:
    async def test_a_compare_that_holds_takes_the_first_branch(self, store: Store) -> None:
        put = await store.put(Put(b"/a", b"1"))
        result = await store.txn(
            Txn([Compare(b"/a", Target.MOD, Op.EQUAL, put.revision)], [Put(b"/a", b"2", prev_kv=True)], [Get(b"/a")])
        )
        assert (result.succeeded, result.revision) == (True, put.revision + 1)
        (response,) = result.responses
        assert isinstance(response, PutResult) and response.prev is not None and response.prev.value == b"1"

    async def test_a_compare_that_fails_takes_the_other_and_makes_no_revision(self, store: Store) -> None:
        put = await store.put(Put(b"/a", b"1"))
        result = await store.txn(
            Txn([Compare(b"/a", Target.MOD, Op.EQUAL, put.revision + 7)], [Put(b"/a", b"2")], [Get(b"/a")])
        )
        assert (result.succeeded, result.revision) == (False, put.revision)
        (response,) = result.responses
        assert isinstance(response, Range) and response.kvs[0].value == b"1"

    async def test_all_writes_of_a_transaction_share_one_revision(self, store: Store) -> None:
        await store.put(Put(b"/gone", b"1"))
        result = await store.txn(Txn(success=[Put(b"/a", b"1"), Put(b"/b", b"1"), DeleteRange(b"/gone")]))
        found = await store.get(Get(b"/", prefix_end(b"/")))
        assert {pair.mod_revision for pair in found.kvs} == {result.revision}
        assert isinstance(result.responses[2], DeleteResult) and result.responses[2].deleted == 1

    async def test_a_read_sees_the_writes_before_it(self, store: Store) -> None:
        await store.put(Put(b"/a", b"1"))
        result = await store.txn(Txn(success=[Get(b"/a"), Put(b"/a", b"2"), Get(b"/", prefix_end(b"/"))]))
        before, _, after = result.responses
        assert isinstance(before, Range) and before.kvs[0].value == b"1"
        assert isinstance(after, Range) and after.kvs[0].value == b"2"

    async def test_a_read_of_an_old_revision_stands_in_a_transaction_too(self, store: Store) -> None:
        old = (await store.put(Put(b"/a", b"1"))).revision
        await store.put(Put(b"/a", b"2"))
        result = await store.txn(Txn(success=[Put(b"/b", b"1"), Get(b"/a", revision=old)]))
        assert isinstance(result.responses[1], Range) and result.responses[1].kvs[0].value == b"1"

    async def test_a_transaction_that_fails_halfway_does_nothing(self, store: Store) -> None:
        before = await store.revision()
        with pytest.raises(FutureRevision):
            await store.txn(Txn(success=[Put(b"/a", b"1"), Get(b"/a", revision=before + 1000)]))
        with pytest.raises(LeaseNotFound):
            await store.txn(Txn(success=[Put(b"/a", b"1"), Put(b"/b", b"1", lease=4711)]))
        assert await store.revision() == before
        assert (await store.get(Get(b"/a"))).count == 0

    async def test_a_transaction_may_hold_another_whose_compares_see_the_state_before(self, store: Store) -> None:
        await store.put(Put(b"/a", b"0"))
        inner = Txn([Compare(b"/a", Target.VALUE, Op.EQUAL, b"0")], [Put(b"/c", b"inner")], [])
        result = await store.txn(Txn(success=[Put(b"/a", b"1"), inner]))
        nested = result.responses[1]
        assert isinstance(nested, TxnResult) and nested.succeeded
        (pair,) = (await store.get(Get(b"/c"))).kvs
        assert pair.mod_revision == result.revision

    @pytest.mark.parametrize(
        "txn",
        [
            Txn(success=[Put(b"/a", b"1"), Put(b"/a", b"2")]),
            Txn(success=[Put(b"/a", b"1"), DeleteRange(b"/", b"0")]),
            Txn(failure=[DeleteRange(b"/a"), Put(b"/a", b"1")]),
            Txn(success=[Put(b"/a", b"1"), Txn(failure=[Put(b"/a", b"2")])]),
        ],
        ids=["two puts", "put and range delete", "delete and put", "in a nested transaction"],
    )
    async def test_a_key_written_twice_is_refused(self, store: Store, txn: Txn) -> None:
        with pytest.raises(InvalidRequest):
            await store.txn(txn)

    @pytest.mark.parametrize(
        ("compare", "holds"),
        [
            (Compare(b"/none", Target.VERSION, Op.EQUAL, 0), True),
            (Compare(b"/none", Target.CREATE, Op.EQUAL, 0), True),
            (Compare(b"/none", Target.MOD, Op.LESS, 1), True),
            (Compare(b"/none", Target.LEASE, Op.EQUAL, 0), True),
            (Compare(b"/none", Target.VALUE, Op.NOT_EQUAL, b"x"), False),
            (Compare(b"/v", Target.VALUE, Op.EQUAL, b"m"), True),
            (Compare(b"/v", Target.VALUE, Op.GREATER, b"a"), True),
            (Compare(b"/v", Target.VALUE, Op.LESS, b"a"), False),
            (Compare(b"/v", Target.VERSION, Op.EQUAL, 2), True),
            (Compare(b"/v", Target.VERSION, Op.NOT_EQUAL, 2), False),
            (Compare(b"/", Target.VERSION, Op.GREATER, 0, end=b"0"), True),
            (Compare(b"/", Target.VERSION, Op.EQUAL, 2, end=b"0"), False),
            (Compare(b"/none/", Target.CREATE, Op.EQUAL, 0, end=b"/none0"), True),
        ],
        ids=lambda value: (
            f"{value.key}-{value.target.value}{value.op.value}{value.value}" if value not in (True, False) else None
        ),
    )
    async def test_compares(self, store: Store, compare: Compare, holds: bool) -> None:
        await store.put(Put(b"/v", b"a"))
        await store.put(Put(b"/v", b"m"))
        await store.put(Put(b"/w", b"a"))
        assert (await store.txn(Txn([compare]))).succeeded is holds

    async def test_of_many_writers_that_saw_the_same_revision_one_wins(self, store: Store) -> None:
        seen = (await store.put(Put(b"/a", b"0"))).revision
        attempts = [
            store.txn(Txn([Compare(b"/a", Target.MOD, Op.EQUAL, seen)], [Put(b"/a", b"%d" % i)], [Get(b"/a")]))
            for i in range(20)
        ]
        results = await asyncio.gather(*attempts)
        assert sum(result.succeeded for result in results) == 1

    async def test_many_writers_get_each_their_own_revision(self, store: Store) -> None:
        before = await store.revision()
        results = await asyncio.gather(*(store.put(Put(b"/k%d" % (i % 10), b"%d" % i)) for i in range(100)))
        assert sorted(result.revision for result in results) == list(range(before + 1, before + 101))


class TestWatches:
    async def test_changes_come_in_order_from_now_on(self, store: Store) -> None:
        await store.put(Put(b"/w/before", b"1"))
        watch = await store.watch(b"/w/", prefix_end(b"/w/"))
        await store.put(Put(b"/w/a", b"1"))
        await store.put(Put(b"/other", b"1"))
        await store.put(Put(b"/w/a", b"2"))
        await store.delete(DeleteRange(b"/w/a"))
        events = await next_events(watch, 3)
        assert told(events) == [("PUT", b"/w/a", b"1"), ("PUT", b"/w/a", b"2"), ("DELETE", b"/w/a", b"")]
        revisions = [event.kv.mod_revision for event in events]
        assert revisions == sorted(revisions)
        assert all(event.prev is None for event in events)
        await watch.aclose()

    async def test_a_watch_of_one_key_sees_that_key_only(self, store: Store) -> None:
        watch = await store.watch(b"/w/a")
        await store.put(Put(b"/w/aa", b"1"))
        await store.put(Put(b"/w/a", b"1"))
        assert told(await next_events(watch, 1)) == [("PUT", b"/w/a", b"1")]
        await watch.aclose()

    async def test_what_was_there_comes_along_when_asked(self, store: Store) -> None:
        await store.put(Put(b"/w/a", b"1"))
        watch = await store.watch(b"/w/a", prev_kv=True)
        await store.put(Put(b"/w/a", b"2"))
        await store.delete(DeleteRange(b"/w/a"))
        changed, deleted = await next_events(watch, 2)
        assert changed.prev is not None and changed.prev.value == b"1"
        assert deleted.prev is not None and deleted.prev.value == b"2"
        await watch.aclose()

    async def test_history_and_live_changes_join_without_gap_or_repeat(self, store: Store) -> None:
        first = (await store.put(Put(b"/w/0", b""))).revision
        for i in range(1, 20):
            await store.put(Put(b"/w/%d" % i, b""))
        watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=first)

        async def write_on() -> None:
            for i in range(20, 60):
                await store.put(Put(b"/w/%d" % i, b""))

        writer = asyncio.create_task(write_on())
        events = await next_events(watch, 60)
        await writer
        assert [event.kv.key for event in events] == [b"/w/%d" % i for i in range(60)]
        await watch.aclose()

    async def test_history_brings_deletions_and_what_was_there(self, store: Store) -> None:
        start = (await store.put(Put(b"/w/a", b"1"))).revision
        await store.put(Put(b"/w/a", b"2"))
        await store.delete(DeleteRange(b"/w/a"))
        watch = await store.watch(b"/w/a", start_revision=start + 1, prev_kv=True)
        changed, deleted = await next_events(watch, 2)
        assert changed.type is EventType.PUT and changed.prev is not None and changed.prev.value == b"1"
        assert deleted.type is EventType.DELETE and deleted.prev is not None and deleted.prev.value == b"2"
        await watch.aclose()

    async def test_all_changes_of_a_revision_come_in_one_batch(self, store: Store) -> None:
        start = await store.revision() + 1
        await store.txn(Txn(success=[Put(b"/w/%d" % i, b"") for i in range(50)]))
        await store.delete(DeleteRange(b"/w/", prefix_end(b"/w/")))
        watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=start)
        seen: dict[int, int] = {}
        total = 0
        while total < 100:
            batch = await next_batch(watch)
            revisions = {event.kv.mod_revision for event in batch.events}
            assert not revisions & seen.keys()
            for event in batch.events:
                seen[event.kv.mod_revision] = seen.get(event.kv.mod_revision, 0) + 1
            total += len(batch.events)
        assert sorted(seen.values()) == [50, 50]
        await watch.aclose()

    async def test_a_watch_from_a_revision_to_come_starts_there(self, store: Store) -> None:
        start = await store.revision() + 3
        watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=start)
        for i in range(1, 5):
            await store.put(Put(b"/w/%d" % i, b""))
        events = await next_events(watch, 2)
        assert [event.kv.mod_revision for event in events] == [start, start + 1]
        await watch.aclose()

    async def test_a_watch_from_below_the_floor_is_refused(self, store: Store) -> None:
        start = (await store.put(Put(b"/w/a", b"1"))).revision
        floor = (await store.put(Put(b"/w/a", b"2"))).revision
        await store.put(Put(b"/w/a", b"3"))
        await store.compact(floor)
        with pytest.raises(Compacted) as refused:
            await next_batch(await store.watch(b"/w/a", start_revision=start))
        assert refused.value.revision == floor

    async def test_a_watch_may_start_after_the_floor(self, store: Store) -> None:
        floor = (await store.put(Put(b"/w/a", b"1"))).revision
        await store.put(Put(b"/w/a", b"2"))
        await store.delete(DeleteRange(b"/w/a"))
        await store.compact(floor)
        watch = await store.watch(b"/w/a", start_revision=floor + 1)
        assert told(await next_events(watch, 2)) == [("PUT", b"/w/a", b"2"), ("DELETE", b"/w/a", b"")]
        await watch.aclose()

    async def test_a_progress_mark_says_that_all_was_delivered(self, store: Store) -> None:
        watch = await store.watch(b"/w/", prefix_end(b"/w/"))
        await store.put(Put(b"/w/a", b"1"))
        await next_events(watch, 1)
        elsewhere = (await store.put(Put(b"/other", b"1"))).revision
        await watch.request_progress()
        mark = await next_batch(watch)
        assert (list(mark.events), mark.revision) == ([], elsewhere)
        await watch.aclose()

    async def test_closing_ends_a_reader_that_waits(self, store: Store) -> None:
        watch = await store.watch(b"/w/a")

        async def read() -> list[WatchBatch]:
            return [batch async for batch in watch]

        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        await watch.aclose()
        async with asyncio.timeout(10):
            assert await reader == []

    async def test_a_thousand_changes_reach_every_watcher_once_and_in_order(self, store: Store) -> None:
        watches = [await store.watch(b"/w/", prefix_end(b"/w/")) for _ in range(5)]
        writes = (store.put(Put(b"/w/%d" % (i % 7), b"%d" % i)) for i in range(1000))
        results = await asyncio.gather(*writes)
        expected = sorted(result.revision for result in results)
        for watch in watches:
            events = await next_events(watch, 1000)
            assert [event.kv.mod_revision for event in events] == expected
            await watch.aclose()

    async def test_hundreds_of_watches_leave_room_for_calls(self, store: Store) -> None:
        watches = [await store.watch(b"/w/%d" % i) for i in range(220)]
        await asyncio.gather(*(store.put(Put(b"/w/%d" % i, b"")) for i in range(220)))
        for i, watch in enumerate(watches):
            assert told(await next_events(watch, 1)) == [("PUT", b"/w/%d" % i, b"")]
        await asyncio.gather(*(watch.aclose() for watch in watches))


class TestLeases:
    async def test_a_lease_is_granted_renewed_listed_and_revoked(self, store: Store) -> None:
        lease = await store.lease_grant(60)
        assert lease.id > 0 and lease.ttl_s == 60
        assert lease.id in await store.leases()
        assert (await store.lease_keep_alive(lease.id)).remaining_s == 60
        await store.lease_revoke(lease.id)
        assert lease.id not in await store.leases()

    async def test_revoking_deletes_its_keys_under_one_revision(self, store: Store) -> None:
        lease = await store.lease_grant(60)
        watch = await store.watch(b"/l/", prefix_end(b"/l/"))
        await store.put(Put(b"/l/a", b"1", lease=lease.id))
        await store.put(Put(b"/l/b", b"1", lease=lease.id))
        await store.put(Put(b"/l/free", b"1"))
        assert (await store.lease_info(lease.id, keys=True)).keys == (await _keys(store, b"/l/"))[:2]
        before = await store.revision()
        await store.lease_revoke(lease.id)
        assert await store.revision() == before + 1
        assert await _keys(store, b"/l/") == [b"/l/free"]
        deletions = (await next_events(watch, 5))[3:]
        assert {(event.type, event.kv.mod_revision) for event in deletions} == {(EventType.DELETE, before + 1)}
        await watch.aclose()

    async def test_a_key_written_again_without_the_lease_is_released(self, store: Store) -> None:
        lease = await store.lease_grant(60)
        await store.put(Put(b"/l/a", b"1", lease=lease.id))
        await store.put(Put(b"/l/a", b"2"))
        before = await store.revision()
        await store.lease_revoke(lease.id)
        assert await store.revision() == before
        assert await _keys(store, b"/l/") == [b"/l/a"]

    async def test_a_lease_ends_by_itself_and_takes_its_keys_along(self, store: Store) -> None:
        lease = await store.lease_grant(1)
        watch = await store.watch(b"/l/a")
        await store.put(Put(b"/l/a", b"1", lease=lease.id))
        assert [event.type for event in await next_events(watch, 2)] == [EventType.PUT, EventType.DELETE]
        with pytest.raises(LeaseNotFound):
            await store.lease_keep_alive(lease.id)
        await watch.aclose()

    async def test_an_id_of_ones_own_is_taken_once(self, store: Store) -> None:
        lease = await store.lease_grant(60, lease_id=0x1234)
        assert lease.id == 0x1234
        with pytest.raises(LeaseExists):
            await store.lease_grant(60, lease_id=0x1234)
        await store.lease_revoke(0x1234)

    async def test_a_lease_that_is_not_there_is_refused_everywhere(self, store: Store) -> None:
        for attempt in (
            store.lease_keep_alive(4711),
            store.lease_revoke(4711),
            store.lease_info(4711),
            store.put(Put(b"/a", b"1", lease=4711)),
        ):
            with pytest.raises(LeaseNotFound):
                await attempt


async def _keys(store: Store, prefix: bytes) -> list[bytes]:
    return [pair.key for pair in (await store.get(Get(prefix, prefix_end(prefix)))).kvs]
