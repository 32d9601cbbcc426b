"""Logs, exec, attach, port-forward and node proxy, from a client's socket to a kubelet over TLS."""

import asyncio

import aiohttp
import orjson
import pytest
from aiohttp import web

from hyperpy.components.apiserver.streams import spdy

POD = "/api/v1/namespaces/default/pods"
WEBSOCKET = (
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
)
SPDY = "Connection: Upgrade\nUpgrade: SPDY/3.1"


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_logs_are_streamed_from_the_kubelet_under_the_servers_own_name(edge, kubelet, session):
    async with session.get(f"{edge.url}{POD}/web/log?follow=true&tailLines=5") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.read() == b"one\ntwo\n"
    assert kubelet.asked == ["/containerLogs/default/web/main?follow=true&tailLines=5"]
    assert kubelet.users == [{"commonName": "kube-apiserver-kubelet-client"}]


async def test_the_log_of_a_pod_without_a_node_is_empty(edge, session):
    async with session.get(f"{edge.url}{POD}/pending/log") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("several/log", 400, "a container name must be specified for pod several, choose one of: [main waiting gone]"),
        ("several/log?container=waiting", 400, 'container "waiting" in pod "web" is waiting to start: Pulling'),
        ("nope/log", 404, 'pods "nope" not found'),
        ("web/exec?command=ls&stdout=1", 400, "exec: the request must upgrade its connection to WebSocket or SPDY/3.1"),
        ("forbidden/exec?command=ls&stdout=1", 403, "pods \"forbidden\" is forbidden: PodExecOptions ['ls']"),
        ("forbidden/proxy/a/b", 403, 'pods "forbidden" is forbidden: PodProxyOptions /a/b'),
        ("web/portforward", 400, "portforward: the request must upgrade its connection to WebSocket or SPDY/3.1"),
    ],
)
async def test_refusals_are_statuses(edge, session, path, code, text):
    async with session.get(f"{edge.url}{POD}/{path}") as answer:
        status = await answer.json()
    assert (answer.status, status["kind"], status["code"], status["message"]) == (code, "Status", code, text)


async def test_a_kubelet_that_does_not_answer_is_told(edge, session):
    edge.objects.objects["nodes", "n1"]["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = 1
    async with session.get(f"{edge.url}{POD}/web/log") as answer:
        status = await answer.json()
    assert answer.status == 500
    assert 'error dialing backend: kubelet of node "n1" at 127.0.0.1:1' in status["message"]


async def test_exec_over_websocket_goes_through_untouched(edge, kubelet, session):
    url = f"{edge.url}{POD}/web/exec?command=sh&stdin=true&stdout=true"
    async with session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket:
        assert socket.protocol == "v5.channel.k8s.io"
        assert await socket.receive_bytes() == b"\x01hello\n"
        await socket.send_bytes(b"\x00abc")
        assert await socket.receive_bytes() == b"\x01ABC"
        await socket.send_bytes(b"\xff\x00")
        assert await socket.receive_bytes() == b"\x02bye\n"
        assert orjson.loads((await socket.receive_bytes())[1:]) == {"status": "Success"}
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert kubelet.asked == ["/exec/default/web/main?command=sh&input=1&output=1"]


async def test_a_refused_exec_carries_the_kubelets_words(edge):
    head, reader, writer = await edge.connect(
        f"GET {POD}/several/exec?command=sh&stdout=1&container=gone HTTP/1.1\nHost: x\n{WEBSOCKET}"
    )
    assert head.startswith(b"HTTP/1.1 404")
    assert b"container gone not found" in await reader.read(4096)
    writer.close()


async def test_a_stop_ends_streams_at_once(edge, session):
    url = f"{edge.url}{POD}/web/exec?command=sh&stdin=true&stdout=true"
    socket = await session.ws_connect(url, protocols=("v5.channel.k8s.io",))
    assert await socket.receive_bytes() == b"\x01hello\n"  # the fixture stops the listener within its time


class SpdyClient:
    """The client's side of SPDY over something that sends and receives bytes."""

    def __init__(self, receive, send):
        self.encoder = spdy.Encoder()
        self._decoder = spdy.Decoder()
        self._receive, self._send = receive, send
        self.got = {}
        self.ended = set()
        self._next = 1

    async def open(self, *, fin=False, **headers):
        stream = self._next
        self._next += 2
        self.got[stream] = b""
        await self._send(self.encoder.syn(stream, headers, fin=fin))
        return stream

    async def write(self, stream, data, *, fin=False):
        await self._send(self.encoder.data(stream, data, fin=fin))

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():
                data = await self._receive()
                assert data, "the server closed the connection"
                for frame in self._decoder.feed(data):
                    if isinstance(frame, spdy.Data):
                        self.got[frame.stream] += frame.data
                        if frame.fin:
                            self.ended.add(frame.stream)


async def test_exec_over_spdy(edge, kubelet):
    head, reader, writer = await edge.connect(
        f"POST {POD}/web/exec?command=sh&stdin=1&stdout=1&stderr=1 HTTP/1.1\nHost: x\n{SPDY}\n"
        "X-Stream-Protocol-Version: v4.channel.k8s.io\nX-Stream-Protocol-Version: v3.channel.k8s.io"
    )
    assert head.startswith(b"HTTP/1.1 101")
    assert b"X-Stream-Protocol-Version: v4.channel.k8s.io" in head
    client = _bare(reader, writer)
    error = await client.open(streamType="error", fin=True)
    stdin = await client.open(streamType="stdin")
    stdout = await client.open(streamType="stdout")
    stderr = await client.open(streamType="stderr")
    await client.write(stdin, b"abc")
    await client.until(lambda: client.got[stdout] == b"hello\nABC")
    await client.write(stdin, b"", fin=True)
    await client.until(lambda: {error, stdout, stderr} <= client.ended)
    assert client.got[stderr] == b"bye\n"
    assert orjson.loads(client.got[error]) == {"status": "Success"}
    assert await reader.read() == b""
    writer.close()


def _bare(reader, writer):
    async def send(data):
        writer.write(data)
        await writer.drain()

    return SpdyClient(lambda: reader.read(65536), send)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (f"{SPDY}\nX-Stream-Protocol-Version: v1", 403),
        ("Connection: Upgrade\nUpgrade: HTTP/3", 400),
    ],
    ids=["unknown stream protocol", "unknown upgrade"],
)
async def test_an_upgrade_that_is_not_known_is_refused(edge, headers, code):
    head, _, writer = await edge.connect(f"POST {POD}/web/exec?command=sh&stdout=1 HTTP/1.1\nHost: x\n{headers}")
    assert head.startswith(f"HTTP/1.1 {code}".encode())
    writer.close()


