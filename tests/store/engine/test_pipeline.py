"""Group commit: what shares a commit, what a failure takes along, what waits for room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.log import Loaded, Record
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Compare, Get, Op, Put, Target, Txn, Unavailable


class GatedLog:
    """A log whose appends wait for the test, and fail when it says so."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.gate = asyncio.Event()
        self.failure: str | None = None
        self.started = asyncio.Event()

    async def append(self, records: Sequence[Record]) -> None:
        self.started.set()
        await self.gate.wait()
        if self.failure:
            raise Unavailable(self.failure)
        self.groups.append(len(records))

    async def sweep(self) -> bool:
        return False

    async def aclose(self) -> None: ...


def opened(journal: GatedLog, options: Options | None = None) -> Engine:
    engine = Engine(journal, None, Loaded(), options=options or Options())
    engine.start()
    return engine


async def test_writes_that_wait_for_one_commit_share_the_next() -> None:
    journal = GatedLog()
    store = opened(journal)
    first = asyncio.create_task(store.put(Put(b"/first", b"")))
    await journal.started.wait()
    others = [asyncio.create_task(store.put(Put(b"/%d" % i, b""))) for i in range(50)]
    await asyncio.sleep(0)
    journal.gate.set()
    await asyncio.gather(first, *others)
    assert journal.groups == [1, 50]
    await store.aclose()


async def test_nothing_is_visible_before_it_is_durable() -> None:
    journal = GatedLog()
    store = opened(journal)
    watch = await store.watch(b"/a")
    writer = asyncio.create_task(store.put(Put(b"/a", b"1")))
    await journal.started.wait()
    assert (await store.get(Get(b"/a"))).count == 0
    assert await store.revision() == 1
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    assert not reader.done()
    journal.gate.set()
    await writer
    assert (await reader).revision == 2
    await store.aclose()


async def test_a_transaction_sees_the_writes_queued_before_it() -> None:
    journal = GatedLog()
    store = opened(journal)
    writer = asyncio.create_task(store.put(Put(b"/a", b"1")))
    await journal.started.wait()
    create = Txn([Compare(b"/a", Target.CREATE, Op.EQUAL, 0)], [Put(b"/a", b"2")], [Get(b"/a")])
    loser = asyncio.create_task(store.txn(create))
    await asyncio.sleep(0)
    assert not loser.done()
    journal.gate.set()
    await writer
    assert not (await loser).succeeded
    await store.aclose()


async def test_a_failed_commit_fails_every_writer_and_leaves_no_trace() -> None:
    journal = GatedLog()
    journal.failure = "the disk is full"
    store = opened(journal)
    writers = [asyncio.create_task(store.put(Put(b"/a", b"%d" % i))) for i in range(5)]
    await journal.started.wait()
    behind = asyncio.create_task(store.txn(Txn([Compare(b"/a", Target.VERSION, Op.EQUAL, 5)], [Put(b"/b", b"")])))
    grant = asyncio.create_task(store.lease_grant(10, lease_id=7))
    await asyncio.sleep(0)
    journal.gate.set()
    for failed in (*writers, behind, grant):
        with pytest.raises(Unavailable, match="the disk is full"):
            await failed
    assert await store.revision() == 1
    journal.failure = None
    assert (await store.put(Put(b"/a", b"again"))).revision == 2
    (pair,) = (await store.get(Get(b"/a"))).kvs
    assert pair.version == 1
    assert (await store.lease_grant(10, lease_id=7)).id == 7
    await store.aclose()


async def test_a_lease_whose_end_failed_lives_on() -> None:
    journal = GatedLog()
    journal.gate.set()
    store = opened(journal)
    await store.lease_grant(100, lease_id=7)
    await store.put(Put(b"/a", b"1", lease=7))
    journal.failure = "the disk is full"
    with pytest.raises(Unavailable):
        await store.lease_revoke(7)
    assert (await store.lease_info(7, keys=True)).keys == [b"/a"]
    assert (await store.get(Get(b"/a"))).count == 1
    journal.failure = None
    await store.lease_revoke(7)
    assert (await store.get(Get(b"/a"))).count == 0
    await store.aclose()


async def test_revoking_takes_along_keys_that_are_still_queued() -> None:
    journal = GatedLog()
    journal.gate.set()
    store = opened(journal)
    await store.lease_grant(100, lease_id=7)
    await asyncio.gather(store.put(Put(b"/a", b"1", lease=7)), store.lease_revoke(7))
    assert (await store.get(Get(b"/a"))).count == 0
    await store.aclose()


async def test_a_writer_that_gave_up_does_not_hold_its_place() -> None:
    journal = GatedLog()
    store = opened(journal, Options(queued_writes=2))
    writers = [asyncio.create_task(store.put(Put(b"/%d" % i, b""))) for i in range(4)]
    await journal.started.wait()
    writers[0].cancel()
    writers[3].cancel()
    await asyncio.sleep(0)
    journal.gate.set()
    await asyncio.gather(*writers, return_exceptions=True)
    assert (await store.get(Get(b"/", b"0"))).count == 3
    await asyncio.gather(*(store.put(Put(b"/%d" % i, b"")) for i in range(10)))
    await store.aclose()


async def test_closing_finishes_the_writes_under_way_and_refuses_new_ones() -> None:
    journal = GatedLog()
    store = opened(journal)
    writer = asyncio.create_task(store.put(Put(b"/a", b"1")))
    await journal.started.wait()
    closing = asyncio.create_task(store.aclose())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="closed"):
        await store.put(Put(b"/b", b"1"))
    journal.gate.set()
    await closing
    assert (await writer).revision == 2


async def test_a_defect_of_the_log_refuses_all_writes_instead_of_hanging() -> None:
    class Broken(GatedLog):
        async def append(self, records: Sequence[Record]) -> None:
            raise ValueError("a defect")

    store = opened(Broken())
    with pytest.raises(Unavailable, match="stopped writing"):
        await store.put(Put(b"/a", b"1"))
    with pytest.raises(Unavailable, match="stopped writing"):
        await store.put(Put(b"/a", b"1"))
    assert (await store.get(Get(b"/a"))).count == 0
    await store.aclose()
