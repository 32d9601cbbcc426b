"""A cheap gRPC client for load: requests encoded beforehand, HTTP/2 frames written by hand.

A client library costs more CPU than the servers measured and would hide their difference. This one knows only what a
closed loop of unary calls needs: a stream that had a message and ended is an answer, any other end is an error.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_STREAMS = 50  # a connection; servers allow at least 100
_ROOM = 1 << 30  # bytes of answers taken without telling the server that there is room again


@dataclass
class Load:
    """What came back: the wait of each answer in seconds, and how many calls failed."""

    waits: list[float] = field(default_factory=list)
    errors: int = 0


async def load(port: int, path: str, messages: Sequence[bytes], *, callers: int, seconds: float) -> Load:
    """Callers, each with one call under way, for some seconds.

    Args:
        path: of the method, `/package.Service/Method`.
        messages: encoded requests, sent in turn.
    """
    found = Load()
    loop = asyncio.get_running_loop()
    end = time.perf_counter() + seconds
    connections = []
    for first in range(0, callers, _STREAMS):
        _, protocol = await loop.create_connection(lambda: _Connection(path, messages, found, end), "127.0.0.1", port)
        protocol.begin(min(_STREAMS, callers - first))
        connections.append(protocol)
    for protocol in connections:
        await protocol.ended
    return found


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _headers(path: str) -> bytes:
    """POST, http, and the rest as literals that enter no table: the same bytes on every stream."""

    def text(value: bytes) -> bytes:
        return bytes((len(value),)) + value

    named = b"\x04" + text(path.encode()) + b"\x01" + text(b"localhost") + b"\x0f\x10" + text(b"application/grpc")
    return b"\x83\x86" + named + b"\x00" + text(b"te") + text(b"trailers")


class _Connection(asyncio.Protocol):
    def __init__(self, path: str, messages: Sequence[bytes], found: Load, end: float) -> None:
        headers = _headers(path)
        self._head = struct.pack(">I", len(headers))[1:] + struct.pack(">BB", _HEADERS, _END_HEADERS)
        self._headers = headers
        self._bodies = [b"\0" + struct.pack(">I", len(message)) + message for message in messages]
        self._found = found
        self._end = end
        self._stream = 1
        self._window = 65535  # bytes that the server still takes
        self._waiting = 0  # callers that wait for room in it
        self._begun: dict[int, float] = {}
        self._answered: set[int] = set()
        self._read = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = _frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, _ROOM))
        self._transport.write(_PREFACE + settings + _frame(_WINDOW, 0, 0, struct.pack(">I", _ROOM)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._found.errors += len(self._begun)
        if not self.ended.done():
            self.ended.set_result(None)

    def begin(self, callers: int) -> None:
        """Start the callers."""
        self._waiting = callers
        self._transport.write(b"".join(self._calls()))

    def data_received(self, data: bytes) -> None:
        data = self._read + data
        at, out = 0, []
        while at + 9 <= len(data):
            size = int.from_bytes(data[at : at + 3], "big")
            if at + 9 + size > len(data):
                break
            kind, flags, stream = struct.unpack_from(">BBI", data, at + 3)
            self._take(kind, flags, stream, data[at + 9 : at + 9 + size], out)
            at += 9 + size
        self._read = data[at:]
        out += self._calls()
        if out:
            self._transport.write(b"".join(out))
        if not self._begun and time.perf_counter() >= self._end:
            self._transport.close()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes, out: list[bytes]) -> None:
        if kind == _DATA and len(payload) > 5:
            self._answered.add(stream)
        if kind == _RST or (kind in (_DATA, _HEADERS) and flags & _END_STREAM):
            self._finish(stream)
        elif kind == _WINDOW and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            out.append(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _GOAWAY:
            self._transport.close()

    def _finish(self, stream: int) -> None:
        begun = self._begun.pop(stream)
        if stream in self._answered:
            self._answered.discard(stream)
            self._found.waits.append(time.perf_counter() - begun)
        else:
            self._found.errors += 1
        self._waiting += 1

    def _calls(self) -> list[bytes]:
        """The next calls of those that wait, as far as the server has room."""
        out: list[bytes] = []
        now = time.perf_counter()
        while self._waiting and now < self._end:
            body = self._bodies[(self._stream >> 1) % len(self._bodies)]
            if len(body) > self._window:
                break
            self._window -= len(body)
            self._waiting -= 1
            self._begun[self._stream] = now
            out += (self._head, self._stream.to_bytes(4, "big"), self._headers)
            out.append(_frame(_DATA, _END_STREAM, self._stream, body))
            self._stream += 2
        return out