async def _forward(client, kubelet):
    """Two connections to one port at once, and one that is refused."""
    pairs = []
    for request_id, port in (("0", "80"), ("1", "80"), ("2", "2"), ("3", "1")):
        error = await client.open(streamType="error", port=port, requestID=request_id, fin=True)
        data = await client.open(streamType="data", port=port, requestID=request_id)
        pairs.append((error, data))
    (error, data), (_, other), (refused, _), (broken, _) = pairs
    await client.write(data, b"abc")
    await client.write(other, b"xyz")
    await client.until(lambda: client.got[data] == b"ABC" and client.got[other] == b"XYZ")
    await client.write(data, b"end")
    await client.until(lambda: {error, data, refused, broken} <= client.ended)
    assert client.got[error] == b""
    assert client.got[refused] == b"connection refused"
    assert client.got[broken] == b"the pod has no network"
    assert set(kubelet.asked) == {f"/portForward/default/web?port={port}" for port in (80, 2, 1)}


async def test_port_forward_over_spdy(edge, kubelet):
    head, reader, writer = await edge.connect(
        f"POST {POD}/web/portforward HTTP/1.1\nHost: x\n{SPDY}\nX-Stream-Protocol-Version: portforward.k8s.io"
    )
    assert head.startswith(b"HTTP/1.1 101")
    await _forward(_bare(reader, writer), kubelet)
    writer.close()


async def test_port_forward_over_spdy_in_a_websocket(edge, kubelet, session):
    protocol = "SPDY/3.1+portforward.k8s.io"
    async with session.ws_connect(f"{edge.url}{POD}/web/portforward", protocols=(protocol,)) as socket:
        assert socket.protocol == protocol
        await socket.send_bytes(b"")  # kubectl sends such
        await _forward(SpdyClient(socket.receive_bytes, socket.send_bytes), kubelet)


async def test_port_forward_over_a_websocket_of_channels(edge, kubelet, session):
    url = f"{edge.url}{POD}/web/portforward?ports=80"
    async with session.ws_connect(url, protocols=("v4.channel.k8s.io",)) as socket:
        assert await socket.receive_bytes() == b"\x00\x50\x00"
        assert await socket.receive_bytes() == b"\x01\x50\x00"
        await socket.send_bytes(b"\x00abc")
        assert await socket.receive_bytes() == b"\x00ABC"
    assert kubelet.asked == ["/portForward/default/web?port=80"]


async def test_node_proxy_passes_path_query_and_body_on(edge, session):
    url = f"{edge.url}/api/v1/nodes/n1/proxy/stats/a%2Fb?x=1"
    async with session.post(aiohttp.client.URL(url, encoded=True), data=b"body") as answer:
        assert await answer.json() == {"path": "/stats/a%2Fb?x=1", "body": "body"}


@pytest.mark.parametrize("reference", ["n1:{port}", "http:n1:{port}"])
async def test_node_proxy_reaches_other_ports_of_the_node_too(edge, session, reference):
    async def answer(raw):
        return web.Response(text=f"plain {raw.raw_path}")

    server = web.Server(answer)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with session.get(f"{edge.url}/api/v1/nodes/{reference.format(port=port)}/proxy/a?b=c") as reply:
        assert await reply.text() == "plain /a?b=c"
    listening.close()
    await server.shutdown(1)


async def test_a_redirect_of_the_backend_stays_below_the_proxy(edge, session):
    async with session.get(f"{edge.url}/api/v1/nodes/n1/proxy/away", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/api/v1/nodes/n1/proxy/stats/summary")


async def test_a_proxy_url_without_its_slash_is_redirected(edge, session):
    async with session.get(f"{edge.url}/api/v1/nodes/n1/proxy", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, "/api/v1/nodes/n1/proxy/")
