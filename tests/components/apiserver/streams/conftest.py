"""A kubelet that answers over real TLS, and an edge of the API server that asks it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl

import orjson
import pytest
from aiohttp import WSMsgType, web

from hyperpy.api import errors, paths
from hyperpy.client.protocol import ObjectList
from hyperpy.components.apiserver import chain
from hyperpy.components.apiserver.admission.chain import CONNECT, Chain, refusal
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.apiserver.http.listener import Listener, bind
from hyperpy.components.apiserver.metrics.admission import AdmissionMetrics
from hyperpy.components.apiserver.streams.routes import Streams
from hyperpy.components.instruments import Instruments


class Objects:
    """A client over a few objects."""

    def __init__(self):
        self.objects = {}
        self.slices = []

    def add(self, plural, name, obj):
        self.objects[plural, name] = {**obj, "metadata": {"name": name, "namespace": "default"}}

    async def get(self, kind, name, *, namespace=None, subresource=None):
        try:
            return self.objects[kind.plural, name]
        except KeyError:
            raise errors.not_found(kind.group, kind.plural, name) from None

    async def list(self, kind, **_):
        return ObjectList(self.slices, "1")


class Kubelet:
    """Notes what it is asked."""

    def __init__(self):
        self.asked = []
        self.users = []

    async def answer(self, raw):
        self.asked.append(raw.raw_path)
        certificate = raw.transport.get_extra_info("peercert")
        self.users.append(dict(pair for name in certificate["subject"] for pair in name))
        root = raw.path.split("/")[1]
        return await getattr(self, f"_{root}")(raw)

    async def _containerLogs(self, raw):
        if raw.path.endswith("/waiting"):
            return web.Response(status=400, text='container "waiting" in pod "web" is waiting to start: Pulling')
        out = web.StreamResponse()
        await out.prepare(raw)
        for line in (b"one\n", b"two\n"):
            await out.write(line)
        return out

    async def _exec(self, raw):
        if raw.path.endswith("/gone"):
            status = errors.NotFound("container gone not found").status()
            return web.json_response(status, status=404)
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
        await socket.prepare(raw)
        await socket.send_bytes(b"\x01hello\n")
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                break
            if message.data[0] == 255:
                await socket.send_bytes(b"\x02bye\n")
                break
            await socket.send_bytes(b"\x01" + message.data[1:].upper())
        await socket.send_bytes(b"\x03" + orjson.dumps({"status": "Success"}))
        await socket.close()
        return socket

    _attach = _exec

    async def _portForward(self, raw):
        port = int(raw.query["port"])
        if port == 1:
            return web.Response(status=500, text="the pod has no network")
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(raw)
        for channel in (b"\x00", b"\x01"):
            await socket.send_bytes(channel + port.to_bytes(2, "little"))
        if port == 2:
            await socket.send_bytes(b"\x01connection refused")
        else:
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    break
                await socket.send_bytes(b"\x00" + message.data[1:].upper())
                if b"end" in message.data:
                    break
        await socket.close()
        return socket

    async def _stats(self, raw):
        return web.json_response({"path": raw.raw_path, "body": (await raw.read()).decode()})

    async def _away(self, raw):
        return web.Response(status=302, headers={"Location": "/stats/summary"})


class Edge:
    """An API server's listener whose chain is only the streams."""

    def __init__(self, objects, streams):
        self.objects = objects
        self.streams = streams
        self.port = 0

    async def handle(self, request, *, certificate_user, headers):
        info = paths.parse(request.method, request.path, request.query)
        try:
            handler = self.streams.find(info.resource, info.subresource)
            return await handler(request, namespace=info.namespace, name=info.name)
        except errors.StatusError as error:
            return chain.failure(error)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def connect(self, head):
        """A connection that has sent a request head, and the head of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        return await reader.readuntil(b"\r\n\r\n"), reader, writer


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path / "pki")


@pytest.fixture
async def kubelet(pki):
    """A kubelet on `kubelet.port`."""
    own = pki.server("kubelet", title="kubelet", hosts=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own.cert_file, own.key_file)
    tls.load_verify_locations(pki.ca_file)
    tls.verify_mode = ssl.CERT_REQUIRED
    kubelet = Kubelet()
    server = web.Server(kubelet.answer)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, ssl=tls)
    kubelet.port = listening.sockets[0].getsockname()[1]
    yield kubelet
    listening.close()
    server.pre_shutdown()
    await server.shutdown(1)


class Door:
    """An admission plugin that lets nobody connect to Pods called `forbidden`."""

    async def validate(self, attributes):
        if attributes.operation == CONNECT and attributes.name.startswith("forbidden"):
            options = attributes.obj
            raise refusal(attributes, f"{options['kind']} {options.get('command') or options.get('path')}")


@pytest.fixture
async def edge(pki, kubelet):
    """The edge, with a Node and two Pods."""
    objects = Objects()
    objects.add(
        "nodes",
        "n1",
        {
            "status": {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
            }
        },
    )
    objects.add("pods", "web", {"spec": {"nodeName": "n1", "containers": [{"name": "main"}]}})
    several = [{"name": "main"}, {"name": "waiting"}, {"name": "gone"}]
    objects.add("pods", "several", {"spec": {"nodeName": "n1", "containers": several}})
    objects.add("pods", "pending", {"spec": {"containers": [{"name": "main"}]}})
    streams = Streams(
        objects,
        Chain([Door()], AdmissionMetrics(Instruments())),
        credentials=lambda: pki.client("apiserver-kubelet-client", user="kube-apiserver-kubelet-client"),
        authority=pki.ca_file,
        rng=random.Random(1),
    )
    edge = Edge(objects, streams)
    listener = Listener(edge.handle, tls=None, max_body_bytes=1 << 20)
    sock = bind("127.0.0.1", 0)
    edge.port = sock.getsockname()[1]
    await listener.start(sock)
    yield edge
    async with asyncio.timeout(5):
        await listener.stop(1)
    with contextlib.suppress(OSError):
        await streams.aclose()
