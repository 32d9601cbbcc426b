"""The socket of an etcd server: HTTP/2 connections go to gRPC; HTTP/1 ones get /v3, /v2, /version, /health, /metrics.

Which one it is stands in a connection's first bytes: gRPC clients open with HTTP/2's preface.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from aiohttp import web

from hyperpy.store.etcd_server.gateway import Gateway
from hyperpy.store.etcd_server.grpc.server import GrpcServer
from hyperpy.store.etcd_server.identity import ETCD_VERSION, Identity
from hyperpy.store.etcd_server.limits import Gate
from hyperpy.store.etcd_server.services import services
from hyperpy.store.etcd_server.v2.api import V2Api
from hyperpy.store.protocol import Store, StoreError

_PREFACE = b"PRI * HTTP/2.0"


class EtcdListener:
    """A gRPC server with the plain paths beside it. `start`, then `aclose`.

    Args:
        v2: the v2 API, which the caller closes after the listener; None: it is refused.
        scratch: where snapshots are written before they are sent; None: where the system has temporary files.
        metrics: answers a scrape with Prometheus' text format; None: there are none.
    """

    def __init__(
        self,
        store: Store,
        identity: Identity,
        gate: Gate,
        *,
        v2: V2Api | None,
        scratch: Path | None = None,
        metrics: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._v2 = v2
        # A client that hangs up ends its request: some wait for ever.
        self._http = web.Server(self._answer, handler_cancellation=True)
        served = services(store, identity, gate, scratch=scratch)
        self._grpc = GrpcServer(served, max_bytes=gate.limits.message_bytes)
        self._gateway = Gateway(served, max_bytes=gate.limits.message_bytes)
        self._transports: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port, which the system picks for 0. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(self._peek, host, port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """Stop listening, cancel what is under way, drop the connections."""
        if self._server is not None:
            self._server.close()
        if self._v2 is not None:
            self._v2.stop_waiting()
        await self._grpc.aclose()
        await self._http.shutdown(timeout=1.0)
        for transport in list(self._transports):
            transport.close()

    def _peek(self) -> asyncio.Protocol:
        return _Peek(self._grpc.connection, self._http, self._transports)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/v2/"):
            if self._v2 is None:
                return web.Response(status=501, text="the v2 API needs a data directory; PostgreSQL has v3 only\n")
            return await self._v2.answer(request)
        if self._gateway.serves(request.path):
            return await self._gateway.answer(request)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text=f"method {request.method} is not allowed here\n")
        if request.path == "/version":
            return _json({"etcdserver": ETCD_VERSION, "etcdcluster": ETCD_VERSION})
        if request.path == "/health":
            try:
                await self._store.revision()
            except StoreError:
                return _json({"health": "false"}, status=503)
            return _json({"health": "true"})
        if request.path == "/metrics" and self._metrics is not None:
            return await self._scrape(self._metrics)
        served = "etcd's v3 gRPC API, /v3, /v2, /version, /health and /metrics"
        return web.Response(status=404, text=f"{request.path} is not served: this port has {served}\n")

    @staticmethod
    async def _scrape(metrics: Callable[[], Awaitable[bytes]]) -> web.Response:
        try:
            return web.Response(body=await metrics(), headers={"Content-Type": "text/plain; version=0.0.4"})
        except StoreError as error:
            return web.Response(status=503, text=f"{error}\n")


def _json(content: dict[str, str], *, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(content), content_type="application/json")


class _Peek(asyncio.Protocol):
    """Reads until it is clear what the client speaks, then hands the connection over with all that was read."""

    def __init__(
        self,
        grpc: Callable[[], asyncio.Protocol],
        http: Callable[[], asyncio.Protocol],
        transports: set[asyncio.Transport],
    ) -> None:
        self._grpc = grpc
        self._http = http
        self._transports = transports
        self._chosen: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self._transports.add(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._chosen is not None:
            self._chosen.data_received(data)
            return
        self._read += data
        if self._read != _PREFACE[: len(self._read)] and not self._read.startswith(_PREFACE):
            self._choose(self._http)
        elif len(self._read) >= len(_PREFACE):
            self._choose(self._grpc)

    def eof_received(self) -> bool | None:
        return self._chosen.eof_received() if self._chosen is not None else None

    def pause_writing(self) -> None:
        if self._chosen is not None:
            self._chosen.pause_writing()

    def resume_writing(self) -> None:
        if self._chosen is not None:
            self._chosen.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._transports.discard(self._transport)
        if self._chosen is not None:
            self._chosen.connection_lost(exc)

    def _choose(self, factory: Callable[[], asyncio.Protocol]) -> None:
        assert self._transport is not None
        self._chosen = factory()
        self._chosen.connection_made(self._transport)
        self._chosen.data_received(self._read)
        self._read = b""
