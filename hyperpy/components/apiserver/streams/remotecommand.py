"""exec and attach for clients that speak SPDY/3.1: its streams become channels of the kubelet's WebSocket and back.

stream type   error  stdin  stdout  stderr  resize
channel           3      0       1       2       4
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from hyperpy.api import errors
from hyperpy.components.apiserver.streams import spdy, takeover, websocket
from hyperpy.components.apiserver.streams.backend import Target
from hyperpy.components.apiserver.streams.spdy_session import Session, Stream

if TYPE_CHECKING:
    from aiohttp import web

#: The one stream protocol of SPDY clients that is spoken: errors come as a Status (Kubernetes 1.4 and later).
PROTOCOL = "v4.channel.k8s.io"
CHANNEL_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
CHANNELS = {"stdin": 0, "stdout": 1, "stderr": 2, "error": 3, "resize": 4}
CLOSE_CHANNEL = 255
#: How long a client may take to open its streams.
STREAMS_S = 30.0


async def serve_spdy(raw: web.BaseRequest, target: Target) -> web.StreamResponse:
    """Answer an exec or attach request of a SPDY client.

    Raises:
        errors.StatusError: the client's protocol is not known, or the kubelet refused.
    """
    from aiohttp import web

    check_protocol(raw, PROTOCOL)
    async with websocket.connect(target, protocols=CHANNEL_PROTOCOLS) as kubelet, takeover.connection(raw) as client:
        client[1].write(switching(PROTOCOL))
        session = Session(SocketPipe(*client))
        opened = _Opened(_expected(target))
        await takeover.first_of(
            asyncio.create_task(_from_client(session, opened, kubelet), name="spdy/in"),
            asyncio.create_task(_from_kubelet(opened, kubelet), name="spdy/out"),
        )
    return web.StreamResponse()


class SocketPipe:
    """The pipe of a bare SPDY connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        try:
            return await self._reader.read(takeover.CHUNK)
        except OSError:
            return b""

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def check_protocol(raw: web.BaseRequest, protocol: str) -> None:
    """Make sure that the client can speak SPDY/3.1 and `protocol` in it; raises BadRequest or Forbidden."""
    upgrade = raw.headers.get("Upgrade", "")
    if upgrade.lower() != "spdy/3.1":
        raise errors.BadRequest(f'unable to upgrade: "{upgrade}" is not known; websocket and SPDY/3.1 are')
    offered = [name.strip() for line in raw.headers.getall("X-Stream-Protocol-Version", []) for name in line.split(",")]
    if protocol not in offered:
        raise errors.Forbidden(
            f"unable to upgrade: unable to negotiate protocol: client supports {offered}, server accepts [{protocol}]"
        )


def switching(protocol: str) -> bytes:
    """The head that agrees to SPDY/3.1."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        f"X-Stream-Protocol-Version: {protocol}\r\n\r\n"
    ).encode()


class _Opened:
    """The client's streams by type; complete once all expected ones are there."""

    def __init__(self, expected: set[str]) -> None:
        self.streams: dict[str, Stream] = {}
        self._expected = expected
        self._complete = asyncio.Event()

    def add(self, stream: Stream) -> str:
        kind = stream.headers.get("streamtype", "")
        self.streams[kind] = stream
        if self._expected <= self.streams.keys():
            self._complete.set()
        return kind

    async def complete(self) -> None:
        async with asyncio.timeout(STREAMS_S):
            await self._complete.wait()


def _expected(target: Target) -> set[str]:
    """The streams that a client opens for these options (Kubernetes' remotecommand server)."""
    query = parse_qs(urlsplit(target.url).query)
    expected = {"error"}
    if "input" in query:
        expected.add("stdin")
    if "output" in query:
        expected.add("stdout")
    if "error" in query and "tty" not in query:
        expected.add("stderr")
    return expected


async def _from_client(session: Session, opened: _Opened, kubelet: websocket.WebSocket) -> None:
    """Take the client's streams, and carry what it sends on them to the kubelet's channels."""
    async with asyncio.TaskGroup() as group:
        try:
            async for stream in session.streams():
                kind = opened.add(stream)
                if kind in ("stdin", "resize"):
                    group.create_task(_send(stream, CHANNELS[kind], kubelet), name=f"spdy/{kind}")
        except (spdy.ProtocolError, OSError):
            return


async def _send(stream: Stream, channel: int, kubelet: websocket.WebSocket) -> None:
    try:
        while data := await stream.read():
            await kubelet.send(bytes((channel,)) + data)
        if kubelet.protocol == CHANNEL_PROTOCOLS[0]:
            await kubelet.send(bytes((CLOSE_CHANNEL, channel)))
    except OSError:
        return  # the kubelet has gone: the other direction sees it and ends the session


async def _from_kubelet(opened: _Opened, kubelet: websocket.WebSocket) -> None:
    """Carry the kubelet's channels to the client's streams, then close these."""
    by_channel = {number: name for name, number in CHANNELS.items()}
    try:
        await opened.complete()
        while message := await kubelet.receive():
            stream = opened.streams.get(by_channel.get(message[0], ""))
            if stream is not None and len(message) > 1:
                await stream.write(message[1:])
        for stream in opened.streams.values():
            await stream.close()
    except (OSError, TimeoutError):
        return  # the client has gone, or never opened its streams
