"""A watch of an etcd cluster that outlives broken connections: it resumes after the last revision it delivered.

opening ──created──▶ streaming ──connection lost──▶ waiting ──back-off──▶ opening …
                         ├── canceled by etcd, or the reader is slow ──▶ failed (Compacted, Unavailable, WatchLagged)
                         └── aclose() ──▶ closed

Overflow rule: `_MAX_EVENTS` changes wait for the reader; what does not fit ends the watch with WatchLagged. The stream
itself is always read on, for one that is not would hold up every other watch on its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import WatchStub
from hyperpy.store.etcd.connection import BROKEN, Connection, unavailable
from hyperpy.store.etcd.messages import event_of
from hyperpy.store.protocol import Compacted, StoreError, Unavailable, WatchBatch, WatchLagged

log = logging.getLogger(__name__)

_MAX_EVENTS = 8192
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class EtcdWatch:
    """See `protocol.Watch`. It owns one task and one gRPC stream."""

    def __init__(
        self, connection: Connection, key: bytes, end: bytes | None, *, start_revision: int, prev_kv: bool
    ) -> None:
        self._connection = connection
        self._key = key
        self._end = end
        self._next_revision = start_revision  # 0: from the revision that etcd names when the watch is created
        self._prev_kv = prev_kv
        self._batches: asyncio.Queue[WatchBatch | StoreError | None] = asyncio.Queue()
        self._waiting = 0  # changes in the queue
        self._created: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stream: Any = None
        self._progress_wanted = False
        self._ended: StoreError | None = None
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="store/etcd-watch")

    async def opened(self) -> None:
        """Wait until etcd has set the watch up. Raises Compacted, Unavailable."""
        try:
            await asyncio.shield(self._created)
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        """The next batch. Raises Compacted, WatchLagged, Unavailable; StopAsyncIteration once closed."""
        if self._ended is not None:
            raise self._ended
        if self._closed:
            raise StopAsyncIteration
        batch = await self._batches.get()
        if batch is None:
            raise StopAsyncIteration
        if isinstance(batch, StoreError):
            self._ended = batch
            raise batch
        self._waiting -= len(batch.events)
        return batch

    async def request_progress(self) -> None:
        """Ask for an empty batch once everything before now was delivered."""
        self._progress_wanted = True
        stream = self._stream
        if stream is None:
            return  # asked for when the stream is there again
        try:
            await stream.send_message(pb.WatchRequest(progress_request=pb.WatchProgressRequest()))
        except BROKEN:
            return  # the reading side sees it too, and asks again

    async def aclose(self) -> None:
        """Close the watch; a reader that waits for a batch ends."""
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._created.done():
            self._created.cancel()
        while not self._batches.empty():
            self._batches.get_nowait()
        self._batches.put_nowait(None)

    @property
    def ended(self) -> bool:
        """Has it been closed, or failed?"""
        return self._closed or self._ended is not None

    async def abort(self, error: StoreError) -> None:
        """Close the watch from the store's side: its reader gets the error."""
        if not self.ended:
            await self.aclose()
            self._ended = error
            self._batches.get_nowait()
            self._batches.put_nowait(error)

    async def _run(self) -> None:
        failures = 0
        while True:
            member, endpoint = self._connection.channel, self._connection.endpoint
            try:
                with self._connection.watch_channel() as channel:
                    async with WatchStub(channel).Watch.open() as stream:
                        await stream.send_message(pb.WatchRequest(create_request=self._create_request()))
                        async for response in stream:
                            failures = 0
                            await self._take(stream, response)
                reason: Exception = ConnectionResetError("the stream ended")
            except (*BROKEN, GRPCError) as error:
                reason = error
            except StoreError as error:
                self._fail(error)
                return
            finally:
                self._stream = None
            self._connection.turn(member)
            if not self._created.done():
                self._fail(unavailable(reason, endpoint))
                return
            log.info("the watch of etcd at %s broke and is set up again: %s", endpoint, reason)
            await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
            failures += 1

    def _create_request(self) -> pb.WatchCreateRequest:
        return pb.WatchCreateRequest(
            key=self._key,
            range_end=self._end or b"",
            start_revision=self._next_revision,
            prev_kv=self._prev_kv,
            progress_notify=True,
        )

    async def _take(self, stream: Any, response: pb.WatchResponse) -> None:
        if response.canceled:
            if response.compact_revision:
                raise Compacted(response.compact_revision)
            raise Unavailable(f"etcd ended the watch: {response.cancel_reason or 'no reason given'}")
        if response.created:
            await self._take_creation(stream, response)
        elif response.events:
            events = [event_of(event) for event in response.events]
            last = events[-1].kv.mod_revision
            self._next_revision = last + 1
            self._waiting += len(events)
            if self._waiting > max(_MAX_EVENTS, len(events)):
                raise WatchLagged(f"the watcher has not read {self._waiting} changes; list again and resume")
            self._batches.put_nowait(WatchBatch(events, last))
        else:
            self._progress_wanted = False
            self._next_revision = max(self._next_revision, response.header.revision + 1)
            self._batches.put_nowait(WatchBatch((), response.header.revision))

    async def _take_creation(self, stream: Any, response: pb.WatchResponse) -> None:
        self._next_revision = self._next_revision or response.header.revision + 1
        self._stream = stream
        if self._progress_wanted:
            await self.request_progress()
        # A watch of the past is canceled right after its creation when that past is compacted; from now on it is not.
        if not self._created.done():
            self._created.set_result(None)

    def _fail(self, error: StoreError) -> None:
        """End with an error, at once: what waits is dropped."""
        if not self._created.done():
            self._created.set_exception(error)
            return
        while not self._batches.empty():
            self._batches.get_nowait()
        self._batches.put_nowait(error)
