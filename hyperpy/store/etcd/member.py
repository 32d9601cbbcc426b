"""One member of an etcd cluster, connected to when it is needed, and again when the connection is lost."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl

from hyperpy.store.etcd import failures
from hyperpy.store.etcd.address import Endpoint
from hyperpy.store.etcd.call import Lost
from hyperpy.store.etcd.http2 import Http2

#: Resolving the name, connecting and TLS.
CONNECT_S = 3.0
_CLOSED = "the store was closed"


class Member:
    """Owns at most one connection. `close` is final."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> None:
        self.endpoint = str(endpoint)
        self._at = endpoint
        self._context = context if endpoint.secure else None
        self._http: Http2 | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def connected(self) -> Http2:
        """Its connection, made now when there is none. Raises Lost."""
        if self._http is not None and self._http.lost is None:
            return self._http
        try:
            async with asyncio.timeout(CONNECT_S), self._connecting:
                if self._http is None or self._http.lost is not None:
                    self._http = await self._connect()
                return self._http
        except OSError as error:  # a TimeoutError too
            raise failures.unreachable(error, host=self._at.host) from error

    def close(self, reason: str = _CLOSED) -> None:
        """Let go of the connection; calls on it end with Lost."""
        self._closed = True
        self.drop(reason)

    def drop(self, reason: str) -> None:
        """Give up the connection; the next call makes a new one."""
        if self._http is not None:
            self._http.close(reason)
            self._http = None

    async def _connect(self) -> Http2:
        if self._closed:
            raise Lost(_CLOSED, sent=False, final=True)
        addresses = await self._addresses()
        for left in range(len(addresses) - 1, -1, -1):
            try:
                # Of a name's addresses none may use up the time of the others.
                async with asyncio.timeout(CONNECT_S / len(addresses)):
                    made = await self._dial(addresses[-1 - left])
                    break
            except OSError:
                if not left:
                    raise
        if self._closed:
            made.close(_CLOSED)
        return made

    async def _addresses(self) -> list[str]:
        try:
            return [str(ipaddress.ip_address(self._at.host))]
        except ValueError:
            found = await asyncio.get_running_loop().getaddrinfo(self._at.host, self._at.port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(address[0]) for *_, address in found))

    async def _dial(self, address: str) -> Http2:
        _, http = await asyncio.get_running_loop().create_connection(
            lambda: Http2(self._at.authority, secure=self._at.secure),
            address,
            self._at.port,
            ssl=self._context,
            server_hostname=self._at.host if self._context else None,
        )
        return http
