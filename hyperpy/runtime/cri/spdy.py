"""A client of SPDY/3.1 streams, as the streaming servers of CRI runtimes speak them: exec and attach.

Why not WebSocket: its channel protocols up to version 4, which is what the runtimes know, cannot end one direction, so
`cat file | exec -i ... wc` would wait for ever. Every data frame here has an end mark.

Only what such a server needs is here: the client opens all streams, there is no flow control (the servers have none),
answers' header blocks are skipped. Our header blocks are compressed without SPDY's dictionary, which is an allowed
zlib stream. Source: the SPDY/3.1 draft; stream names are Kubernetes' remotecommand protocol.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

PROTOCOL = "v4.channel.k8s.io"
CONNECT_S = 10.0
_CHUNK = 32 * 1024
_READ = 64 * 1024
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING = 1, 2, 3, 6
_FIN = 1


class UpgradeRefused(Exception):
    """The server did not take the upgrade; the text is its answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one stream; `end`: nothing more comes on it."""

    stream: str
    data: bytes
    end: bool


class Streams:
    """Named streams over one connection. One task may read while another one writes; `aclose` closes it.

    Args:
        names: in the order in which they are opened.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, names: Sequence[str]) -> None:
        self._reader = reader
        self._writer = writer
        # A client's stream ids are odd.
        self._ids = {name: 2 * number + 1 for number, name in enumerate(names)}
        self._names = {number: name for name, number in self._ids.items()}
        # Frames are cut out of this, so that a reader cancelled in the middle of one loses nothing.
        self._buffer = b""
        headers = zlib.compressobj()
        for name, number in self._ids.items():
            writer.write(_syn_stream(number, {"streamtype": name}, headers))

    async def read(self) -> Part | None:
        """The next piece of any stream; None when the server has closed the connection."""
        while True:
            frame = _cut(self._buffer)
            if frame is not None:
                head, body = frame
                self._buffer = self._buffer[8 + len(body) :]
                if (part := self._part(head, body)) is not None:
                    return part
                continue
            try:
                more = await self._reader.read(_READ)
            except OSError:
                more = b""
            if not more:
                return None
            self._buffer += more

    async def write(self, name: str, data: bytes, *, end: bool = False) -> None:
        """Send on one stream, waiting while the server does not read. Raises OSError when it has gone."""
        pieces = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)] or [b""]
        for piece in pieces[:-1]:
            self._writer.write(_data(self._ids[name], piece))
            await self._writer.drain()
        self._writer.write(_data(self._ids[name], pieces[-1], end=end))
        await self._writer.drain()

    async def aclose(self) -> None:
        """Close the connection, which ends all streams."""
        await _close(self._writer)

    def _part(self, head: bytes, body: bytes) -> Part | None:
        """What a frame says to the reader; pings are answered."""
        flags = head[4]
        if not head[0] & 0x80:
            name = self._names.get(int.from_bytes(head[:4], "big"))
            return Part(name, body, bool(flags & _FIN)) if name is not None else None
        kind = int.from_bytes(head[2:4], "big")
        if kind == _PING:
            self._writer.write(head + body)
        if kind == _RST_STREAM or (kind == _SYN_REPLY and flags & _FIN):
            name = self._names.get(int.from_bytes(body[:4], "big"))
            return Part(name, b"", True) if name is not None else None
        return None


async def open_streams(url: str, names: Sequence[str]) -> Streams:
    """Upgrade a URL that the runtime gave.

    Args:
        names: the streams to open.
    Raises:
        UpgradeRefused: the server answers something else.
        OSError: nobody listens there.
    """
    parts = urlsplit(url)
    # The runtime's own certificate, if it has one, is signed by nobody: the token in the URL is the secret.
    tls = ssl._create_unverified_context() if parts.scheme == "https" else None
    async with asyncio.timeout(CONNECT_S):
        port = parts.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
        try:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            writer.write(
                f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                f"X-Stream-Protocol-Version: {PROTOCOL}\r\nContent-Length: 0\r\n\r\n".encode()
            )
            answer = await reader.readuntil(b"\r\n\r\n")
            status = answer.split(b"\r\n", 1)[0]
            if status.split(b" ")[1:2] != [b"101"]:
                told = (await reader.read(_READ)).decode(errors="replace").strip()
                raise UpgradeRefused(told or status.decode(errors="replace"))
            return Streams(reader, writer, names)
        except asyncio.IncompleteReadError as error:
            await _close(writer)
            raise UpgradeRefused("the connection was closed") from error
        except BaseException:
            await _close(writer)
            raise


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass  # closed is closed


def _syn_stream(number: int, headers: dict[str, str], compressor: zlib._Compress) -> bytes:
    block = struct.pack(">I", len(headers))
    for text in (text for pair in headers.items() for text in pair):
        block += struct.pack(">I", len(text)) + text.encode()
    packed = compressor.compress(block) + compressor.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">IIH", number, 0, 0) + packed
    return struct.pack(">HHI", 0x8003, _SYN_STREAM, len(body)) + body


def _data(number: int, data: bytes, *, end: bool = False) -> bytes:
    return struct.pack(">II", number, (_FIN if end else 0) << 24 | len(data)) + data


def _cut(buffer: bytes) -> tuple[bytes, bytes] | None:
    """The first frame's head of eight bytes and its body, once both are whole."""
    if len(buffer) < 8:
        return None
    end = 8 + int.from_bytes(buffer[5:8], "big")
    return (buffer[:8], buffer[8:end]) if len(buffer) >= end else None
