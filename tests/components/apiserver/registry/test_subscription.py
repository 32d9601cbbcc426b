"""Feeds and their readers: who gets which part of a round, in which turn, up to which revision."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.batch import BATCH_BYTES, Batch, batches
from hyperpy.components.apiserver.registry.change import ADDED, Change, Mark
from hyperpy.components.apiserver.registry.feed import Feed
from hyperpy.components.apiserver.registry.subscription import Limits, Subscription
from hyperpy.store.engine import memory
from hyperpy.store.protocol import Put

PREFIX = b"/registry/core/configmaps/"


class Source:
    prefix = PREFIX

    def leave(self, subscription):
        """Nobody counts."""


def change(revision, namespace="one", size=10):
    key = b"%b%b/c%d" % (PREFIX, namespace.encode(), revision)
    return Change(ADDED, key, revision, value=b"x" * size, previous=None)


def reader(namespace="", *, after=0, changes=10, size=1 << 20):
    prefix = PREFIX + (namespace.encode() + b"/" if namespace else b"")
    return Subscription(Source(), prefix, after=after, limits=Limits(changes, size))


async def revisions(subscription):
    return [item.revision for batch in await subscription.take() for item in batch.items]


@pytest.mark.parametrize(
    ("namespace", "after", "expected"),
    [("", 0, [2, 3, 4]), ("one", 0, [2, 4]), ("two", 0, [3]), ("", 2, [3, 4]), ("one", 2, [4])],
)
async def test_a_reader_gets_its_namespace_after_its_revision(namespace, after, expected):
    subscription = reader(namespace, after=after)
    subscription.offer([Batch([change(2), change(3, "two"), change(4)])], 4)
    assert await revisions(subscription) == expected


async def test_what_concerns_nobody_is_not_queued():
    subscription = reader("three")
    subscription.offer([Batch([change(2)])], 2)
    assert (subscription.waiting, subscription.revision) == (0, 2)


async def test_readers_of_one_namespace_share_a_batch():
    batch = Batch([change(2), change(3, "two")])
    readers = [reader("one") for _ in range(3)]
    for each in readers:
        each.offer([batch], 3)
    assert len({id((await each.take())[0]) for each in readers}) == 1


async def test_a_mark_reaches_every_reader_that_is_not_beyond_it():
    early, late = reader("one", after=5), reader("one", after=6)
    for each in (early, late):
        each.offer([Batch([Mark(5)])], 5)
    assert (early.waiting, late.waiting) == (1, 0)


@pytest.mark.parametrize("limits", [{"changes": 3}, {"size": 35}], ids=["changes", "bytes"])
async def test_a_reader_too_far_behind_ends_with_410(limits):
    subscription = reader(**limits)
    for revision in range(2, 6):
        subscription.offer([Batch([change(revision)])], revision)
    with pytest.raises(errors.Expired):
        await subscription.take()


async def test_a_round_of_any_size_fits_an_empty_queue():
    subscription = reader(changes=2, size=5)
    subscription.offer([Batch([change(2), change(3), change(4)])], 4)
    assert await revisions(subscription) == [2, 3, 4]


async def test_a_reader_whose_time_is_over_tells_no_revision_that_it_was_not_given():
    subscription = reader(after=3)
    subscription.end()
    subscription.offer([Batch([change(7)])], 7)
    assert (await subscription.take(), subscription.revision) == ([], 3)


def test_batches_hold_about_as_many_bytes_as_are_sent_at_a_time():
    sizes = [len(batch) for batch in batches([change(n, size=BATCH_BYTES // 2) for n in range(2, 7)])]
    assert sizes == [2, 2, 1]


async def test_a_round_for_many_readers_lets_others_have_a_turn_in_between():
    store = await memory.open_store()
    feed = Feed(store, kinds.CONFIG_MAP)
    readers = [await feed.join(PREFIX, after=1, limits=Limits(10, 1000)) for _ in range(120)]

    async def served_when_woken(reader):
        assert await revisions(reader) == [2]
        return sum(each.revision >= 2 for each in readers)

    waiting = asyncio.gather(*map(served_when_woken, readers))
    await asyncio.sleep(0)
    await store.put(Put(form.key(kinds.CONFIG_MAP, "one", "c"), b"{}"))
    assert min(await waiting) < len(readers)
    await feed.aclose()
    await store.aclose()
