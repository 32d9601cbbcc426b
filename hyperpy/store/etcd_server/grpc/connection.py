"""One HTTP/2 connection of a gRPC server: takes frames in, runs a task for each call, sends what they answer.

greeting ──preface──▶ open ──▶ closed (by the client, by `close`, or with GOAWAY: the client broke a rule)

Frames are read and written here and not by a general library: that would take four times the processor time of the put
that it carries. Known handlers, one kind of answer and header blocks that are constants make it short.
Bounds: `_MAX_CALLS` calls; what a call has not read (`call.WINDOW`); what is sent waits in its call while the client or
the socket takes no more, and nothing more is read from a client while the socket takes none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import cast

from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd_server.grpc import frames
from hyperpy.store.etcd_server.grpc.call import WINDOW, Call
from hyperpy.store.etcd_server.grpc.frames import Broken, Code, Kind, Setting
from hyperpy.store.etcd_server.grpc.headers import Fields, Headers

log = logging.getLogger(__name__)

_MAX_CALLS = 100
_MAX_BLOCK = 64 * 1024
_OWN_WINDOW = 1 << 30  # of the connection; each call has a window of its own, and those bound what waits
_FIRST_WINDOW = 65_535  # what both sides have before a word is said
_UNITS_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class GrpcConnection(asyncio.Protocol):
    """A connection; the listener makes it.

    Args:
        handlers: by path of the method.
        max_bytes: of a request's message.
        tasks: of all calls under way, of this and other connections; kept up to date.
        lost: called with this connection when it is no more.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        max_bytes: int,
        tasks: set[asyncio.Task[None]],
        lost: Callable[[GrpcConnection], None],
    ) -> None:
        self._lost = lost
        self._handlers = handlers
        self._max_bytes = max_bytes
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._headers = Headers()
        self._calls: dict[int, Call] = {}
        self._unread = b""
        self._greeted = False
        self._last = 0  # highest number of a call
        self._block: tuple[int, int, bytes] | None = None  # a header block that goes on: call, flags, what there is
        self._taken = 0  # bytes of data for which the client was not given room yet
        self._window = _FIRST_WINDOW  # bytes that the client takes on this connection
        self._call_window = _FIRST_WINDOW
        self._max_frame = frames.MAX_FRAME
        self._paused = False
        self._closed = False
        self._waiting: list[asyncio.Future[None]] = []  # calls that wait for any of these three
        self._out: list[bytes] = []
        self._take = {
            Kind.DATA: self._take_data,
            Kind.HEADERS: self._take_headers,
            Kind.CONTINUATION: self._take_continuation,
            Kind.RST_STREAM: self._take_reset,
            Kind.SETTINGS: self._take_settings,
            Kind.PING: self._take_ping,
            Kind.WINDOW_UPDATE: self._take_window,
        }

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        own = {Setting.MAX_CONCURRENT_STREAMS: _MAX_CALLS, Setting.INITIAL_WINDOW_SIZE: WINDOW}
        self.write(frames.settings(own) + frames.window_update(0, _OWN_WINDOW))

    def data_received(self, data: bytes) -> None:
        if self._closed:
            return
        try:
            self._unread = self._take_all(self._unread + data if self._unread else data)
        except Broken as error:
            log.info("a gRPC client broke a rule of HTTP/2: %s", error)
            self._end(error.code, str(error))

    def pause_writing(self) -> None:
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()  # what it asks for, pings too, would pile up as answers

    def resume_writing(self) -> None:
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        for call in list(self._calls.values()):
            call.abort()
        self._calls.clear()
        self._lost(self)

    # -- for calls, and the listener

    def close(self) -> None:
        """Stop all calls and close."""
        self._end(Code.NO_ERROR)

    def write(self, data: bytes) -> None:
        """Send frames, together with all that is sent in this turn of the loop."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def send_headers(self, number: int, block: bytes, *, end: bool = False) -> None:
        """A header block, which is never longer than a frame."""
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        self.write(frames.frame(Kind.HEADERS, flags, number, block))

    async def send_data(self, call: Call, data: bytes) -> None:
        """Send data, as the client takes it."""
        at = 0
        while at < len(data):
            size = min(len(data) - at, self._max_frame, self._window, call.window)
            if size <= 0 or self._paused:
                room = self._loop.create_future()
                self._waiting.append(room)
                await room
                continue
            self._window -= size
            call.window -= size
            self.write(frames.frame(Kind.DATA, 0, call.number, data[at : at + size]))
            at += size

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for room in waiting:
            if not room.done():
                room.set_result(None)

    def _end(self, code: Code, text: str = "") -> None:
        if self._closed:
            return
        self._closed = True
        self._out.append(frames.go_away(self._last, code, text))
        self._flush()
        self._transport.close()

    # -- frames

    def _take_all(self, data: bytes) -> bytes:
        """Take the frames that are whole; returns the rest. Raises Broken."""
        at = 0
        if not self._greeted:
            if len(data) < len(frames.PREFACE):
                return data
            if not data.startswith(frames.PREFACE):
                raise Broken(Code.PROTOCOL_ERROR, "the connection did not begin as HTTP/2 does")
            self._greeted = True
            at = len(frames.PREFACE)
        while len(data) - at >= frames.HEAD_BYTES:
            size = int.from_bytes(data[at : at + 3], "big")
            if size > frames.MAX_FRAME:
                raise Broken(Code.FRAME_SIZE_ERROR, f"a frame of {size} bytes")
            begin = at + frames.HEAD_BYTES
            if len(data) - begin < size:
                break
            kind, flags = data[at + 3], data[at + 4]
            if self._block is not None and kind != Kind.CONTINUATION:
                raise Broken(Code.PROTOCOL_ERROR, "a header block was interrupted")
            number = int.from_bytes(data[at + 5 : begin], "big") & 0x7FFF_FFFF
            at = begin + size
            if (take := self._take.get(kind)) is not None:  # type: ignore[call-overload]
                take(flags, number, data[begin:at])
        return data[at:]

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._taken += len(payload)
        if self._taken >= _OWN_WINDOW // 4:
            self.write(frames.window_update(0, self._taken))
            self._taken = 0
        call = self._calls.get(number)
        if call is None:
            self._refuse_unknown(number)
            return
        if call.half_closed:
            raise Broken(Code.PROTOCOL_ERROR, "data after the end of a request")
        if payload:
            data = frames.unpadded(payload, flags)
            if len(data) < len(payload):
                self.write(frames.window_update(number, len(payload) - len(data)))
            call.feed(data)
        if flags & frames.END_STREAM:
            call.end_of_requests()

    def _take_headers(self, flags: int, number: int, payload: bytes) -> None:
        payload = frames.unpadded(payload, flags)
        if flags & frames.PRIORITY:
            payload = payload[5:]
        self._take_block(flags, number, payload)

    def _take_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != number:
            raise Broken(Code.PROTOCOL_ERROR, "a header block goes on that did not begin")
        _, first_flags, block = self._block
        self._take_block(first_flags | flags & frames.END_HEADERS, number, block + payload)

    def _take_block(self, flags: int, number: int, block: bytes) -> None:
        if not flags & frames.END_HEADERS:
            if len(block) > _MAX_BLOCK:
                raise Broken(Code.PROTOCOL_ERROR, f"headers of more than {_MAX_BLOCK} bytes")
            self._block = (number, flags, block)
            return
        self._block = None
        fields = self._headers.decode(block)  # a refused call's too: the table is the connection's
        call = self._calls.get(number)
        if call is None and number > self._last and number % 2:
            self._last = number
            self._begin(number, fields, ended=bool(flags & frames.END_STREAM))
        elif call is not None and flags & frames.END_STREAM and not call.half_closed:  # trailers
            call.end_of_requests()
        elif call is not None or not number % 2:
            raise Broken(Code.PROTOCOL_ERROR, "headers that belong to no request")

    def _take_reset(self, flags: int, number: int, payload: bytes) -> None:
        frames.number(payload)
        call = self._calls.pop(number, None)
        if call is None:
            self._refuse_unknown(number)
        else:
            call.abort()

    def _take_settings(self, flags: int, number: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        for name, value in frames.read_settings(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                for call in self._calls.values():
                    call.window += value - self._call_window
                self._call_window = value
            elif name == Setting.MAX_FRAME_SIZE:
                self._max_frame = value
        self.write(frames.frame(Kind.SETTINGS, frames.ACK, 0, b""))
        self._wake()

    def _take_ping(self, flags: int, number: int, payload: bytes) -> None:
        if not flags & frames.ACK:
            self.write(frames.frame(Kind.PING, frames.ACK, 0, payload))

    def _take_window(self, flags: int, number: int, payload: bytes) -> None:
        more = frames.number(payload)
        if number == 0:
            self._window += more
        elif (call := self._calls.get(number)) is not None:
            call.window += more
        self._wake()

    def _refuse_unknown(self, number: int) -> None:
        """What comes for a call that is over was under way when it ended; for one that never was, it is a fault."""
        if number == 0 or number > self._last:
            raise Broken(Code.PROTOCOL_ERROR, "a frame for a call that was not begun")

    # -- calls

    def _begin(self, number: int, fields: Fields, *, ended: bool) -> None:
        if len(self._calls) >= _MAX_CALLS:
            self.write(frames.reset(number, Code.REFUSED_STREAM))
            return
        if not fields.get("content-type", "").startswith("application/grpc"):
            self.send_headers(number, frames.http_failure(415), end=True)
            return
        path = fields.get(":path", "")
        handler = self._handlers.get(path)
        if handler is None:
            text = f"unknown method {path}"
            self.send_headers(number, frames.HEAD + frames.failure(Status.UNIMPLEMENTED.value, text), end=True)
            return
        call = Call(self, number, handler=handler, window=self._call_window, max_bytes=self._max_bytes)
        self._calls[number] = call
        if ended:
            call.end_of_requests()
        call.task = self._loop.create_task(self._serve(call, handler, fields.get("grpc-timeout")), name=path)
        self._tasks.add(call.task)
        call.task.add_done_callback(self._tasks.discard)

    async def _serve(self, call: Call, handler: Handler, timeout: str | None) -> None:
        timer = self._loop.call_later(_seconds(timeout), _overdue, call) if timeout else None
        try:
            await handler.func(call)
        except GRPCError as error:
            self._finish(call, frames.failure(error.status.value, error.message or ""))
        except asyncio.CancelledError:
            if not call.overdue:  # the client has gone, or the server ends
                self._calls.pop(call.number, None)
                raise
            self._finish(call, frames.failure(Status.DEADLINE_EXCEEDED.value, "context deadline exceeded"))
        except Exception:
            log.exception("%s failed", call.task and call.task.get_name())
            self._finish(call, frames.failure(Status.UNKNOWN.value, "internal server error"))
        else:
            self._finish(call, frames.DONE)
        finally:
            if timer is not None:
                timer.cancel()

    def _finish(self, call: Call, end: bytes) -> None:
        if self._calls.pop(call.number, None) is None:
            return
        self.send_headers(call.number, end if call.answered else frames.HEAD + end, end=True)
        if not call.half_closed:  # the client need not say the rest
            self.write(frames.reset(call.number, Code.NO_ERROR))


def _overdue(call: Call) -> None:
    call.abort(overdue=True)


def _seconds(timeout: str) -> float:
    """A value of grpc-timeout: digits and a unit. What cannot be read is no limit worth a failure: a day."""
    unit = _UNITS_S.get(timeout[-1:])
    return int(timeout[:-1]) * unit if unit and timeout[:-1].isdigit() else 86_400.0
