"""Range reads, now and at an old revision: limits, orders, counts, ends of ranges, tombstones."""

from __future__ import annotations

import pytest

from hyperpy.store.protocol import DeleteRange, FutureRevision, Get, Order, Put, Store, Txn, prefix_end

R, R_END = b"/r/", b"/r0"


@pytest.fixture
async def old(store: Store) -> int:
    """A revision with /r/a to /r/e, of which nothing is left as it was."""
    for name in (b"d", b"b", b"e", b"a", b"c"):
        revision = (await store.put(Put(R + name, b"old " + name))).revision
    await store.delete(DeleteRange(R + b"b"))
    await store.put(Put(R + b"a", b"new"))
    await store.txn(Txn(success=[Put(R + b"f", b"new"), DeleteRange(R + b"d", R + b"f")]))
    return revision


def names(kvs: object) -> bytes:
    return b"".join(pair.key[-1:] for pair in kvs)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("limit", "order", "expected", "more"),
    [
        (0, Order.ASCENDING, b"abcde", False),
        (2, Order.ASCENDING, b"ab", True),
        (2, Order.DESCENDING, b"ed", True),
        (5, Order.DESCENDING, b"edcba", False),
        (9, Order.ASCENDING, b"abcde", False),
    ],
    ids=["all", "first two", "last two", "just as many", "more than there are"],
)
async def test_an_old_revision_has_limits_and_orders_too(
    store: Store, old: int, limit: int, order: Order, expected: bytes, more: bool
) -> None:
    found = await store.get(Get(R, R_END, limit=limit, order=order, revision=old))
    assert (names(found.kvs), found.count, found.more, found.revision) == (expected, 5, more, old)
    assert all(pair.value == b"old " + pair.key[-1:] for pair in found.kvs)


async def test_an_old_revision_has_keys_only_and_count_only_too(store: Store, old: int) -> None:
    keys = await store.get(Get(R, R_END, keys_only=True, limit=3, revision=old))
    assert (names(keys.kvs), {pair.value for pair in keys.kvs}, keys.count, keys.more) == (b"abc", {b""}, 5, True)
    assert all(pair.mod_revision <= old and pair.version == 1 for pair in keys.kvs)
    counted = await store.get(Get(R, R_END, count_only=True, limit=3, revision=old))
    assert (list(counted.kvs), counted.count, counted.more) == ([], 5, False)


async def test_each_revision_is_read_as_it_was(store: Store, old: int) -> None:
    newest = await store.revision()
    assert newest == old + 3
    for revision, expected in ((old, b"abcde"), (old + 1, b"acde"), (old + 2, b"acde"), (newest, b"acf")):
        assert names((await store.get(Get(R, R_END, revision=revision))).kvs) == expected


async def test_the_newest_revision_by_its_number_is_the_newest_state(store: Store, old: int) -> None:
    newest = await store.revision()
    assert await store.get(Get(R, R_END, revision=newest)) == await store.get(Get(R, R_END))


async def test_before_its_first_put_a_key_was_not_there(store: Store) -> None:
    before = (await store.put(Put(b"/x", b""))).revision
    await store.put(Put(b"/k", b"1"))
    found = await store.get(Get(b"/k", revision=before))
    assert (found.count, found.revision) == (0, before)


async def test_a_deleted_key_is_in_no_range_and_in_no_count(store: Store) -> None:
    await store.put(Put(b"/k", b"1"))
    revision = (await store.delete(DeleteRange(b"/k"))).revision
    for request in (Get(b"/k"), Get(b"/", b"0"), Get(b"/", b"0", count_only=True), Get(b"/k", revision=revision)):
        found = await store.get(request)
        assert (list(found.kvs), found.count) == ([], 0)


async def test_a_key_has_its_last_revisions_from_before_and_after_its_deletion(store: Store) -> None:
    first = (await store.put(Put(b"/k", b"1"))).revision
    await store.put(Put(b"/k", b"2"))
    gone = (await store.delete(DeleteRange(b"/k"))).revision
    again = (await store.put(Put(b"/k", b"3"))).revision
    (pair,) = (await store.get(Get(b"/k", revision=gone - 1))).kvs
    assert (pair.value, pair.create_revision, pair.version) == (b"2", first, 2)
    (pair,) = (await store.get(Get(b"/k"))).kvs
    assert (pair.value, pair.create_revision, pair.mod_revision, pair.version) == (b"3", again, again, 1)


async def test_putting_the_same_value_again_is_a_change(store: Store) -> None:
    first = await store.put(Put(b"/k", b"same"))
    second = await store.put(Put(b"/k", b"same"))
    assert second.revision == first.revision + 1
    assert (await store.get(Get(b"/k"))).kvs[0].version == 2


async def test_a_prefix_of_the_highest_bytes_reads_to_the_end(store: Store) -> None:
    assert prefix_end(b"\xff\xff") == b"\0"
    assert prefix_end(b"a\xff") == b"b"
    for key in (b"\xfe", b"\xff", b"\xff\xff", b"\xff\xff\x01", b"a\xff", b"a\xff\xff", b"b"):
        await store.put(Put(key, b""))
    found = await store.get(Get(b"\xff\xff", prefix_end(b"\xff\xff")))
    assert [pair.key for pair in found.kvs] == [b"\xff\xff", b"\xff\xff\x01"]
    found = await store.get(Get(b"a\xff", prefix_end(b"a\xff")))
    assert [pair.key for pair in found.kvs] == [b"a\xff", b"a\xff\xff"]


async def test_keys_are_ordered_as_bytes(store: Store) -> None:
    keys = [b"a", b"a\0", b"a\0\0", b"a\x01", b"aa", b"b", b"\x80", b"\xff"]
    for key in reversed(keys):
        await store.put(Put(key, b""))
    assert [pair.key for pair in (await store.get(Get(b"\0", b"\0"))).kvs] == keys


async def test_everything_is_deleted_at_once_and_told_in_order(store: Store) -> None:
    for key in (b"c", b"a", b"b"):
        await store.put(Put(key, b"value " + key))
    before = await store.revision()
    result = await store.delete(DeleteRange(b"\0", b"\0", prev_kv=True))
    assert (result.deleted, result.revision) == (3, before + 1)
    assert [(pair.key, pair.value) for pair in result.prevs] == [(key, b"value " + key) for key in (b"a", b"b", b"c")]
    assert (await store.get(Get(b"\0", b"\0"))).count == 0


async def test_a_large_value_comes_back_whole(store: Store) -> None:
    value = bytes(range(256)) * 4096  # 1 MiB
    old = (await store.put(Put(b"/large", value))).revision
    await store.put(Put(b"/large", b""))
    assert (await store.get(Get(b"/large", revision=old))).kvs[0].value == value


async def test_a_revision_far_ahead_is_refused(store: Store) -> None:
    with pytest.raises(FutureRevision):
        await store.get(Get(b"/r", revision=1 << 62))
