"""Handlers of probes and hooks against real sockets, and the tally that counts their results."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server

from hyperpy.components.kubelet.probe import Handlers, Result, Target
from hyperpy.components.kubelet.prober import Tally
from hyperpy.runtime.hollow import HollowRuntime


@pytest.fixture
async def handlers():
    found = Handlers(HollowRuntime())
    yield found
    await found.aclose()


@pytest.fixture
async def server():
    """Answers with the status that the path names; `/hop` redirects there, `/away` to another host."""

    async def answer(request):
        if request.path == "/hop":
            raise web.HTTPFound("/200")
        if request.path == "/away":
            raise web.HTTPFound("http://elsewhere.example/")
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/header":
            return web.Response(status=200 if request.headers["X-A"] == "b" else 400)
        return web.Response(status=int(request.path[1:]))

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield Target("id", "127.0.0.1", {"http": runner.addresses[0][1]})
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/200", Result(True)),
        ("/399", Result(True)),
        ("/404", Result(False, "HTTP probe failed with statuscode: 404")),
        ("/500", Result(False, "HTTP probe failed with statuscode: 500")),
        ("/hop", Result(True)),
        ("/away", Result(True)),
    ],
)
async def test_http_handlers(handlers, server, path, expected):
    assert await handlers.run({"httpGet": {"path": path, "port": "http"}}, server, timeout_s=2) == expected


async def test_http_headers_are_sent(handlers, server):
    headers = [{"name": "X-A", "value": "b"}]
    action = {"httpGet": {"path": "/header", "port": "http", "httpHeaders": headers}}
    assert (await handlers.run(action, server, timeout_s=2)).success


async def test_a_slow_answer_is_a_failure(handlers, server):
    found = await handlers.run({"httpGet": {"path": "/slow", "port": "http"}}, server, timeout_s=0.05)
    assert found == Result(False, "timed out")


async def test_tcp_handlers(handlers, server):
    assert (await handlers.run({"tcpSocket": {"port": "http"}}, server, timeout_s=2)).success
    refused = await handlers.run({"tcpSocket": {"port": 1}}, server, timeout_s=2)
    assert refused.message.startswith("dial tcp 127.0.0.1:1:")


async def test_a_port_name_that_is_not_there_is_named(handlers, server):
    found = await handlers.run({"tcpSocket": {"port": "nope"}}, server, timeout_s=2)
    assert found == Result(False, 'the container has no port named "nope"')


class Raw(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


class Health:
    """The health service by hand."""

    def __mapping__(self):
        return {"/grpc.health.v1.Health/Check": Handler(self.check, Cardinality.UNARY_UNARY, bytes, bytes)}

    async def check(self, stream):
        request = await stream.recv_message()
        await stream.send_message(b"\x08\x02" if request == b"\x0a\x04sick" else b"\x08\x01")


@pytest.fixture
async def health():
    server = Server([Health()], codec=Raw())
    await server.start("127.0.0.1", 0)
    yield server._server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (None, Result(True)),
        ("well", Result(True)),
        ("sick", Result(False, 'service unhealthy (responded with "NOT_SERVING")')),
    ],
)
async def test_grpc_handlers(handlers, health, service, expected):
    action = {"grpc": {"port": health, **({"service": service} if service else {})}}
    assert await handlers.run(action, Target("id", "127.0.0.1", {}), timeout_s=2) == expected


async def test_a_grpc_server_that_is_not_there_is_a_failure(handlers):
    found = await handlers.run({"grpc": {"port": 1}}, Target("id", "127.0.0.1", {}), timeout_s=2)
    assert not found.success
    assert "failed to connect" in found.message


async def test_exec_on_a_runtime_without_processes_fails_by_name(handlers):
    found = await handlers.run({"exec": {"command": ["true"]}}, Target("id", "", {}), timeout_s=2)
    assert not found.success


@pytest.mark.parametrize(
    ("results", "verdicts"),
    [
        pytest.param([False, False, False], [None, None, False], id="three failures"),
        pytest.param([False, True, False, False, False], [None, True, True, True, False], id="a success between"),
        pytest.param([True, False, False, True], [True, True, True, True], id="flapping"),
    ],
)
def test_results_in_a_row_decide(results, verdicts):
    tally, found = Tally(), []
    for success in results:
        tally = tally.after(success, needed=1 if success else 3)
        found.append(tally.verdict)
    assert found == verdicts
