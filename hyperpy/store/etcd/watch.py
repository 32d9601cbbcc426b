"""A watch of an etcd cluster that outlives broken connections: it resumes after the last revision it delivered.

opening ──created──▶ streaming ──connection or leader lost──▶ waiting ──back-off──▶ opening at the next member …
                         ├── canceled by etcd, or the reader is slow ──▶ failed (Compacted, Unavailable, WatchLagged)
                         └── aclose() ──▶ closed

Overflow rule: `_MAX_EVENTS` changes wait for the reader; what does not fit ends the watch with WatchLagged. The stream
itself is always read on, for one that is not would hold up every other watch on its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd import failures
from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.call import Lost
from hyperpy.store.etcd.connection import CALL_S, Connection
from hyperpy.store.etcd.http2 import Stream
from hyperpy.store.etcd.messages import event_of
from hyperpy.store.etcd.progress import Marks
from hyperpy.store.protocol import Compacted, Event, StoreError, Unavailable, WatchBatch, WatchLagged

log = logging.getLogger(__name__)

PATH = "/etcdserverpb.Watch/Watch"
_MAX_EVENTS = 8192
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class EtcdWatch:
    """See `protocol.Watch`. It owns one task and one gRPC stream.

    Args:
        start_revision: the first revision that is wanted.
        marks: which of etcd's progress marks can be believed.
    """

    def __init__(
        self,
        connection: Connection,
        key: bytes,
        end: bytes | None,
        *,
        start_revision: int,
        prev_kv: bool,
        marks: Marks,
    ) -> None:
        self._connection = connection
        self._key = key
        self._end = end
        self._next_revision = start_revision
        self._prev_kv = prev_kv
        self._marks = marks
        self._started = False  # something was delivered, so a start in the future has come
        self._batches: asyncio.Queue[WatchBatch | StoreError | None] = asyncio.Queue()
        self._waiting = 0  # changes in the queue
        self._fragments: list[Event] = []  # of a response that is not whole yet
        self._created: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stream: Stream | None = None
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
        if self._stream is not None:  # else it is asked for when the stream is there again
            await self._stream.send(_PROGRESS)

    async def aclose(self) -> None:
        """Close the watch; a reader that waits for a batch ends."""
        self._closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._created.done():
            self._created.cancel()
        self._drop_waiting()
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
        failed = 0
        while True:
            member = self._connection.member
            try:
                with self._connection.watching() as shared:
                    http = await shared.connected()
                    async with http.stream(PATH) as stream:
                        await self._create(stream)
                        failed = 0
                        while (message := await self._receive(stream)) is not None:
                            self._take(pb.WatchResponse.FromString(message))
                reason: Exception = Lost("it ended the stream", sent=True)
            except (Lost, TimeoutError) as error:
                reason = error
            except GRPCError as error:
                if not failures.passing(error):
                    self._fail(failures.answered(error, member.endpoint))
                    return
                reason = error
            except StoreError as error:
                self._fail(error)
                return
            finally:
                self._stream = None
                self._fragments.clear()
                self._marks.forget()
            self._connection.turn(member)
            told = failures.text(reason, member.endpoint)
            failed += 1
            if not self._created.done() and failed >= len(self._connection.members):
                self._fail(Unavailable(told))
                return
            log.info("a watch broke and is set up again: %s", told)
            if failed > 1 or self._created.done():
                await asyncio.sleep(_BACK_OFF_S[min(failed, len(_BACK_OFF_S)) - 1])

    async def _receive(self, stream: Stream) -> bytes | None:
        """The next message. Asks for a second progress mark when it is time to. Raises GRPCError, Lost."""
        while (ask_at := self._marks.ask_at) is not None:
            try:
                async with asyncio.timeout_at(ask_at):
                    return await stream.receive()
            except TimeoutError:
                self._marks.ask_at = None
                await stream.send(_PROGRESS)
        return await stream.receive()

    async def _create(self, stream: Stream) -> None:
        """Set the watch up. Raises GRPCError, Lost, TimeoutError, StoreError."""
        create = pb.WatchCreateRequest(
            key=self._key,
            range_end=self._end or b"",
            start_revision=self._next_revision,
            prev_kv=self._prev_kv,
            progress_notify=True,
            fragment=True,
        )
        async with asyncio.timeout(CALL_S):
            await stream.send(pb.WatchRequest(create_request=create).SerializeToString())
            message = await stream.receive()
        if message is None:
            raise Lost("it ended the stream", sent=True)
        self._take(pb.WatchResponse.FromString(message))
        self._stream = stream
        if self._progress_wanted:
            await stream.send(_PROGRESS)

    def _take(self, response: pb.WatchResponse) -> None:
        if response.canceled:
            raise self._cancellation(response)
        if response.created:
            # A watch of the past is canceled after its creation when that past is compacted; from now on it is not.
            if not self._created.done():
                self._created.set_result(None)
        elif response.events:
            self._take_events(response)
        else:
            self._take_mark(response)

    def _take_mark(self, response: pb.WatchResponse) -> None:
        """Hand on a mark, never one that goes back behind what was delivered, or behind the start."""
        now = asyncio.get_running_loop().time()
        revision = self._marks.told(response.header.revision, asked_for=response.watch_id == _NO_WATCH, now=now)
        if revision is None or (revision + 1 < self._next_revision and not self._started):
            return
        revision = max(revision, self._next_revision - 1)
        self._progress_wanted, self._started = False, True
        self._next_revision = revision + 1
        self._batches.put_nowait(WatchBatch((), revision))

    def _take_events(self, response: pb.WatchResponse) -> None:
        """Hand on whole revisions; a fragment waits for the rest."""
        self._fragments.extend(event_of(event) for event in response.events)
        count = len(self._fragments)
        if self._waiting + count > max(_MAX_EVENTS, count):
            raise WatchLagged(f"the watcher has not read {self._waiting} changes; list again and resume")
        if response.fragment:
            return
        events, self._fragments = self._fragments, []
        last = events[-1].kv.mod_revision
        self._next_revision, self._started = last + 1, True
        self._waiting += count
        self._batches.put_nowait(WatchBatch(events, last))

    def _cancellation(self, response: pb.WatchResponse) -> Exception:
        if response.compact_revision:
            return Compacted(response.compact_revision)
        reason = response.cancel_reason.rpartition("desc = ")[2]  # "rpc error: code = … desc = …"
        return GRPCError(Status.UNKNOWN, reason or "it ended the watch and gave no reason")

    def _fail(self, error: StoreError) -> None:
        """End with an error, at once: what waits is dropped."""
        error.__traceback__ = None  # its frames hold the connection, for as long as somebody holds the error
        if not self._created.done():
            self._created.set_exception(error)
            return
        self._drop_waiting()
        self._batches.put_nowait(error)

    def _drop_waiting(self) -> None:
        while not self._batches.empty():
            self._batches.get_nowait()


_NO_WATCH = -1  # the answer to a request for progress is for the stream as a whole
_PROGRESS = pb.WatchRequest(progress_request=pb.WatchProgressRequest()).SerializeToString()
