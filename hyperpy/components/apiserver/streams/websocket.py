"""The client's side of a WebSocket on plain byte streams (RFC 6455): whole messages in and out.

Our own because the refusal of an upgrade carries the kubelet's words, which aiohttp's client drops.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hyperpy.api import errors
from hyperpy.components.apiserver.streams import backend
from hyperpy.components.apiserver.streams.backend import Target

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING = 0x0, 0x1, 0x2, 0x8, 0x9
_PONG = 0xA
#: A message beyond this ends the connection.
MAX_MESSAGE = 16 * 1024 * 1024


class WebSocket:
    """An open WebSocket. `protocol` is the subprotocol the server chose."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: str) -> None:
        self.protocol = protocol
        self._reader = reader
        self._writer = writer

    async def send(self, message: bytes) -> None:
        """Send one binary message; waits while the server is slow. Raises OSError when it has gone."""
        self._writer.write(frame(_BINARY, message))
        await self._writer.drain()

    async def receive(self) -> bytes:
        """The next message, binary or text; b"" when the server has closed or gone."""
        message = bytearray()
        while True:
            try:
                final, opcode, payload = await self._frame()
            except (EOFError, OSError):
                return b""
            if opcode == _CLOSE:
                return b""
            if opcode == _PING:
                self._writer.write(frame(_PONG, payload))
            elif opcode in (_CONTINUATION, _TEXT, _BINARY):
                message += payload
                if len(message) > MAX_MESSAGE:
                    return b""
                if final and message:
                    return bytes(message)

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
        if length > MAX_MESSAGE or second & 0x80:  # a server does not mask
            raise EOFError
        payload = await self._reader.readexactly(length) if length else b""
        return bool(first & 0x80), first & 0x0F, payload


@asynccontextmanager
async def connect(target: Target, *, protocols: Sequence[str]) -> AsyncIterator[WebSocket]:
    """Open a WebSocket to a backend; closed at the end.

    Raises:
        errors.StatusError: the backend refused, or cannot be reached.
    """
    headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
        ("Sec-WebSocket-Protocol", ", ".join(protocols)),
    ]
    async with backend.dial(target, method="GET", headers=headers) as (head, reader, writer):
        chosen = _header(head, "sec-websocket-protocol")
        if chosen not in protocols:
            raise errors.InternalError(f'{target.what} chose the protocol "{chosen}", asked was for {protocols}')
        try:
            yield WebSocket(reader, writer, chosen)
        finally:
            if not writer.is_closing():
                writer.write(frame(_CLOSE, struct.pack(">H", 1000)))


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole masked frame."""
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length)
    mask = os.urandom(4)
    stretched = (mask * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")
    return head + mask + masked.to_bytes(length, "big")


def _header(head: bytes, name: str) -> str:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return ""
