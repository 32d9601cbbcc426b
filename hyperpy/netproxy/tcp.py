"""TCP forwarding: accepts on one socket, dials an endpoint, moves bytes both ways with half-close and back-pressure.

    accepted ──dial──▶ open ──EOF from one side──▶ half closed ──EOF from the other──▶ closed
        │                └── an error or a reset on either side ─────────────────────────▲
        └── no endpoint answers: closed

Raw sockets on the loop's readiness callbacks, not streams: measured at twice the connections per second. Each
direction holds at most one chunk that its receiver did not take; while it does, its sender is not read.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from hyperpy.netproxy.balance import Balancer, Endpoint

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
ACCEPT_BATCH = 64
CONNECT_TIMEOUT_S = 5.0
#: How long accepting rests when the process has no file descriptor left.
OVERLOAD_PAUSE_S = 0.5
_OVERLOAD = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_buffer = memoryview(bytearray(CHUNK))


class TcpForwarder:
    """Forwards the connections of one listening socket.

    Args:
        listener: from `sockets.listen`; closed by `aclose`.
        balancer: picks endpoints.
        max_connections: beyond it, new connections wait in the kernel's backlog until one ends.
    """

    def __init__(self, listener: socket.socket, balancer: Balancer, *, max_connections: int = 8192) -> None:
        self._listener = listener
        self._balancer = balancer
        self._max = max_connections
        self._endpoints: Sequence[Endpoint] = ()
        self._dialling: set[asyncio.Task[None]] = set()
        self._open: set[_Connection] = set()
        self._counts: Counter[Endpoint] = Counter()
        self._accepting = False
        self._pause: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def open_connections(self) -> Mapping[Endpoint, int]:
        """How many connections each endpoint has now."""
        return self._counts

    def start(self) -> None:
        """Begin to accept."""
        if not self._accepting:
            self._accepting = True
            self._loop.add_reader(self._listener, self._accept)

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """Use these from now on; connections that are open go on to the endpoint they have."""
        self._endpoints = tuple(endpoints)

    async def aclose(self) -> None:
        """Close the listener and every connection."""
        self._rest()
        if self._pause is not None:
            self._pause.cancel()
        self._listener.close()
        dialling = list(self._dialling)
        for task in dialling:
            task.cancel()
        await asyncio.gather(*dialling, return_exceptions=True)
        for connection in list(self._open):
            connection.close()

    def _rest(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener)

    def _resume(self) -> None:
        self._pause = None
        self.start()

    def _accept(self) -> None:
        for _ in range(ACCEPT_BATCH):
            if len(self._open) + len(self._dialling) >= self._max:
                self._rest()
                return
            try:
                client, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OVERLOAD:
                    raise
                log.warning("accepting on %s rests %s s: %s", self._listener.getsockname(), OVERLOAD_PAUSE_S, error)
                self._rest()
                self._pause = self._loop.call_later(OVERLOAD_PAUSE_S, self._resume)
                return
            client.setblocking(False)
            task = self._loop.create_task(self._serve(client, address[0]), name=f"tcp/{address[0]}:{address[1]}")
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _serve(self, client: socket.socket, address: str) -> None:
        """Dial endpoints in the balancer's order; the first that answers takes the connection."""
        if self._endpoints:
            for endpoint in self._balancer.order(self._endpoints, client=address, now=self._loop.time()):
                try:
                    server = await self._dial(endpoint)
                except asyncio.CancelledError:
                    client.close()
                    raise
                except (OSError, TimeoutError) as error:
                    log.debug("endpoint %s:%d: %s", endpoint.host, endpoint.port, error)
                    continue
                self._counts[endpoint] += 1
                connection = _Connection(self._loop, client, server, partial(self._closed, endpoint))
                self._open.add(connection)
                connection.start()
                return
        _reset(client)

    async def _dial(self, endpoint: Endpoint) -> socket.socket:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        try:
            server.setblocking(False)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._loop.sock_connect(server, (endpoint.host, endpoint.port))
        except BaseException:
            server.close()
            raise
        return server

    def _closed(self, endpoint: Endpoint, connection: _Connection) -> None:
        self._open.discard(connection)
        self._counts[endpoint] -= 1
        if not self._counts[endpoint]:
            del self._counts[endpoint]
        if not self._accepting and self._pause is None and self._listener.fileno() >= 0:
            self.start()


def _reset(client: socket.socket) -> None:
    """Close with a reset: the client sees a refused connection instead of an empty answer."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


class _Connection:
    """The two directions of one forwarded connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        server: socket.socket,
        on_close: Callable[[_Connection], None],
    ) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets = (client, server)
        self._directions = (_Direction(loop, client, server, self), _Direction(loop, server, client, self))
        self._on_close = on_close
        self._closed = False

    def start(self) -> None:
        for direction in self._directions:
            direction.start()

    def ended(self) -> None:
        """A direction has passed its EOF on."""
        if all(direction.done for direction in self._directions):
            self.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for direction in self._directions:
            direction.stop()
        for each in self._sockets:
            each.close()
        self._on_close(self)


class _Direction:
    """Bytes from one socket to the other."""

    __slots__ = ("_connection", "_loop", "_pending", "_source", "_target", "done")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, source: socket.socket, target: socket.socket, connection: _Connection
    ) -> None:
        self._loop = loop
        self._source = source
        self._target = target
        self._connection = connection
        self._pending = b""
        self.done = False

    def start(self) -> None:
        self._loop.add_reader(self._source, self._readable)

    def stop(self) -> None:
        self._loop.remove_reader(self._source)
        if self._pending:
            self._loop.remove_writer(self._target)

    def _readable(self) -> None:
        try:
            size = self._source.recv_into(_buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._connection.close()
            return
        if not size:
            self._loop.remove_reader(self._source)
            self._finish()
            return
        sent = self._send(_buffer[:size])
        if 0 <= sent < size:
            self._pending = bytes(_buffer[sent:size])
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._target, self._writable)

    def _writable(self) -> None:
        sent = self._send(self._pending)
        if sent < 0:
            return
        self._pending = self._pending[sent:]
        if not self._pending:
            self._loop.remove_writer(self._target)
            self._loop.add_reader(self._source, self._readable)

    def _send(self, data: bytes | memoryview) -> int:
        """How many bytes the target took; -1 when the connection broke and was closed."""
        try:
            return self._target.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._connection.close()
            return -1

    def _finish(self) -> None:
        self.done = True
        try:
            self._target.shutdown(socket.SHUT_WR)
        except OSError:
            self._connection.close()
            return
        self._connection.ended()
