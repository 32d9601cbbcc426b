"""The Client over HTTP(S), by aiohttp: the transport of a component that runs in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp

from hyperpy.api import errors
from hyperpy.api.wire import Request, Response
from hyperpy.client import tls
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.client.rest import RestClient

#: A watch hears at least a bookmark a minute; three missed ones mean that the connection is dead.
WATCH_SILENCE_S = 180.0
REQUEST_TIMEOUT_S = 60.0


def connect(access: ClusterAccess, *, user_agent: str = "hyperpy") -> RestClient:
    """A client for the cluster that `access` names. The caller closes it by `aclose()`.

    Args:
        access: where the server is and who asks, as a kubeconfig says it.
        user_agent: as the server's logs show it.
    """
    transport = HttpTransport(access, user_agent=user_agent)
    return RestClient(transport, close=transport.aclose)


class HttpTransport:
    """Sends wire requests to one server. One connection pool; made on first use, inside the running loop."""

    def __init__(self, access: ClusterAccess, *, user_agent: str) -> None:
        self._access = access
        self._base = access.server.rstrip("/")
        self._tls = tls.context(access) if self._base.startswith("https:") else None
        self._headers = {"User-Agent": user_agent}
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, request: Request) -> Response:
        """Send one request.

        Raises:
            errors.ServiceUnavailable: the server cannot be reached or broke off.
        """
        watching = request.flag("watch")
        timeout = aiohttp.ClientTimeout(
            total=None if watching else REQUEST_TIMEOUT_S, sock_connect=10, sock_read=WATCH_SILENCE_S
        )
        try:
            answer = await self._open().request(
                request.method,
                self._base + quote(request.path, safe="/:@"),
                params=[(name, value) for name, values in request.query.items() for value in values],
                data=request.body or None,
                headers=dict(request.headers),
                timeout=timeout,
                allow_redirects=False,
            )
            if watching and answer.status < 400:
                return Response(answer.status, _chunks(answer), answer.content_type)
            async with answer:
                return Response(answer.status, await answer.read(), answer.content_type)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(self._base, error) from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unreachable(str(answer.url.origin()), error) from error
    finally:
        answer.close()


def _unreachable(server: str, error: BaseException) -> errors.ServiceUnavailable:
    return errors.ServiceUnavailable(f"the API server at {server} does not answer: {error or type(error).__name__}")
