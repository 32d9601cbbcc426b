"""A WebSocket client on a plain socket, for a command that waits on it beside its terminal. Source: RFC 6455.

It never blocks: the caller selects on `fileno()`, calls `receive()` when it is readable and `flush()` when it is
writable and `unsent` is not 0.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from dataclasses import dataclass

_BINARY, _CLOSE, _PONG = 0x2, 0x8, 0xA
_READ = 256 * 1024
#: Far above what an API server sends in one message.
MAX_MESSAGE = 64 * 1024 * 1024


class WebSocketError(ConnectionError):
    """The other side breaks the protocol, or broke off."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it was received."""

    opcode: int
    payload: bytes
    final: bool


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes.

        Raises:
            WebSocketError: a frame is too large, or masked (servers do not mask).
        """
        self._buffer += data
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if buffer[1] & 0x80:
            raise WebSocketError("the server sent a masked frame")
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            shape, start = ("!H", 4) if size == 126 else ("!Q", 10)
            if len(buffer) < start:
                return None
            (size,) = struct.unpack_from(shape, buffer, 2)
        if size > MAX_MESSAGE:
            raise WebSocketError(f"the server sent a frame of {size} bytes")
        if len(buffer) < start + size:
            return None
        frame = Frame(buffer[0] & 0x0F, bytes(buffer[start : start + size]), bool(buffer[0] & 0x80))
        del buffer[: start + size]
        return frame


def encode(opcode: int, payload: bytes) -> bytes:
    """A final frame as clients send it: masked."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    mask = os.urandom(4)
    pattern = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")
    return head + mask + masked.to_bytes(size, "big")


class WebSocket:
    """One open connection. The caller closes it.

    Args:
        sock: connected, upgraded; it becomes non-blocking.
        protocol: the subprotocol that the server chose.
        early: bytes that came with the server's answer.
    """

    def __init__(self, sock: socket.socket, protocol: str, early: bytes = b"") -> None:
        sock.setblocking(False)
        self._sock = sock
        self._frames = FrameReader()
        self._partial = bytearray()
        self._out = bytearray()
        self._early = early
        self.protocol = protocol
        self.closed = False

    def fileno(self) -> int:
        """For selectors."""
        return self._sock.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that wait to be sent."""
        return len(self._out)

    def send(self, payload: bytes) -> None:
        """Queue a binary message and send what can be sent at once."""
        self._out += encode(_BINARY, payload)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        try:
            while self._out:
                sent = self._sock.send(self._out[:_READ])
                del self._out[:sent]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass

    def receive(self) -> list[bytes]:
        """The messages that have arrived in full; sets `closed` at the end of the connection.

        Raises:
            WebSocketError: the protocol is broken.
            OSError: the connection is.
        """
        messages: list[bytes] = []
        for data in self._read():
            for frame in self._frames.feed(data):
                self._take(frame, messages)
        return messages

    def _read(self) -> list[bytes]:
        """Everything that is there: TLS may hold more than the socket shows to a selector."""
        chunks, self._early = ([self._early] if self._early else []), b""
        try:
            while data := self._sock.recv(_READ):
                chunks.append(data)
                if len(chunks) > 16 and not self._tls_pending():
                    return chunks
            self.closed = True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except ssl.SSLEOFError:
            self.closed = True
        return chunks

    def _tls_pending(self) -> bool:
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def _take(self, frame: Frame, messages: list[bytes]) -> None:
        match frame.opcode:
            case 0x8:  # close
                self.closed = True
                self._out += encode(_CLOSE, frame.payload[:2])
                self.flush()
            case 0x9:  # ping
                self._out += encode(_PONG, frame.payload)
                self.flush()
            case 0xA:  # pong
                pass
            case 0x0 | 0x1 | 0x2:  # more of a message, or a text or binary one
                self._partial += frame.payload
                if len(self._partial) > MAX_MESSAGE:
                    raise WebSocketError("the server sent a message that is too large")
                if frame.final:
                    messages.append(bytes(self._partial))
                    self._partial.clear()
            case other:
                raise WebSocketError(f"the server sent a frame of unknown kind {other}")

    def close(self) -> None:
        """Say goodbye when that is possible at once, and let go."""
        if not self.closed:
            self._out += encode(_CLOSE, struct.pack("!H", 1000))
            try:
                self.flush()
            except OSError:
                pass
        self._sock.close()
