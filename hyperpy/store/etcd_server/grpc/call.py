"""One call on a connection: messages in, messages out.

open ──client has said all──▶ half closed ──handler ends──▶ finished        reset by the client: its task is cancelled

Bounds: the client may send `WINDOW` bytes that the handler has not read; `send_message` waits while the client takes
no more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from google.protobuf.message import DecodeError
from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd_server.grpc import frames
from hyperpy.store.etcd_server.grpc.frames import Broken, Code

WINDOW = 4 << 20  # of a stream; more than the largest message
_HEAD = 5  # a flag and the length, before every message


class Outlet(Protocol):
    """The connection that a call is on."""

    def send_headers(self, number: int, block: bytes) -> None:
        """Begin the answer of a stream."""

    async def send_data(self, call: Call, data: bytes) -> None:
        """A part of it; waits while the client takes no more."""

    def write(self, data: bytes) -> None:
        """Frames as they are."""


class Call:
    """A call. For its handler it is what grpclib's `Stream` is.

    Args:
        window: bytes that the client takes at first.
        max_bytes: of a request's message.
    """

    def __init__(self, connection: Outlet, number: int, *, handler: Handler, window: int, max_bytes: int) -> None:
        self.number = number
        self.window = window
        self.task: asyncio.Task[None] | None = None
        self.overdue = False
        self.answered = False  # the headers have left
        self.half_closed = False
        self._connection = connection
        self._handler = handler
        self._max_bytes = max_bytes
        self._part = b""
        self._messages: deque[bytes] = deque()
        self._unread = 0
        self._read = 0  # bytes read by the handler, for which the client was not given room yet
        self._failure: GRPCError | None = None
        self._rest: asyncio.Future[None] | None = None

    # -- for the handler

    async def recv_message(self) -> Any:
        """The next request; None: the client has said all. Raises GRPCError for one that cannot be read."""
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self.half_closed:
                return None
            self._rest = asyncio.get_running_loop().create_future()
            try:
                await self._rest
            finally:
                self._rest = None
        raw = self._messages.popleft()
        self._give_room(len(raw) + _HEAD)
        try:
            return self._handler.request_type.FromString(raw)
        except DecodeError as error:
            raise GRPCError(Status.INTERNAL, f"grpc: failed to unmarshal the received message: {error}") from error

    def __aiter__(self) -> Call:
        return self

    async def __anext__(self) -> Any:
        message = await self.recv_message()
        if message is None:
            raise StopAsyncIteration
        return message

    async def send_message(self, message: Any) -> None:
        """Send an answer; waits while the client takes no more."""
        raw = message.SerializeToString()
        if not self.answered:
            self.answered = True
            self._connection.send_headers(self.number, frames.HEAD)
        await self._connection.send_data(self, b"\0" + len(raw).to_bytes(4, "big") + raw)

    # -- for the connection

    def feed(self, data: bytes) -> None:
        """A part of the client's messages. Raises Broken when it is more than there was room for."""
        self._unread += len(data)
        if self._unread > WINDOW:
            raise Broken(Code.FLOW_CONTROL_ERROR, "more data than there was room for")
        data = self._part + data if self._part else data
        while len(data) >= _HEAD and self._failure is None:
            size = int.from_bytes(data[1:_HEAD], "big")
            if data[0]:
                self._failure = GRPCError(Status.UNIMPLEMENTED, "grpc: compressed messages are not taken here")
            elif size > self._max_bytes:
                text = f"grpc: received message larger than max ({size} vs. {self._max_bytes})"
                self._failure = GRPCError(Status.RESOURCE_EXHAUSTED, text)
            elif len(data) < _HEAD + size:
                break
            else:
                self._messages.append(data[_HEAD : _HEAD + size])
                data = data[_HEAD + size :]
        self._part = data if self._failure is None else b""
        self._stir()

    def end_of_requests(self) -> None:
        """The client has said all."""
        self.half_closed = True
        if self._part and self._failure is None:
            self._failure = GRPCError(Status.INTERNAL, "grpc: the call ended within a message")
        self._stir()

    def abort(self, *, overdue: bool = False) -> None:
        """Stop the handler. `overdue`: its time is up, and the client is told so."""
        self.overdue = overdue
        if self.task is not None:
            self.task.cancel()

    def _stir(self) -> None:
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(None)

    def _give_room(self, size: int) -> None:
        self._unread -= size
        self._read += size
        if self._read >= WINDOW // 4 and not self.half_closed:
            self._connection.write(frames.window_update(self.number, self._read))
            self._read = 0
