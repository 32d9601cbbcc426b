"""The Watch service on the wire: many watches on one stream, slow clients, fragments, cancellations, progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from grpclib.client import Channel
from grpclib.config import Configuration
from store.served import served

from hyperpy.store.engine.options import Options
from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import WatchStub
from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.protocol import DeleteRange, Put

# A client that does not read stops the server after 64 KiB.
_NARROW = Configuration(http2_connection_window_size=65_535, http2_stream_window_size=65_535)
MEGABYTE = b"x" * (1 << 20)


class Wire:
    """One watch stream, as a client of another make would use it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def send(self, **request: Any) -> None:
        await self._stream.send_message(pb.WatchRequest(**request))

    async def create(self, key: bytes, **more: Any) -> None:
        await self.send(create_request=pb.WatchCreateRequest(key=key, **more))

    async def next(self) -> pb.WatchResponse:
        async with asyncio.timeout(10):
            response = await self._stream.recv_message()
        assert response is not None
        return response


@asynccontextmanager
async def wire(address: str) -> AsyncIterator[Wire]:
    parts = urlsplit(address)
    channel = Channel(parts.hostname, parts.port, config=_NARROW)
    async with WatchStub(channel).Watch.open() as stream:
        yield Wire(stream)
        await stream.cancel()
    channel.close()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    # Small bounds, so that a slow client lags early and what it resumes from comes from the file.
    async with served(tmp_path / "store.db", options=Options(watch_events=50, window_events=20)) as address:
        yield address


@pytest.fixture
async def store(address: str) -> AsyncIterator[EtcdStore]:
    store = await open_etcd([address])
    yield store
    await store.aclose()


def values(response: pb.WatchResponse) -> list[bytes]:
    return [event.kv.value for event in response.events]


async def test_fragments_of_one_response_are_not_parted_by_another_watch(address: str, store: EtcdStore) -> None:
    """etcd's own client throws away what another watch is told between two fragments."""
    first = (await store.put(Put(b"/big/1", MEGABYTE))).revision
    for i in (2, 3):
        await store.put(Put(b"/big/%d" % i, MEGABYTE))
    async with wire(address) as stream:
        await stream.create(b"/small", watch_id=1)
        assert (await stream.next()).created
        await stream.create(b"/big/", range_end=b"/big0", start_revision=first, fragment=True, watch_id=2)
        assert (await stream.next()).created
        await store.put(Put(b"/small", b"1"))  # while the first fragment waits for the client to read
        responses = [await stream.next() for _ in range(4)]
    assert [(response.watch_id, response.fragment) for response in responses] == [
        *((2, True), (2, True), (2, False)),
        (1, False),
    ]
    assert [len(value) for response in responses[:3] for value in values(response)] == [len(MEGABYTE)] * 3


async def test_a_watch_that_did_not_ask_for_fragments_gets_a_revision_in_one_response(
    address: str, store: EtcdStore
) -> None:
    """Events of one transaction were once split over responses: half a transaction was seen."""
    first = (await store.put(Put(b"/big/1", MEGABYTE))).revision
    await store.put(Put(b"/big/2", MEGABYTE))
    await store.delete(DeleteRange(b"/big/", b"/big0"))
    async with wire(address) as stream:
        await stream.create(b"/big/", range_end=b"/big0", start_revision=first, prev_kv=True)
        assert (await stream.next()).created
        events = list((await stream.next()).events)
    assert [event.kv.mod_revision for event in events] == [first, first + 1, first + 2, first + 2]


async def test_cancelling_a_watch_while_it_catches_up_spoils_no_other(address: str, store: EtcdStore) -> None:
    """A watch cancelled while a message of its own was half sent must not break the stream that others share."""
    first = (await store.put(Put(b"/big", MEGABYTE))).revision
    async with wire(address) as stream:
        await stream.create(b"/small", watch_id=1)
        assert (await stream.next()).created
        await stream.create(b"/big", start_revision=first, watch_id=2)
        assert (await stream.next()).created
        await stream.send(cancel_request=pb.WatchCancelRequest(watch_id=2))
        await store.put(Put(b"/small", b"1"))
        told = {}
        for _ in range(3):
            response = await stream.next()
            told[response.watch_id, response.canceled] = values(response)
    assert told == {(2, False): [MEGABYTE], (2, True): [], (1, False): [b"1"]}


async def test_after_the_answer_to_a_cancellation_nothing_more_comes(address: str, store: EtcdStore) -> None:
    async with wire(address) as stream:
        await stream.create(b"/a", watch_id=7)
        assert (await stream.next()).created
        await stream.send(cancel_request=pb.WatchCancelRequest(watch_id=7))
        canceled = await stream.next()
        assert (canceled.canceled, canceled.watch_id, canceled.compact_revision) == (True, 7, 0)
        await store.put(Put(b"/a", b"1"))
        await stream.create(b"/a", watch_id=7)  # its id is free again
        created = await stream.next()
        assert (created.created, created.canceled, created.watch_id) == (True, False, 7)


