"""pods/portforward: connections to ports of a pod, carried to the kubelet's WebSocket.

A client speaks one of
  - a WebSocket with `SPDY/3.1+portforward.k8s.io`: SPDY inside binary messages (KEP-4006; kubectl 1.31 and later),
  - SPDY/3.1 with `portforward.k8s.io` (older kubectl): both give a pair of streams, data and error, per connection,
  - a WebSocket with `v4.channel.k8s.io` and its ports in the query: joined to the kubelet's as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, Response
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.streams import backend, containers, remotecommand, spdy, takeover, websocket
from hyperpy.components.apiserver.streams.backend import Target
from hyperpy.components.apiserver.streams.nodes import Nodes
from hyperpy.components.apiserver.streams.spdy_session import Pipe, Session, Stream

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

PROTOCOL = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{PROTOCOL}"
_DATA, _ERROR = 0, 1

TargetOf = Callable[[str], Awaitable[Target]]


class PortForward:
    """Answers port-forward requests."""

    def __init__(self, client: Client, nodes: Nodes) -> None:
        self._client = client
        self._nodes = nodes

    async def __call__(self, request: Request, *, namespace: str, name: str) -> Response:
        """`pods/NAME/portforward`.

        Raises:
            errors.StatusError: there is no such pod, it has no node, or the request does not upgrade.
        """
        if not backend.upgrades(request.headers):
            raise errors.BadRequest("portforward: the request must upgrade its connection to WebSocket or SPDY/3.1")
        pod = await self._client.get(kinds.POD, name, namespace=namespace)
        node = containers.node_of(pod)

        async def target(ports: str) -> Target:
            query = [("port", ports)] if ports else []
            return await self._nodes.target(node, ("portForward", namespace, name), query)

        async def serve(raw: web.BaseRequest) -> web.StreamResponse:
            if request.headers["upgrade"].lower() != "websocket":
                return await _serve_spdy(raw, target)
            if TUNNEL in _protocols(raw):
                return await _serve_tunnel(raw, target)
            return await backend.upgrade(raw, await target(",".join(request.query.get("ports", ()))))

        return takeover.Takeover(serve)


def _protocols(raw: web.BaseRequest) -> list[str]:
    lines = raw.headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for line in lines for name in line.split(",")]


async def _serve_spdy(raw: web.BaseRequest, target: TargetOf) -> web.StreamResponse:
    from aiohttp import web

    remotecommand.check_protocol(raw, PROTOCOL)
    async with takeover.connection(raw) as client:
        client[1].write(remotecommand.switching(PROTOCOL))
        await forward(remotecommand.SocketPipe(*client), target)
    return web.StreamResponse()


async def _serve_tunnel(raw: web.BaseRequest, target: TargetOf) -> web.StreamResponse:
    from aiohttp import web

    socket = web.WebSocketResponse(protocols=(TUNNEL,), max_msg_size=0, compress=False, timeout=takeover.CLOSE_S)
    await socket.prepare(raw)
    try:
        await forward(_TunnelPipe(socket), target)
    finally:
        await socket.close()
    return socket


class _TunnelPipe:
    """The pipe of a SPDY connection inside a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        from aiohttp import WSMsgType

        while True:
            message = await self._socket.receive()
            if message.type is not WSMsgType.BINARY:
                return b""
            if message.data:  # kubectl sends empty messages too: they are not the end
                return bytes(message.data)

    async def send(self, data: bytes) -> None:
        await self._socket.send_bytes(data)


async def forward(pipe: Pipe, target: TargetOf) -> None:
    """Serve a SPDY port-forward connection until its client leaves. Each pair of streams is one TCP connection."""
    session = Session(pipe)
    waiting: dict[str, Stream] = {}
    connections: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        try:
            async for stream in session.streams():
                pair = _pair(stream, waiting)
                if pair is not None:
                    task = group.create_task(
                        _Connection(session, *pair).run(target), name=f"portforward/{stream.headers.get('port')}"
                    )
                    connections.add(task)
                    task.add_done_callback(connections.discard)
        except (spdy.ProtocolError, OSError) as problem:
            log.debug("port-forward ends: %s", problem)
        for task in connections:
            task.cancel()


def _pair(stream: Stream, waiting: dict[str, Stream]) -> tuple[Stream, Stream] | None:
    """The data and error streams of a connection once both are there; a client opens the error stream first.

    Raises:
        ProtocolError: a stream is neither, or has no partner.
    """
    kind, request_id = stream.headers.get("streamtype"), stream.headers.get("requestid", "")
    if kind == "error":
        waiting[request_id] = stream
        return None
    error = waiting.pop(request_id, None)
    if kind != "data" or error is None:
        raise spdy.ProtocolError(f'stream {stream.id} of type "{kind}" is not expected here')
    return stream, error


class _Connection:
    """One forwarded TCP connection."""

    def __init__(self, session: Session, data: Stream, error: Stream) -> None:
        self._session = session
        self._data = data
        self._error = error

    async def run(self, target: TargetOf) -> None:
        """Carry it until either side ends; what goes wrong is told on the error stream."""
        try:
            try:
                await self._carry(await target(self._data.headers.get("port", "")))
            except errors.StatusError as problem:
                await self._error.write(str(problem).encode())
            await self._error.close()
            await self._data.close()
        except OSError:
            log.debug("port-forward: the client has gone")
        finally:
            self._session.forget(self._data, self._error)

    async def _carry(self, target: Target) -> None:
        async with websocket.connect(target, protocols=remotecommand.CHANNEL_PROTOCOLS) as kubelet:
            sending = asyncio.create_task(self._to_pod(kubelet), name="portforward/in")
            try:
                await self._from_pod(kubelet)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _to_pod(self, kubelet: websocket.WebSocket) -> None:
        """The client's bytes; its end is passed on where the protocol can say so."""
        try:
            while data := await self._data.read():
                await kubelet.send(bytes((_DATA,)) + data)
            if kubelet.protocol == remotecommand.CHANNEL_PROTOCOLS[0]:
                await kubelet.send(bytes((remotecommand.CLOSE_CHANNEL, _DATA)))
        except OSError:
            log.debug("port-forward: the kubelet has gone")

    async def _from_pod(self, kubelet: websocket.WebSocket) -> None:
        """The pod's bytes and the kubelet's complaints. The first message of a channel only repeats the port."""
        begun: set[int] = set()
        while message := await kubelet.receive():
            channel = message[0]
            if channel not in begun:
                begun.add(channel)
            elif channel == _DATA:
                await self._data.write(message[1:])
            elif channel == _ERROR:
                await self._error.write(message[1:])
