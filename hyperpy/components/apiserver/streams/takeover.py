"""A response that takes over the client's connection: for upgrades and for bodies that must not be gathered whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hyperpy.api.wire import Response

if TYPE_CHECKING:
    from aiohttp import web

#: Bytes read at once from a joined connection.
CHUNK = 64 * 1024
#: How long the last bytes may take to leave when a joined connection ends.
CLOSE_S = 5.0

Serve = Callable[["web.BaseRequest"], Awaitable["web.StreamResponse"]]


class Takeover(Response):
    """An answer that the transport lets happen: it calls `serve` with the client's request and sends nothing itself.

    Args:
        serve: answers on the connection; StatusErrors that it raises before that are sent as usual.
    """

    def __init__(self, serve: Serve) -> None:
        super().__init__(101)
        self.serve = serve


@asynccontextmanager
async def connection(
    raw: web.BaseRequest,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The client's connection as plain byte streams; aiohttp no longer reads it. Closed at the end."""
    transport = raw.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        yield reader, writer
    finally:
        await close(writer)
        raw.protocol.connection_lost(None)  # it has lost its transport to the streams above


async def join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    backend: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Carry bytes both ways until either side ends."""
    await first_of(
        asyncio.create_task(_carry(client[0], backend[1]), name="tunnel/in"),
        asyncio.create_task(_carry(backend[0], client[1]), name="tunnel/out"),
    )


async def first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait until one of the tasks ends, then end the others. Raises what they raised."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        return  # either side has gone: the end of the tunnel, not a failure of ours


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, sending what waits, within a few seconds."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()
