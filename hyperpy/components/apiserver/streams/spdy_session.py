"""One SPDY connection: streams that the client opens, over any byte pipe.

open ──client's FIN──▶ half closed ──our close()──▶ closed        either side's reset ends a stream at once
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from hyperpy.components.apiserver.streams import spdy

#: Parts of a stream that wait for their reader. When full, the whole connection waits, as it does in Kubernetes.
QUEUE_PARTS = 32
MAX_STREAMS = 1024


class Pipe(Protocol):
    """Bytes both ways. `receive` gives b"" at the end; `send` waits while the peer is slow."""

    async def receive(self) -> bytes: ...

    async def send(self, data: bytes) -> None: ...


class Stream:
    """One stream of a session. The side that takes it closes it."""

    def __init__(self, session: Session, stream_id: int, headers: Mapping[str, str]) -> None:
        self.id = stream_id
        self.headers = headers
        self._session = session
        self._parts: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_PARTS)
        self._ended = False
        self._closed = False

    async def read(self) -> bytes:
        """The next part; b"" when the client has closed its side, reset the stream, or gone."""
        if self._ended:
            return b""
        part = await self._parts.get()
        self._ended = not part
        return part

    async def write(self, data: bytes) -> None:
        """Send a part. Raises ConnectionError when the client has gone or reset the stream."""
        if self._closed:
            raise ConnectionResetError("the stream is closed")
        await self._session.send(self._session.encoder.data(self.id, data))

    async def close(self) -> None:
        """Say that nothing more follows from this side; harmless twice."""
        if not self._closed:
            self._closed = True
            await self._session.send(self._session.encoder.data(self.id, b"", fin=True))

    async def deliver(self, data: bytes) -> None:
        """Hand in a part from the connection; b"" is the end."""
        await self._parts.put(data)

    def hang_up(self) -> None:
        """The connection is gone: what came before may still be read."""
        self._closed = True
        if self._parts.full():
            self.abort()
        else:
            self._parts.put_nowait(b"")

    def abort(self) -> None:
        """The stream is gone: parts that wait are dropped and its reader wakes."""
        self._closed = True
        while not self._parts.empty():
            self._parts.get_nowait()
        self._parts.put_nowait(b"")


class Session:
    """The server's side of a connection. `streams()` must be iterated: it is what reads the connection."""

    def __init__(self, pipe: Pipe) -> None:
        self.encoder = spdy.Encoder()
        self._decoder = spdy.Decoder()
        self._pipe = pipe
        self._streams: dict[int, Stream] = {}
        self._sending = asyncio.Lock()

    async def send(self, data: bytes) -> None:
        """Send whole frames; frames of several streams do not mix."""
        async with self._sending:
            await self._pipe.send(data)

    async def streams(self) -> AsyncIterator[Stream]:
        """Every stream the client opens, accepted, until the client ends the connection.

        Raises:
            spdy.ProtocolError: the client does not speak SPDY/3.1.
        """
        try:
            while data := await self._pipe.receive():
                for frame in self._decoder.feed(data):
                    if isinstance(frame, spdy.GoAway):
                        return
                    opened = await self._take(frame)
                    if opened is not None:
                        yield opened
        finally:
            for stream in self._streams.values():
                stream.hang_up()

    def forget(self, *streams: Stream) -> None:
        """Streams that are done on both sides."""
        for stream in streams:
            self._streams.pop(stream.id, None)

    async def _take(self, frame: spdy.Frame) -> Stream | None:
        if isinstance(frame, spdy.Syn):
            return await self._open(frame)
        if isinstance(frame, spdy.Ping):
            await self.send(self.encoder.ping(frame.id))
        elif isinstance(frame, spdy.Data):
            stream = self._streams.get(frame.stream)
            if stream is not None:
                if frame.data:
                    await stream.deliver(frame.data)
                if frame.fin:
                    await stream.deliver(b"")
        elif isinstance(frame, spdy.Reset):
            stream = self._streams.pop(frame.stream, None)
            if stream is not None:
                stream.abort()
        return None

    async def _open(self, frame: spdy.Syn) -> Stream:
        if len(self._streams) >= MAX_STREAMS:
            raise spdy.ProtocolError(f"more than {MAX_STREAMS} streams are open")
        if not frame.stream % 2 or frame.stream in self._streams:
            raise spdy.ProtocolError(f"a client cannot open stream {frame.stream}")
        stream = Stream(self, frame.stream, frame.headers)
        self._streams[frame.stream] = stream
        if frame.fin:
            await stream.deliver(b"")
        await self.send(self.encoder.reply(frame.stream))
        return stream
