"""etcd's Watch service: many watches on one gRPC stream, answered in order.

Each watch has a task that forwards its batches; the stream itself is written by one at a time, and the fragments of a
response are not parted by others (etcd's own client would drop those). A client that does not read stops its
forwarders (HTTP/2 flow control), its watches fill up, and the store closes them as lagged: once the client reads again,
they are set up anew after the last revision they forwarded, as etcd does it, and end only when that is compacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grpclib.exceptions import StreamTerminatedError
from h2.exceptions import ProtocolError as ClosedStream

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import WatchBase
from hyperpy.store.etcd.messages import event_message
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.limits import Gate
from hyperpy.store.protocol import Compacted, Event, EventType, Store, StoreError, Watch, WatchLagged

PROGRESS_S = 600.0  # etcd's interval of progress marks nobody asked for
_REFUSED_ID = -1
_FILTERS = {pb.WatchCreateRequest.NOPUT: EventType.PUT, pb.WatchCreateRequest.NODELETE: EventType.DELETE}


class WatchService(WatchBase):
    """Watches."""

    def __init__(self, store: Store, identity: Identity, gate: Gate) -> None:
        self._store = store
        self._identity = identity
        self._gate = gate

    async def Watch(self, stream: Any) -> None:
        """Serve one client's stream until it ends."""
        part_bytes = self._gate.limits.message_bytes
        await _Session(stream, self._store, self._identity, part_bytes=part_bytes).run()


