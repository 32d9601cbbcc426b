"""Over real connections: a watcher that never reads is cut off with 410, and slows nobody."""

from __future__ import annotations

import asyncio
import socket

import orjson
import pytest

from hyperpy.api import kinds, paths
from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.http.listener import Listener, bind

ASKED = b"GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = "x" * 200_000
COUNT = 80


@pytest.fixture
def config() -> CoreConfig:
    return CoreConfig(watch_queue_bytes=1 << 20)


@pytest.fixture
async def address(cluster):
    async def handler(request, *, certificate_user, headers):
        request.user = UserInfo("tester", ("system:masters",))
        return await cluster.handler(request, paths.parse(request.method, request.path, request.query))

    served = Listener(handler, tls=None, max_body_bytes=1 << 20)
    sock = bind("127.0.0.1", 0)
    await served.start(sock)
    yield sock.getsockname()
    await served.stop(0)


async def watch(address):
    """A connection whose own buffers are small, so that not reading is felt soon."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, address)
    reader, writer = await asyncio.open_connection(sock=sock, limit=32 << 10)
    writer.write(ASKED)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def lines(reader):
    """The events of a stream, to its end."""
    rest = b""
    while size := int(await reader.readline(), 16):
        rest += (await reader.readexactly(size + 2))[:-2]
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield orjson.loads(line)


async def test_a_watcher_that_never_reads_gets_410_while_others_go_on(cluster, address, make_config_map):
    stuck, stuck_writer = await watch(address)
    quick, quick_writer = await watch(address)

    seen = lines(quick)
    for number in range(COUNT):
        await cluster.client.create(kinds.CONFIG_MAP, {**make_config_map(f"c{number:02d}"), "data": {"a": LARGE}})
        assert (await anext(seen))["object"]["metadata"]["name"] == f"c{number:02d}"
    events = [event async for event in lines(stuck)]
    assert len(events) < COUNT
    assert (events[-1]["type"], events[-1]["object"]["code"]) == ("ERROR", 410)
    for writer in (stuck_writer, quick_writer):
        writer.close()
