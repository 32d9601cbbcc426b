"""Watches of the past, the present and the future, and the bugs that etcd's watches once had, each under its name."""

from __future__ import annotations

import asyncio

import pytest
from store.reading import next_batch, next_events, told

from hyperpy.store.protocol import Compacted, DeleteRange, Event, EventType, Get, Put, Store, Txn, Watch, prefix_end


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which implementation it is."""
    return str(request.node.callspec.params["store"])


async def until_mark(watch: Watch) -> tuple[list[Event], int]:
    """All events up to a progress mark asked for now, and its revision."""
    await watch.request_progress()
    events: list[Event] = []
    while (batch := await next_batch(watch)).events:
        events += batch.events
    return events, batch.revision


async def test_a_deletion_at_the_compacted_revision_is_still_told(store: Store, kind: str) -> None:
    """etcd 3.5 and 3.6 dropped a tombstone at the very revision of a compaction, which a watch may start from."""
    if kind == "etcd":
        pytest.skip("Debian's 3.4 has this bug")
    await store.put(Put(b"/w/a", b"1"))
    floor = (await store.delete(DeleteRange(b"/w/a"))).revision
    await store.put(Put(b"/w/b", b"2"))
    await store.compact(floor)
    watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=floor)
    assert told(await next_events(watch, 2)) == [("DELETE", b"/w/a", b""), ("PUT", b"/w/b", b"2")]
    await watch.aclose()


async def test_a_watch_may_start_at_the_compacted_revision_itself(store: Store) -> None:
    await store.put(Put(b"/w/a", b"1"))
    floor = (await store.put(Put(b"/w/a", b"2"))).revision
    await store.put(Put(b"/w/a", b"3"))
    await store.compact(floor)
    watch = await store.watch(b"/w/a", start_revision=floor)
    assert told(await next_events(watch, 2)) == [("PUT", b"/w/a", b"2"), ("PUT", b"/w/a", b"3")]
    await watch.aclose()


async def test_after_a_compaction_what_was_there_comes_along_from_the_floor_on(store: Store) -> None:
    """prev_kv went missing after compactions: what the floor itself replaced may be gone, later ones may not."""
    await store.put(Put(b"/w/a", b"1"))
    floor = (await store.put(Put(b"/w/a", b"2"))).revision
    await store.put(Put(b"/w/a", b"3"))
    await store.delete(DeleteRange(b"/w/a"))
    await store.compact(floor)
    watch = await store.watch(b"/w/a", start_revision=floor, prev_kv=True)
    at_floor, changed, deleted = await next_events(watch, 3)
    assert at_floor.prev is None or at_floor.prev.value == b"1"
    assert changed.prev is not None and (changed.prev.value, changed.prev.mod_revision) == (b"2", floor)
    assert deleted.prev is not None and deleted.prev.value == b"3"
    await watch.aclose()


async def test_a_watch_of_compacted_history_ends_with_the_floor_and_stays_ended(store: Store) -> None:
    """It was once retried for ever, or ended without the revision to go on from."""
    start = (await store.put(Put(b"/w/a", b"1"))).revision
    floor = (await store.put(Put(b"/w/a", b"2"))).revision
    await store.compact(floor)
    with pytest.raises(Compacted) as refused:
        watch = await store.watch(b"/w/a", start_revision=start)
        try:
            await next_batch(watch)
        except Compacted:
            await watch.aclose()
            raise
    assert refused.value.revision == floor
    watch = await store.watch(b"/w/a", start_revision=refused.value.revision)
    assert told(await next_events(watch, 1)) == [("PUT", b"/w/a", b"2")]
    await watch.aclose()


async def test_a_compaction_does_not_end_watches_that_keep_up(store: Store) -> None:
    watch = await store.watch(b"/w/", prefix_end(b"/w/"))
    for i in range(5):
        revision = (await store.put(Put(b"/w/a", b"%d" % i))).revision
        assert told(await next_events(watch, 1)) == [("PUT", b"/w/a", b"%d" % i)]
        await store.compact(revision)
    await watch.aclose()


async def test_a_watch_of_a_revision_to_come_is_told_nothing_earlier_and_nothing_is_lost(store: Store) -> None:
    """A watch on a future revision got the events before it, or was lost among those that had caught up."""
    start = await store.revision() + 4
    watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=start)
    beside = await store.watch(b"/w/", prefix_end(b"/w/"))
    await store.put(Put(b"/w/a", b"1"))
    await store.txn(Txn(success=[Put(b"/w/a", b"2"), Put(b"/w/b", b"2")]))
    await store.compact(await store.revision())
    await store.delete(DeleteRange(b"/w/", prefix_end(b"/w/")))
    await store.txn(Txn(success=[Put(b"/w/a", b"3"), Put(b"/w/c", b"3")]))
    await store.put(Put(b"/w/d", b"4"))
    events = await next_events(watch, 3)
    assert told(events) == [("PUT", b"/w/a", b"3"), ("PUT", b"/w/c", b"3"), ("PUT", b"/w/d", b"4")]
    assert events[0].kv.mod_revision == start
    assert len(await next_events(beside, 8)) == 8
    await watch.aclose()
    await beside.aclose()


async def test_a_progress_mark_comes_after_every_event_it_vouches_for(store: Store) -> None:
    """Before 3.4.25 and 3.5.8 etcd sent a mark ahead of events still read from history; the client sees to it."""
    first = (await store.put(Put(b"/w/0", b"x" * 200_000))).revision
    for i in range(1, 8):
        await store.put(Put(b"/w/%d" % i, b"x" * 200_000))
    watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=first)
    events, revision = await until_mark(watch)
    assert [event.kv.mod_revision for event in events] == list(range(first, first + 8))
    assert revision == first + 7
    await watch.aclose()


async def test_marks_and_batches_never_go_back(store: Store) -> None:
    watch = await store.watch(b"/w/", prefix_end(b"/w/"))
    marks: list[int] = []

    async def write() -> None:
        for i in range(60):
            await store.put(Put(b"/w/%d" % (i % 3), b""))
            if i % 5 == 0:
                await watch.request_progress()

    writer = asyncio.create_task(write())
    delivered = 0
    while delivered < 60:
        batch = await next_batch(watch)
        assert batch.revision >= max(marks, default=0)
        assert all(event.kv.mod_revision > max(marks, default=0) for event in batch.events)
        delivered += len(batch.events)
        marks.append(batch.revision)
    await writer
    await watch.aclose()


async def test_a_watch_that_resumes_after_a_bookmark_neither_repeats_nor_skips(store: Store) -> None:
    """A client that reconnected was once told again what it had been told, or missed what came meanwhile."""
    seen: list[int] = []
    start = next_ = await store.revision() + 1
    for round_ in range(6):
        watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=next_)
        await store.put(Put(b"/w/%d" % round_, b""))
        await store.put(Put(b"/elsewhere", b""))
        events, revision = await until_mark(watch)
        seen += [event.kv.mod_revision for event in events]
        await watch.aclose()
        await store.put(Put(b"/w/while-away", b"%d" % round_))
        next_ = revision + 1
    watch = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=next_)
    seen += [event.kv.mod_revision for event in await next_events(watch, 1)]
    await watch.aclose()
    assert seen == [start + 3 * round_ + place for round_ in range(6) for place in (0, 2)]


async def test_a_put_right_before_or_after_the_start_of_a_watch_is_told_as_its_revision_says(store: Store) -> None:
    for _ in range(10):
        before = await store.put(Put(b"/w/a", b"before"))
        watch = await store.watch(b"/w/a")
        after = await store.put(Put(b"/w/a", b"after"))
        (event,) = await next_events(watch, 1)
        assert (event.kv.mod_revision, event.kv.value) == (after.revision, b"after")
        assert after.revision == before.revision + 1
        await watch.aclose()


async def test_a_watch_from_the_newest_revision_is_told_that_one(store: Store) -> None:
    newest = (await store.put(Put(b"/w/a", b"1"))).revision
    watch = await store.watch(b"/w/a", start_revision=newest)
    assert [event.kv.mod_revision for event in await next_events(watch, 1)] == [newest]
    await watch.aclose()


async def test_history_and_the_live_stream_tell_the_same(store: Store) -> None:
    live = await store.watch(b"/w/", prefix_end(b"/w/"), prev_kv=True)
    start = await store.revision() + 1
    lease = await store.lease_grant(60)
    await store.put(Put(b"/w/a", b"1", lease=lease.id))
    await store.txn(Txn(success=[Put(b"/w/b", b"2"), Put(b"/w/a", b"2", lease=lease.id)]))
    await store.delete(DeleteRange(b"/w/b"))
    await store.put(Put(b"/w/b", b"3"))
    await store.lease_revoke(lease.id)
    events = await next_events(live, 6)
    history = await store.watch(b"/w/", prefix_end(b"/w/"), start_revision=start, prev_kv=True)
    assert await next_events(history, 6) == events
    await live.aclose()
    await history.aclose()


async def test_a_tombstone_tells_its_key_and_revision_only(store: Store) -> None:
    lease = await store.lease_grant(60)
    await store.put(Put(b"/w/a", b"1", lease=lease.id))
    watch = await store.watch(b"/w/a")
    gone = (await store.delete(DeleteRange(b"/w/a"))).revision
    (event,) = await next_events(watch, 1)
    pair = event.kv
    assert (event.type, event.prev) == (EventType.DELETE, None)
    assert (pair.key, pair.value, pair.mod_revision, pair.create_revision, pair.version, pair.lease) == (
        *(b"/w/a", b"", gone),
        *(0, 0, 0),
    )
    await watch.aclose()
    await store.lease_revoke(lease.id)


@pytest.mark.parametrize(
    ("key", "end", "told_of"),
    [
        (b"/b", b"/d", [b"/b", b"/c"]),
        (b"/c", b"\0", [b"/c", b"/d"]),
        (b"\0", b"\0", [b"/a", b"/b", b"/c", b"/d"]),
        (b"/c", None, [b"/c"]),
    ],
    ids=["from to", "from on", "everything", "one key"],
)
async def test_ranges_of_watches_are_those_of_reads(
    store: Store, key: bytes, end: bytes | None, told_of: list[bytes]
) -> None:
    watch = await store.watch(key, end)
    start = await store.revision() + 1
    for name in (b"/a", b"/b", b"/c", b"/d"):
        await store.put(Put(name, b""))
    assert [event.kv.key for event in await next_events(watch, len(told_of))] == told_of
    history = await store.watch(key, end, start_revision=start)
    assert [event.kv.key for event in await next_events(history, len(told_of))] == told_of
    assert [pair.key for pair in (await store.get(Get(key, end))).kvs] == told_of
    await watch.aclose()
    await history.aclose()


async def test_a_slow_watch_holds_up_no_other_and_loses_nothing(store: Store) -> None:
    """Slow watches were starved by quick ones, or held up the whole stream."""
    slow = await store.watch(b"/w/", prefix_end(b"/w/"))
    quick = await store.watch(b"/w/", prefix_end(b"/w/"))
    for i in range(300):
        await store.put(Put(b"/w/%d" % (i % 4), b"%d" % i))
        if i % 50 == 49:
            assert len(await next_events(quick, 50)) == 50
    assert [event.kv.value for event in await next_events(slow, 300)] == [b"%d" % i for i in range(300)]
    await slow.aclose()
    await quick.aclose()


async def test_closing_one_watch_while_it_catches_up_leaves_the_others_alone(store: Store) -> None:
    first = (await store.put(Put(b"/w/a", b"x" * 500_000))).revision
    for _ in range(3):
        await store.put(Put(b"/w/a", b"x" * 500_000))
    other = await store.watch(b"/w/b")
    catching_up = await store.watch(b"/w/a", start_revision=first)
    await catching_up.aclose()
    await store.put(Put(b"/w/b", b"1"))
    assert told(await next_events(other, 1)) == [("PUT", b"/w/b", b"1")]
    with pytest.raises(StopAsyncIteration):
        await anext(aiter(catching_up))
    await other.aclose()
