"""HTTP: listens, turns aiohttp's requests into wire requests and wire responses into bytes. One dispatcher, no router.

accept ─▶ handshake ─▶ request ─▶ chain ─▶ bytes | stream | takeover        stop(): no new connections, streams
              ▲                                    │                         end, what is under way gets a few
              └──────────── keep-alive ────────────┘                         seconds
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from hyperpy.api import errors
from hyperpy.api.wire import Pieces, Request, Response, UserInfo
from hyperpy.components.apiserver import chain
from hyperpy.components.apiserver.authn.requestheader import Peer, Peers
from hyperpy.components.apiserver.http.cors import Cors
from hyperpy.components.apiserver.http.sending import Heads, Streamed, Whole
from hyperpy.components.apiserver.routing import NetworkRequest
from hyperpy.components.apiserver.streams.takeover import Takeover

log = logging.getLogger(__name__)

#: As in Kubernetes: larger bodies are compressed for clients that take gzip.
_JSON = "application/json"
#: Programs that people read with: they get JSON laid out, unless they say `pretty=false`.
_PEOPLE = ("curl", "Wget", "Mozilla/5.0")
GZIP_FROM_BYTES = 128 * 1024
#: Longest request line and header (an exec carries its command in the URL).
MAX_HEADER = 64 * 1024
BACKLOG = 1024
HANDSHAKE_S = 10.0
#: How long a stream of the core may take to let go.
CLOSE_S = 5.0


class NetworkHandler(Protocol):
    """The handler chain from authentication on; it does not raise."""

    def __call__(
        self, request: Request, *, certificate_user: UserInfo | None, headers: Iterable[tuple[str, str]]
    ) -> Awaitable[Response]: ...


class Listener:
    """Serves one socket.

    Args:
        handler: answers requests.
        tls: None serves plain HTTP.
        max_body_bytes: larger request bodies are refused.
        local_only: refuse requests that a web page made the browser send: another Host, a foreign Origin.
        headers: sent with every answer.
        cors: which pages of other origins may ask, or None for none.
        peers: who is known by a client certificate, and who speaks for others; None: nobody.
        user: who asks on this socket, whatever its credentials; None: authentication finds out.
    """

    def __init__(
        self,
        handler: NetworkHandler,
        *,
        tls: ssl.SSLContext | None,
        max_body_bytes: int,
        local_only: bool = False,
        user: UserInfo | None = None,
        headers: Mapping[str, str] | None = None,
        cors: Cors | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._handler = handler
        self._tls = tls
        self._max_body_bytes = max_body_bytes
        self._local_only = local_only
        self._user = user
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None
        self._streaming: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._draining = False
        self._heads = Heads(headers or {})
        self._cors = cors
        self._peers = peers or Peers(None, client_authorities=b"")

    async def start(self, sock: socket.socket) -> None:
        """Serve a bound socket, which belongs to the listener from now on."""
        loop = asyncio.get_running_loop()
        self._web = server = web.Server(self._handle, request_factory=self._request, handler_cancellation=True)

        def connection() -> _Connection:
            made = _Connection(server, loop=loop, access_log=None, max_line_size=MAX_HEADER, max_field_size=MAX_HEADER)  # type: ignore[arg-type]
            made.peers = self._peers
            return made

        self._server = await loop.create_server(
            connection,
            sock=sock,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_S if self._tls else None,
        )

    def drain(self) -> None:
        """Have clients leave: every answer from now on is the last one on its connection."""
        self._draining = True

    async def stop(self, grace_s: float) -> None:
        """Take no more, end the streams, give what is under way `grace_s`, then close."""
        if self._server is None or self._web is None:
            return
        self._stopping = self._draining = True
        self._server.close()
        for task in list(self._streaming):
            task.cancel()
        self._web.pre_shutdown()
        await self._web.shutdown(grace_s)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, protocol._loop, client_max_size=self._max_body_bytes
        )

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        if self._local_only and not is_local(raw):
            refused = errors.Forbidden("the plain port answers local programs only, not web pages")
            return self._whole(raw, chain.failure(refused))
        allowed = self._cors.headers(raw.headers.get("Origin", "")) if self._cors is not None else None
        if allowed and raw.method == "OPTIONS":
            return self._whole(raw, Response(204, headers=allowed))
        protocol: Any = raw.protocol
        request = NetworkRequest(
            raw.method,
            raw.path,
            _query(raw.rel_url.raw_query_string),
            raw.headers,
            read_body=self._reader(raw),
            peer=protocol.address,
            raw_uri=raw.raw_path,
        )
        user = self._user or protocol.peer.user
        if protocol.peer.speaks_for_others:
            user = self._peers.named(raw.headers.items()) or user
        response = await self._handler(request, certificate_user=user, headers=raw.headers.items())
        if allowed:
            response.headers.update(allowed)
        if isinstance(response, Takeover):
            return await self._long(self._take_over(raw, request, response))
        body = response.body
        if isinstance(body, bytes | Pieces):
            if response.content_type == _JSON and _for_people(request, raw.headers.get("User-Agent", "")):
                body = response.body = _indented(body)
            if len(body) >= GZIP_FROM_BYTES and "gzip" in raw.headers.get("Accept-Encoding", ""):
                await _compress(response, body)
            return self._whole(raw, response)
        return await self._long(self._stream(raw, response, body))

    def _reader(self, raw: web.BaseRequest) -> Callable[[], Awaitable[bytes]] | None:
        if not raw.can_read_body:
            return None

        async def read() -> bytes:
            if raw.headers.get("Expect", "").lower() == "100-continue":
                await raw.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                raw.writer.output_size = 0
            try:
                return await raw.read()
            except web.HTTPRequestEntityTooLarge:
                raise errors.RequestEntityTooLarge(
                    f"Request entity too large: limit is {self._max_body_bytes}"
                ) from None

        return read

    async def _long(self, work: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """Work that a stop ends at once."""
        task = asyncio.current_task()
        assert task is not None
        self._streaming.add(task)
        try:
            return await work
        finally:
            self._streaming.discard(task)

    async def _stream(self, raw: web.BaseRequest, response: Response, body: AsyncIterator[bytes]) -> web.StreamResponse:
        out = Streamed(raw, response, self._heads, last=self._draining)
        try:
            await out.begin()
            async for chunk in body:
                await out.write(chunk)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._stopping or task is None:
                raise  # the client has gone
            task.uncancel()  # stop() asks for a proper end of the stream, not of this task
        except errors.StatusError as error:
            log.warning("%s %s: the stream broke off: %s", raw.method, raw.path, error)
            raw.protocol.force_close()
        except ConnectionError:
            raw.protocol.force_close()  # the client has gone
        finally:
            if response.ended is not None:
                response.ended()
            await _close(body)
        return cast(web.StreamResponse, out)

    async def _take_over(self, raw: web.BaseRequest, request: Request, response: Takeover) -> web.StreamResponse:
        try:
            served = await response.serve(raw)
            response.status = served.status
            return served
        except errors.StatusError as error:
            return self._refused(raw, response, chain.failure(error))
        except ConnectionError:
            raise  # the client has gone
        except Exception:
            return self._refused(raw, response, chain.unexpected(request))
        finally:
            if response.ended is not None:
                response.ended()

    def _refused(self, raw: web.BaseRequest, response: Takeover, refusal: Response) -> web.StreamResponse:
        """The connection was not taken over after all."""
        response.status = refusal.status
        refusal.headers.update(response.headers)
        return self._whole(raw, refusal)

    def _whole(self, raw: web.BaseRequest, response: Response) -> web.StreamResponse:
        return cast(web.StreamResponse, Whole(raw, response, self._heads, last=self._draining))


class _Connection(web.RequestHandler):
    """A connection that knows who its client certificate names, and the client's address."""

    __slots__ = ("address", "peer", "peers")

    peers: Peers
    peer: Peer
    address: str

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        address = transport.get_extra_info("peername")
        self.address = str(address[0]) if address else ""
        self.peer = self.peers.of(transport)
        super().connection_made(transport)


