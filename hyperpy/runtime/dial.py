"""A TCP connection to a port on the loopback of another network namespace, as a `Process`."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from hyperpy.linux import netns
from hyperpy.runtime.protocol import Output, RuntimeFailure

_TIMEOUT_S = 10.0
_CHUNK = 64 * 1024


async def dial(namespace: str | None, port: int) -> Connection:
    """Connect to a port on the loopback.

    Args:
        namespace: the file of a network namespace; None: this process's own.
    Raises:
        RuntimeFailure: nobody listens there, or the namespace is gone.
    """
    try:
        if namespace is None:
            sock = await asyncio.to_thread(_connect, port)
        else:
            sock = await asyncio.to_thread(netns.inside, Path(namespace), lambda: _connect(port))
        reader, writer = await asyncio.open_connection(sock=sock)
    except OSError as error:
        raise RuntimeFailure(f"cannot connect to port {port} in the pod: {error.strerror or error}") from error
    return Connection(reader, writer)


def _connect(port: int) -> socket.socket:
    """127.0.0.1, or ::1 where only that listens."""
    try:
        return _open(socket.AF_INET, ("127.0.0.1", port))
    except ConnectionRefusedError as refused:
        try:
            return _open(socket.AF_INET6, ("::1", port))
        except OSError:
            raise refused from None


def _open(family: int, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(_TIMEOUT_S)
        sock.connect(address)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


class Connection:
    """A `Process` over a socket: what the other side sends is stdout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> Output | None:
        try:
            data = await self._reader.read(_CHUNK)
        except OSError:
            return None
        return Output(1, data) if data else None

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise RuntimeFailure(f"the pod closed the connection: {error}") from error

    async def close_stdin(self) -> None:
        if self._writer.can_write_eof():
            try:
                self._writer.write_eof()
            except OSError:
                pass  # it has closed already: nothing more will be read there

    async def resize(self, *, width: int, height: int) -> None:
        """A connection has no terminal."""

    async def wait(self) -> int:
        return 0

    async def aclose(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # closed is closed