async def test_a_client_that_was_too_slow_goes_on_where_it_stopped(address: str, store: EtcdStore) -> None:
    """A slow watch starves in no queue and is not cut off: etcd takes it back among the unsynced ones."""
    async with wire(address) as stream:
        await stream.create(b"/s", watch_id=1)
        assert (await stream.next()).created
        total = 400  # far more than the buffer of a watch and the bytes on their way
        for i in range(total):
            await store.put(Put(b"/s", b"%d " % i + b"x" * 4000))
        seen: list[int] = []
        while len(seen) < total:
            seen += [int(value.split()[0]) for value in values(await stream.next())]
    assert seen == list(range(total))


async def test_a_client_that_was_too_slow_for_a_compaction_is_told_its_floor(address: str, store: EtcdStore) -> None:
    async with wire(address) as stream:
        await stream.create(b"/s", watch_id=1)
        assert (await stream.next()).created
        for i in range(400):
            newest = (await store.put(Put(b"/s", b"%d " % i + b"x" * 4000))).revision
        await store.compact(newest)
        seen: list[int] = []
        while not (response := await stream.next()).canceled:
            seen += [int(value.split()[0]) for value in values(response)]
    assert seen == list(range(len(seen))) and len(seen) < 400
    assert (response.watch_id, response.compact_revision) == (1, newest)


async def test_a_watch_of_compacted_history_is_cancelled_once_with_the_floor(address: str, store: EtcdStore) -> None:
    for i in range(5):
        newest = (await store.put(Put(b"/a", b"%d" % i))).revision
    await store.compact(newest)
    async with wire(address) as stream:
        await stream.create(b"/a", start_revision=2, watch_id=5)
        created, canceled = await stream.next(), await stream.next()
        assert (created.created, created.canceled, created.watch_id) == (True, False, 5)
        assert (canceled.canceled, canceled.watch_id, canceled.compact_revision) == (True, 5, newest)
        assert not canceled.events
        await stream.send(progress_request=pb.WatchProgressRequest())
        after = await stream.next()  # and nothing else in between
        assert (after.watch_id, after.canceled, after.header.revision) == (-1, False, newest)


async def test_a_watch_with_the_id_of_another_is_refused_and_the_other_goes_on(address: str, store: EtcdStore) -> None:
    async with wire(address) as stream:
        await stream.create(b"/a", watch_id=3)
        assert (await stream.next()).created
        await stream.create(b"/b", watch_id=3)
        refused = await stream.next()
        assert (refused.created, refused.canceled, refused.watch_id) == (True, True, -1)
        assert refused.cancel_reason == "mvcc: duplicate watch ID provided on the WatchStream"
        await store.put(Put(b"/b", b"1"))
        await store.put(Put(b"/a", b"1"))
        response = await stream.next()
        assert (response.watch_id, [event.kv.key for event in response.events]) == (3, [b"/a"])


async def test_progress_is_told_after_the_events_of_all_watches(address: str, store: EtcdStore) -> None:
    """etcd before 3.4.25 and 3.5.8 told a revision whose events were still on their way."""
    first = (await store.put(Put(b"/big/0", MEGABYTE))).revision
    for i in range(1, 4):
        newest = (await store.put(Put(b"/big/%d" % i, MEGABYTE))).revision
    async with wire(address) as stream:
        await stream.create(b"/big/", range_end=b"/big0", start_revision=first)
        await stream.create(b"/none")
        await stream.send(progress_request=pb.WatchProgressRequest())
        delivered = 0
        while (response := await stream.next()).watch_id != -1:
            delivered = max([delivered, *(event.kv.mod_revision for event in response.events)])
    assert (delivered, response.header.revision) == (newest, newest)


async def test_a_watch_from_the_future_holds_progress_back_until_then(address: str, store: EtcdStore) -> None:
    """A mark from before its start would make a client resume there, and be told what it did not want."""
    start = await store.revision() + 3
    async with wire(address) as stream:
        await stream.create(b"/a", start_revision=start)
        assert (await stream.next()).created
        await stream.send(progress_request=pb.WatchProgressRequest())
        for _ in range(2):
            await store.put(Put(b"/other", b"1"))
        mark = await stream.next()
        assert (mark.watch_id, mark.header.revision) == (-1, start - 1)
        await store.put(Put(b"/a", b"1"))
        assert [event.kv.mod_revision for event in (await stream.next()).events] == [start]