def bind(address: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def is_local(raw: web.BaseRequest) -> bool:
    """Whether a request names this machine as its server and, from a browser, as its page."""
    origin = raw.headers.get("Origin")
    return _is_loopback(raw.headers.get("Host", "")) and (origin is None or _is_loopback(origin.partition("//")[2]))


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name in ("localhost", "::1") or (name.startswith("127.") and name.replace(".", "").isdigit())


def _query(text: str) -> dict[str, tuple[str, ...]]:
    if not text:
        return {}
    query: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        query[name] = (*query[name], value) if name in query else (value,)
    return query


async def _compress(response: Response, body: bytes | Pieces) -> None:
    """In a thread: zlib lets go of the interpreter meanwhile."""
    response.body = await asyncio.get_running_loop().run_in_executor(None, _gzipped, body)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


def _gzipped(body: bytes | Pieces) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    chunks = body.chunks() if isinstance(body, Pieces) else (body,)
    return b"".join([*(packer.compress(chunk) for chunk in chunks), packer.flush()])


async def _close(body: AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        async with asyncio.timeout(CLOSE_S):
            await close()


def _for_people(request: Request, agent: str) -> bool:
    """Whether JSON is to be laid out: `pretty` says so, or who asks is a browser, curl or Wget."""
    return request.flag("pretty") if request.param("pretty") else agent.startswith(_PEOPLE)


def _indented(body: bytes | Pieces) -> bytes:
    try:
        return orjson.dumps(orjson.loads(bytes(body)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONDecodeError:
        return bytes(body)  # no body, as of a 304
