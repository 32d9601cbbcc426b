"""gRPC calls on one HTTP/2 connection to a member of an etcd cluster.

open ──▶ lost (closed by the member, broken, silent, told to go, or closed here); it is never open again

h2 does the protocol. grpclib's client is not used: it wakes a caller by cancelling its task, so that time limits around
it fail afterwards, and it costs twice the processor time.

Overflow rules: what is to be sent waits while the connection takes no more (asyncio's high-water mark) or while
`_MAX_CALLS` calls are under way; what has come is kept by its call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import NoAvailableStreamIDError, ProtocolError, StreamClosedError, TooManyStreamsError
from h2.settings import SettingCodes

from hyperpy.store.etcd import failures
from hyperpy.store.etcd.call import Call, Lost, framed

#: A connection that was silent for so long while calls are open is asked for a sign of life (etcd allows every 5 s) …
SILENT_S = 10.0
#: … and given up when none comes.
SIGN_S = 5.0
_WINDOW = 4 * 1024 * 1024
_MAX_CALLS = 100
_PING = b"hyperpy!"


class Http2(asyncio.Protocol):
    """The connection; `asyncio` makes it. `lost` is why it cannot be used any more."""

    def __init__(self, authority: str, *, secure: bool) -> None:
        self.lost: Lost | None = None
        self._secure = secure
        self._loop = asyncio.get_running_loop()
        self._h2 = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding="utf-8",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        self._head = [
            (":method", "POST"),
            (":scheme", "https" if secure else "http"),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "hyperpy"),
            # A member that knows no leader says so at once instead of trying, and ends its watches (etcd's rpctypes).
            ("hasleader", "true"),
        ]
        self._calls: dict[int, Call] = {}
        self._places = asyncio.Semaphore(_MAX_CALLS)
        self._moved = asyncio.Event()  # something changed that a waiting sender may have waited for
        self._paused = False
        self._flushing = False
        self._greeted = False
        self._heard_at = 0.0
        self._beat: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    async def unary(self, path: str, message: bytes) -> bytes:
        """Ask one thing. Raises GRPCError, Lost."""
        async with self._places:
            call = Call()
            stream_id = await self._begin(path, call)
            try:
                await self._send(stream_id, call, framed(message), end=True)
                return await call.only()
            finally:
                self._let_go(stream_id, reset=not call.ended)

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[Stream]:
        """A call with many messages both ways, ended with the block. Raises Lost."""
        call = Call()
        stream_id = await self._begin(path, call)
        try:
            yield Stream(self, stream_id, call)
        finally:
            self._let_go(stream_id, reset=True)

    def close(self, reason: str = "the connection was closed") -> None:
        """End it at once, and the calls on it."""
        self._lose(Lost(reason, sent=True))

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
        self._h2.increment_flow_control_window(_WINDOW - 65535)
        self._heard_at = self._loop.time()
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self.lost is not None:
            return
        self._heard_at = self._loop.time()
        try:
            told = self._h2.receive_data(data)
        except ProtocolError:
            self._lose(failures.not_http2(data, secure=self._secure, greeted=self._greeted))
            return
        for event in told:
            self._take(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(failures.broken(exc, secure=self._secure, greeted=self._greeted))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._moved.set()

    # -- what the member says

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            if call := self._calls.get(event.stream_id or 0):
                call.take_data(event.data or b"")
        elif isinstance(event, events.ResponseReceived | events.TrailersReceived):
            if call := self._calls.get(event.stream_id or 0):
                call.take_headers(cast(Any, event.headers))
        elif isinstance(event, events.StreamEnded):
            if call := self._calls.get(event.stream_id or 0):
                call.take_end()
                self._moved.set()
        elif isinstance(event, events.StreamReset):
            if call := self._calls.get(event.stream_id or 0):
                refused = event.error_code == ErrorCodes.REFUSED_STREAM
                call.fail(Lost("it broke the call off", sent=not refused))
                self._moved.set()
        elif isinstance(event, events.WindowUpdated | events.RemoteSettingsChanged):
            self._greeted = True
            self._moved.set()
        elif isinstance(event, events.ConnectionTerminated):
            last = event.last_stream_id or 0
            for stream_id, call in self._calls.items():
                call.fail(Lost("it takes no more calls on this connection", sent=stream_id <= last))
            self._lose(Lost("it takes no more calls on this connection", sent=False))

    # -- what is said to it

    async def _begin(self, path: str, call: Call) -> int:
        while True:
            if self.lost is not None:
                raise Lost(str(self.lost), sent=False, final=self.lost.final)
            if not self._paused:
                try:
                    stream_id = self._h2.get_next_available_stream_id()
                    self._h2.send_headers(stream_id, [(":path", path), *self._head])
                    break
                except TooManyStreamsError:
                    pass
                except NoAvailableStreamIDError:  # after a thousand million calls
                    self.close("the connection is used up")
                    continue
            self._moved.clear()
            await self._moved.wait()
        self._calls[stream_id] = call
        if self._beat is None:
            self._beat = self._loop.call_later(SILENT_S, self._listen)
        return stream_id

    async def _send(self, stream_id: int, call: Call, data: bytes, *, end: bool) -> None:
        """Send a message, in as many pieces as the member takes at a time; not to the end when the call has ended."""
        while not call.ended:
            room = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
            if self._paused or room <= 0:
                self._moved.clear()
                await self._moved.wait()
                continue
            piece, data = data[:room], data[room:]
            self._h2.send_data(stream_id, piece, end_stream=end and not data)
            self._flush_soon()
            if not data:
                return

    def _let_go(self, stream_id: int, *, reset: bool) -> None:
        self._calls.pop(stream_id, None)
        if reset and self.lost is None:
            with suppress(StreamClosedError):
                self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
            self._moved.set()
            self._flush_soon()
        if not self._calls and self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def _flush_soon(self) -> None:
        """What is said in one turn of the loop goes out in one piece."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self.lost is None and self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)

    # -- is it still there?

    def _listen(self) -> None:
        silent_s = self._loop.time() - self._heard_at
        if silent_s < SILENT_S:
            self._beat = self._loop.call_later(SILENT_S - silent_s, self._listen)
            return
        self._h2.ping(_PING)
        self._flush()
        self._beat = self._loop.call_later(SIGN_S, self._judge, self._loop.time())

    def _judge(self, asked_at: float) -> None:
        if self._heard_at >= asked_at:
            self._beat = self._loop.call_later(SILENT_S, self._listen)
            return
        self._beat = None
        self.close(f"it gave no sign of life for {SILENT_S + SIGN_S:.0f} s")

    def _lose(self, lost: Lost) -> None:
        if self.lost is not None:
            return
        self.lost = lost
        for call in self._calls.values():
            call.fail(lost)
        self._moved.set()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        if self._transport is not None:
            self._transport.abort()  # a close would wait for a member that takes nothing


class Stream:
    """A call with many messages. Its reader is to read on, whatever else it does."""

    def __init__(self, connection: Http2, stream_id: int, call: Call) -> None:
        self._connection = connection
        self._stream_id = stream_id
        self._call = call

    async def send(self, message: bytes) -> None:
        """Send a message; none any more once the call has ended."""
        await self._connection._send(self._stream_id, self._call, framed(message), end=False)

    async def receive(self) -> bytes | None:
        """The next message; None when the member has ended the call well. Raises GRPCError, Lost."""
        return await self._call.following()
