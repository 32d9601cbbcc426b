"""UDP forwarding: each client address has a session, a connected socket of its own to one endpoint.

    first datagram ──▶ session ──silent for idle_s, or its endpoint goes──▶ closed

The session table holds `max_sessions`; beyond that the one silent longest is closed for the new one. A datagram that
a socket does not take at once is dropped, as the network itself would do.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from hyperpy.netproxy.balance import Balancer, Endpoint

log = logging.getLogger(__name__)

BATCH = 64
MAX_DATAGRAM = 65536
IDLE_S = 60.0


class UdpForwarder:
    """Forwards the datagrams of one bound socket.

    Args:
        listener: from `sockets.listen`; closed by `aclose`.
        balancer: picks the endpoint of a new session.
        idle_s: seconds of silence after which a session ends.
    """

    def __init__(
        self, listener: socket.socket, balancer: Balancer, *, idle_s: float = IDLE_S, max_sessions: int = 4096
    ) -> None:
        self._listener = listener
        self._balancer = balancer
        self._idle_s = idle_s
        self._max = max_sessions
        self._endpoints: Sequence[Endpoint] = ()
        self._sessions: OrderedDict[Any, _Session] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to receive."""
        self._loop.add_reader(self._listener, self._readable)

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """Use these from now on; sessions of an endpoint that went are closed, so that clients get another."""
        self._endpoints = tuple(endpoints)
        for client, session in list(self._sessions.items()):
            if session.endpoint not in self._endpoints:
                self._drop(client)

    async def aclose(self) -> None:
        """Close the listener and every session."""
        self._loop.remove_reader(self._listener)
        if self._timer is not None:
            self._timer.cancel()
        for client in list(self._sessions):
            self._drop(client)
        self._listener.close()

    def _readable(self) -> None:
        for _ in range(BATCH):
            try:
                data, client = self._listener.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # An ICMP error about a datagram sent before; the socket itself is well.
                log.debug("udp %s: %s", self._listener, error)
                continue
            session = self._sessions.get(client) or self._begin(client)
            if session is None:
                continue
            session.last = self._loop.time()
            self._sessions.move_to_end(client)
            try:
                session.socket.send(data)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as error:
                log.debug("udp endpoint %s: %s", session.endpoint, error)
                self._drop(client)

    def _begin(self, client: Any) -> _Session | None:
        if not self._endpoints:
            return None
        now = self._loop.time()
        endpoint = self._balancer.order(self._endpoints, client=client[0], now=now)[0]
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.connect((endpoint.host, endpoint.port))
        except OSError as error:
            made.close()
            log.debug("udp endpoint %s: %s", endpoint, error)
            return None
        if len(self._sessions) >= self._max:
            self._drop(next(iter(self._sessions)))
        session = _Session(made, endpoint, now)
        self._sessions[client] = session
        self._loop.add_reader(made, self._answer, client, session)
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle_s, self._expire)
        return session

    def _answer(self, client: Any, session: _Session) -> None:
        for _ in range(BATCH):
            try:
                data = session.socket.recv(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.debug("udp endpoint %s: %s", session.endpoint, error)
                self._drop(client)
                return
            session.last = self._loop.time()
            self._sessions.move_to_end(client)
            try:
                self._listener.sendto(data, client)
            except OSError as error:
                log.debug("udp client %s: %s", client, error)

    def _expire(self) -> None:
        """Close what was silent too long; the table is in order of last use, so look only at its front."""
        self._timer = None
        now = self._loop.time()
        while self._sessions:
            client, session = next(iter(self._sessions.items()))
            rest = session.last + self._idle_s - now
            if rest > 0:
                self._timer = self._loop.call_later(rest, self._expire)
                return
            self._drop(client)

    def _drop(self, client: Any) -> None:
        session = self._sessions.pop(client, None)
        if session is not None:
            self._loop.remove_reader(session.socket)
            session.socket.close()


class _Session:
    __slots__ = ("endpoint", "last", "socket")

    def __init__(self, made: socket.socket, endpoint: Endpoint, now: float) -> None:
        self.socket = made
        self.endpoint = endpoint
        self.last = now