@dataclass(slots=True)
class _Open:
    """A watch of a session. `marks` wait for its next progress mark; `notify` sends that one to the client.

    `next_revision` is the first one not yet forwarded. `last_told`: when the client last heard of it (the loop's time).
    """

    id: int
    watch: Watch
    request: pb.WatchCreateRequest
    next_revision: int
    task: asyncio.Task[None] | None = None
    marks: list[asyncio.Future[int]] = field(default_factory=list)
    notify: bool = False
    canceled: bool = False
    last_told: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class _Session:
    def __init__(self, stream: Any, store: Store, identity: Identity, *, part_bytes: int) -> None:
        self._stream = stream
        self._part_bytes = part_bytes
        self._store = store
        self._identity = identity
        self._open: dict[int, _Open] = {}
        self._ended: set[int] = set()  # by an error: as at etcd, their ids are free once the client cancels them
        self._next_id = 0
        self._writing = asyncio.Lock()
        self._progress_wanted = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client has nothing more to ask, or has gone."""
        try:
            async with asyncio.TaskGroup() as group:
                reporter = group.create_task(self._report_progress(), name="store/etcd-progress")
                try:
                    async for request in self._stream:
                        await self._take(request, group)
                finally:
                    reporter.cancel()
                    for opened in self._open.values():
                        if opened.task is not None:
                            opened.task.cancel()
        except* (ClosedStream, StreamTerminatedError, ConnectionError):
            pass

    async def _take(self, request: pb.WatchRequest, group: asyncio.TaskGroup) -> None:
        kind = request.WhichOneof("request_union")
        if kind == "create_request":
            await self._create(request.create_request, group)
        elif kind == "cancel_request":
            await self._cancel(request.cancel_request.watch_id)
        elif kind == "progress_request":
            self._progress_wanted.set()

    async def _create(self, request: pb.WatchCreateRequest, group: asyncio.TaskGroup) -> None:
        revision = await self._store.revision()
        header = self._identity.header(revision)
        refusal = self._refusal(request)
        if refusal:
            await self._send(
                pb.WatchResponse(
                    header=header, watch_id=_REFUSED_ID, created=True, canceled=True, cancel_reason=refusal
                )
            )
            return
        watch_id = request.watch_id or self._free_id()
        start = request.start_revision or revision + 1  # what the client is told, whatever is written meanwhile
        try:
            watch = await self._watch(request, start=start)
        except StoreError as error:
            await self._send(pb.WatchResponse(header=header, watch_id=watch_id, created=True))
            await self._send_end(watch_id, error)
            return
        opened = _Open(watch_id, watch, request, start)
        self._open[watch_id] = opened
        try:
            await self._send(pb.WatchResponse(header=header, watch_id=watch_id, created=True))
        except BaseException:  # the client has gone before the watch has a task that would close it
            del self._open[watch_id]
            await watch.aclose()
            raise
        opened.task = group.create_task(self._forward(opened), name=f"store/etcd-watch/{watch_id}")

    async def _watch(self, request: pb.WatchCreateRequest, *, start: int) -> Watch:
        return await self._store.watch(
            request.key or b"\0", request.range_end or None, start_revision=start, prev_kv=request.prev_kv
        )

    def _refusal(self, request: pb.WatchCreateRequest) -> str:
        """Why the watch cannot be, in etcd's words; "" when it can."""
        if request.range_end not in (b"", b"\0") and request.range_end <= (request.key or b"\0"):
            return "mvcc: watcher range is empty"
        if request.watch_id and (request.watch_id in self._open or request.watch_id in self._ended):
            return "mvcc: duplicate watch ID provided on the WatchStream"
        return ""

    def _free_id(self) -> int:
        while self._next_id in self._open or self._next_id in self._ended:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    async def _cancel(self, watch_id: int) -> None:
        opened = self._open.get(watch_id)
        if opened is not None and opened.task is not None:
            # Its task is not cancelled, for half of a message would spoil the stream for all the other watches.
            opened.canceled = True
            await opened.watch.aclose()
            await asyncio.wait({opened.task})
        elif watch_id in self._ended:
            self._ended.discard(watch_id)
        else:
            return
        header = self._identity.header(await self._store.revision())
        await self._send(pb.WatchResponse(header=header, watch_id=watch_id, canceled=True))

    async def _forward(self, opened: _Open) -> None:
        try:
            while await self._forward_one(opened):
                pass
        except StoreError as error:
            await self._send_end(opened.id, error)
        finally:
            del self._open[opened.id]
            for mark in opened.marks:
                mark.cancel()
            await opened.watch.aclose()

    async def _forward_one(self, opened: _Open) -> bool:
        due = opened.last_told + PROGRESS_S if opened.request.progress_notify else None
        try:
            async with asyncio.timeout_at(due):
                batch = await anext(aiter(opened.watch))
        except TimeoutError:
            opened.last_told = asyncio.get_running_loop().time()
            opened.notify = True
            await opened.watch.request_progress()
            return True
        except StopAsyncIteration:
            return False
        except WatchLagged:
            return await self._resume(opened)
        opened.next_revision = max(opened.next_revision, batch.revision + 1)
        if batch.events:
            await self._send_events(opened, batch.events, batch.revision)
            return True
        for mark in opened.marks:
            if not mark.done():
                mark.set_result(batch.revision)
        opened.marks.clear()
        if opened.notify:
            opened.notify = False
            await self._send(pb.WatchResponse(header=self._identity.header(batch.revision), watch_id=opened.id))
        return True

    async def _resume(self, opened: _Open) -> bool:
        """Set a watch up again whose client was too slow. Raises Compacted."""
        opened.watch = await self._watch(opened.request, start=opened.next_revision)
        if opened.marks or opened.notify:
            await opened.watch.request_progress()
        return not opened.canceled

    async def _report_progress(self) -> None:
        """Answer requests for progress: when every watch has delivered all there was when it was asked for."""
        while True:
            await self._progress_wanted.wait()
            self._progress_wanted.clear()
            loop = asyncio.get_running_loop()
            marks: list[asyncio.Future[int]] = [loop.create_future() for _ in self._open]
            asked = list(self._open.values())
            for opened, mark in zip(asked, marks, strict=True):
                opened.marks.append(mark)  # before anything waits: a watch that ends takes its marks along
            for opened in asked:
                await opened.watch.request_progress()
            revision = await self._store.revision()
            if marks:
                await asyncio.wait(marks)
                revision = min((mark.result() for mark in marks if not mark.cancelled()), default=revision)
            await self._send(pb.WatchResponse(header=self._identity.header(revision), watch_id=-1))

    async def _send_events(self, opened: _Open, events: Sequence[Event], revision: int) -> None:
        hidden = {_FILTERS.get(number) for number in opened.request.filters}
        messages = [event_message(event) for event in events if event.type not in hidden]
        if not messages:
            return
        opened.last_told = asyncio.get_running_loop().time()
        header = self._identity.header(revision)
        parts = list(_parts(messages, self._part_bytes)) if opened.request.fragment else [messages]
        async with self._writing:
            for part in parts:
                more = part is not parts[-1]
                await self._stream.send_message(
                    pb.WatchResponse(header=header, watch_id=opened.id, fragment=more, events=part)
                )

    async def _send_end(self, watch_id: int, error: StoreError) -> None:
        """As etcd does it: of compacted history only the floor is told, in a header without a revision."""
        self._ended.add(watch_id)
        end = pb.WatchResponse(header=self._identity.header(0), watch_id=watch_id, canceled=True)
        if isinstance(error, Compacted):
            end.compact_revision = error.revision
        else:
            end.cancel_reason = str(error)
        await self._send(end)

    async def _send(self, response: pb.WatchResponse) -> None:
        async with self._writing:
            await self._stream.send_message(response)


def _parts(messages: Sequence[pb.Event], part_bytes: int) -> Iterator[Sequence[pb.Event]]:
    """Cut events into parts below a size; one event is never cut."""
    part: list[pb.Event] = []
    size = 0
    for message in messages:
        own = message.ByteSize()
        if part and size + own > part_bytes:
            yield part
            part, size = [], 0
        part.append(message)
        size += own
    yield part
