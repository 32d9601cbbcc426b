"""Requests to the servers behind the API server: plain ones through a pool, upgrades on a connection of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hyperpy.api import errors
from hyperpy.components.apiserver.streams import takeover

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

CONNECT_S = 10.0
HEAD_S = 30.0
MAX_HEAD = 64 * 1024
#: How much of an error's text is passed on.
MAX_ERROR = 10_000

#: Headers that concern one connection, or tell who the client is to us and to nobody else.
_NOT_FORWARDED = frozenset(
    (
        "authorization", "connection", "content-length", "host", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Args:
        url: complete, percent-encoded.
        tls: how to check and greet an https server; None for http.
        what: for messages: `node "n1"`.
        server_name: whom the server's certificate must name, when that is not the URL's host.
    """

    url: str
    tls: ssl.SSLContext | None
    what: str
    server_name: str = ""


def upgrades(headers: Mapping[str, str]) -> bool:
    """Whether a request asks to change the protocol of its connection."""
    return "upgrade" in headers.get("connection", "").lower() and bool(headers.get("upgrade"))


def forwarded(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a client that a backend may see; bytes that are no text become question marks."""
    return [
        (name, value if value.isascii() else value.encode(errors="replace").decode())
        for name, value in headers
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith("impersonate-")
    ]


class Backends:
    """Connections to backends. `aclose` ends those that wait in the pool."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, target: Target, *, headers: Iterable[tuple[str, str]] = (), data: Any = None
    ) -> aiohttp.ClientResponse:
        """Ask; the caller closes the answer.

        Raises:
            InternalError: the backend cannot be reached.
        """
        import aiohttp
        import yarl

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        try:
            return await self.session().request(
                method,
                yarl.URL(target.url, encoded=True),
                headers=list(headers),
                data=data,
                timeout=timeout,
                ssl=target.tls or True,
                server_hostname=target.server_name or None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(target, error) from error

    def session(self) -> aiohttp.ClientSession:
        """The pool."""
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def aclose(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def upgrade(
    raw: web.BaseRequest, target: Target, headers: Iterable[tuple[str, str]] | None = None
) -> web.StreamResponse:
    """Repeat the client's upgrade request to the backend; when it agrees, join the two connections.

    Args:
        headers: what the backend is sent; None: the client's.
    Raises:
        errors.StatusError: the backend refused, or cannot be reached.
    """
    from aiohttp import web

    async with (
        dial(target, method=raw.method, headers=_upgrade_headers(raw, headers)) as (head, reader, writer),
        takeover.connection(raw) as client,
    ):
        client[1].write(head)
        await takeover.join(client, (reader, writer))
    return web.StreamResponse()


@asynccontextmanager
async def dial(
    target: Target, *, method: str, headers: Iterable[tuple[str, str]]
) -> AsyncIterator[tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a backend that has agreed to change its protocol, with the head of its answer.

    Raises:
        errors.StatusError: the backend refused, or cannot be reached.
    """
    reader, writer = await _connect(target)
    try:
        writer.write(_head(target, method, headers))
        head = await _read_head(reader, target)
        if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.0 101")):
            raise await _refusal(head, reader)
        yield head, reader, writer
    finally:
        await takeover.close(writer)


def _unreachable(target: Target, error: BaseException) -> errors.InternalError:
    cause = getattr(error, "os_error", error)  # aiohttp wraps the plain reason
    why = getattr(cause, "strerror", None) or str(cause) or type(error).__name__
    return errors.InternalError(f"error dialing backend: {target.what}: {why}")


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(target.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_S):
            name = (target.server_name or url.hostname) if target.tls else None
            return await asyncio.open_connection(
                url.hostname, port, ssl=target.tls, server_hostname=name, limit=MAX_HEAD
            )
    except (OSError, TimeoutError) as error:
        raise _unreachable(target, error) from error


def _upgrade_headers(raw: web.BaseRequest, headers: Iterable[tuple[str, str]] | None) -> list[tuple[str, str]]:
    change = [("Connection", "Upgrade"), ("Upgrade", raw.headers["Upgrade"])]
    return [*(forwarded(raw.headers.items()) if headers is None else headers), *change]


def _head(target: Target, method: str, headers: Iterable[tuple[str, str]]) -> bytes:
    url = urlsplit(target.url)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {url.netloc}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


async def _read_head(reader: asyncio.StreamReader, target: Target) -> bytes:
    try:
        async with asyncio.timeout(HEAD_S):
            return await reader.readuntil(b"\r\n\r\n")
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
        raise _unreachable(target, error) from error


async def _refusal(head: bytes, reader: asyncio.StreamReader) -> errors.StatusError:
    """The backend's refusal of an upgrade, as an error."""
    from email.parser import BytesHeaderParser

    first, _, rest = head.partition(b"\r\n")
    code = int(first.split()[1]) if len(first.split()) > 1 and first.split()[1].isdigit() else 502
    length = BytesHeaderParser().parsebytes(rest).get("content-length", "")
    body = b""
    try:
        async with asyncio.timeout(HEAD_S):
            body = (
                await reader.read(MAX_ERROR)
                if not length.isdigit()
                else await reader.readexactly(min(int(length), MAX_ERROR))
            )
    except (OSError, EOFError, TimeoutError):
        pass  # the code alone has to do
    return refusal(code, body)


def refusal(code: int, body: bytes) -> errors.StatusError:
    """A backend's error answer as an error of the API: its Status when it sent one, else its text."""
    import orjson

    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return errors.from_status(status, code=code)
    text = body.decode(errors="replace").strip()
    if not text:
        text = f"the backend answered {code} {HTTPStatus(code).phrase if code in set(HTTPStatus) else ''}".rstrip()
    return errors.from_status({"message": text}, code=code)
