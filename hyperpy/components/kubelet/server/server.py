"""The kubelet's HTTPS server: routes, who may ask, errors as texts and statuses.

/healthz                                  for everybody
/pods  /stats/summary                     what runs here
/containerLogs/{namespace}/{pod}/{container}
/exec|/attach/{namespace}/{pod}[/{uid}]/{container}    /portForward/{namespace}/{pod}[/{uid}]    WebSockets
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from hyperpy.api import errors
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.components.kubelet.pod_worker import PodWorker
from hyperpy.components.kubelet.pod_workers import PodWorkers
from hyperpy.components.kubelet.server import logs, port_forward, remote_command
from hyperpy.components.kubelet.server.auth import Gatekeeper
from hyperpy.components.kubelet.server.logs import Logs
from hyperpy.components.kubelet.server.remote_command import Streams
from hyperpy.components.kubelet.server.stats import summary
from hyperpy.components.supervisor import StartFailure
from hyperpy.runtime.protocol import Container, NoSuchContainer, Process, Runtime, RuntimeFailure, State

log = logging.getLogger(__name__)

Obj = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Seconds that streams under way are given at the end.
SHUTDOWN_S = 1.0
#: In bytes; the words of an exec come in the URL.
MAX_REQUEST_LINE = 64 * 1024


class Server:
    """Answers for one node."""

    def __init__(
        self,
        runtime: Runtime,
        workers: PodWorkers,
        views: PodViews,
        gatekeeper: Gatekeeper,
        log_source: Logs,
        *,
        node_name: str,
    ) -> None:
        self._runtime = runtime
        self._workers = workers
        self._views = views
        self._gatekeeper = gatekeeper
        self._logs = log_source
        self._node_name = node_name

    @asynccontextmanager
    async def listening(self, address: str, port: int, tls: ssl.SSLContext) -> AsyncIterator[int]:
        """Serve while the context lasts; gives the port.

        Raises:
            StartFailure: the address cannot be bound.
        """
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=SHUTDOWN_S,
            max_line_size=MAX_REQUEST_LINE,
            max_field_size=MAX_REQUEST_LINE,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, address or None, port, ssl_context=tls)
            try:
                await site.start()
            except OSError as error:
                raise StartFailure(
                    f"the kubelet cannot listen on {address}:{port}: {error.strerror or error}; "
                    "stop what listens there, or choose another --port (0 picks a free one)"
                ) from error
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/pods", self._pods),
                web.get("/stats/summary", self._summary),
                web.get("/containerLogs/{namespace}/{pod}/{container}", self._container_logs),
            ]
        )
        for method in ("GET", "POST"):
            for verb, handler in (("exec", self._exec), ("attach", self._attach)):
                application.router.add_route(method, f"/{verb}/{{namespace}}/{{pod}}/{{container}}", handler)
                application.router.add_route(method, f"/{verb}/{{namespace}}/{{pod}}/{{uid}}/{{container}}", handler)
            application.router.add_route(method, "/portForward/{namespace}/{pod}", self._port_forward)
            application.router.add_route(method, "/portForward/{namespace}/{pod}/{uid}", self._port_forward)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost net: rights first, every failure an answer."""
        try:
            if request.path != "/healthz":
                certificate = request.transport.get_extra_info("peercert") if request.transport else None
                header = request.headers.get("Authorization", "")
                await self._gatekeeper.check(
                    request.method, request.path, certificate=certificate, authorization=header
                )
            return await handler(request)
        except errors.StatusError as error:
            return web.Response(status=error.code, text=error.message)
        except NoSuchContainer as error:
            return web.Response(status=404, text=str(error))
        except RuntimeFailure as error:
            return web.Response(status=500, text=str(error))
        except web.HTTPException:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return web.Response(status=500, text="internal error; the kubelet's log says more")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _pods(self, request: web.Request) -> web.Response:
        pods = [worker.pod for worker in self._workers]
        body = orjson.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
        return web.Response(body=body, content_type="application/json")

    async def _summary(self, request: web.Request) -> web.Response:
        found = summary(self._node_name, list(self._workers), self._views, await self._runtime.stats())
        return web.Response(body=orjson.dumps(found), content_type="application/json")

    async def _container_logs(self, request: web.Request) -> web.StreamResponse:
        worker, name = self._worker(request), request.match_info["container"]
        options, previous = logs.options(request.query)
        container = logs.choose(worker.pod, self._views.of(worker.uid), name, previous=previous)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        chunks = self._logs.read(worker.uid, container, options)
        first = await anext(chunks, None)
        await response.prepare(request)
        try:
            if first is not None:
                await response.write(first)
                async for chunk in chunks:
                    await response.write(chunk)
            await response.write_eof()
        except ConnectionError:
            log.debug("the reader of a log has gone")
        finally:
            await chunks.aclose()
        return response

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        container, wanted = self._running(request), _wanted(request)
        command = request.query.getall("command", [])
        if not command:
            raise errors.BadRequest("you must specify at least one command for the container")

        async def start() -> Process:
            return await self._runtime.exec(container.id, command, tty=wanted.tty, stdin=wanted.stdin)

        return await self._join(request, start, wanted)

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        container, wanted = self._running(request), _wanted(request)
        return await self._join(request, lambda: self._runtime.attach(container.id), wanted)

    async def _join(
        self, request: web.Request, start: Callable[[], Awaitable[Process]], wanted: Streams
    ) -> web.StreamResponse:
        socket = await _upgrade(request, remote_command.PROTOCOLS)
        try:
            try:
                process = await start()
            except RuntimeFailure as error:
                status = orjson.dumps(remote_command.failure(str(error)))
                await socket.send_bytes(bytes((remote_command.ERROR,)) + status)
            else:
                await remote_command.serve(socket, process, wanted)
        finally:
            await socket.close()
        return socket

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        worker = self._worker(request)
        ports = _ports(request.query.getall("port", []))
        sandbox = self._views.of(worker.uid).sandbox
        if sandbox is None:
            raise errors.BadRequest(f"pod {worker.pod['metadata']['name']} is not running")
        sandbox_id = sandbox.id
        socket = await _upgrade(request, remote_command.PROTOCOLS)

        async def dial(port: int) -> Process:
            return await self._runtime.port_forward(sandbox_id, port)

        try:
            await port_forward.serve(socket, ports, dial, shown=worker.uid)
        except ConnectionError:
            log.debug("the client of a port-forward has gone")
        finally:
            await socket.close()
        return socket

    def _worker(self, request: web.Request) -> PodWorker:
        """The pod that a path names. Raises NotFound."""
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        worker = self._workers.named(namespace, name)
        uid = request.match_info.get("uid")
        if worker is None or (uid and worker.uid != uid):
            raise errors.NotFound(f'pod "{name}" not found in namespace "{namespace}" on this node')
        return worker

    def _running(self, request: web.Request) -> Container:
        """The running container that a path names. Raises NotFound, BadRequest."""
        worker, name = self._worker(request), request.match_info["container"]
        view: PodView = self._views.of(worker.uid)
        latest = view.latest(name)
        if latest is None:
            raise errors.NotFound(f'container not found ("{name}")')
        if latest.state is not State.RUNNING:
            raise errors.BadRequest(f'container "{name}" is not running')
        return latest


def _wanted(request: web.Request) -> Streams:
    flags = {name: request.query.get(name) in ("1", "true") for name in ("input", "output", "error", "tty")}
    if not any(flags[name] for name in ("input", "output", "error")):
        raise errors.BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return Streams(flags["input"], flags["output"], flags["error"], flags["tty"])


def _ports(values: Sequence[str]) -> list[int]:
    ports = [part for value in values for part in value.split(",")]
    if not ports or not all(port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise errors.BadRequest('query parameter "port" must name ports between 1 and 65535')
    return [int(port) for port in ports]


async def _upgrade(request: web.Request, protocols: Sequence[str]) -> web.WebSocketResponse:
    """Answer the WebSocket handshake. Raises BadRequest when the client speaks none of the protocols."""
    offered = [
        name.strip() for line in request.headers.getall("Sec-WebSocket-Protocol", []) for name in line.split(",")
    ]
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise errors.BadRequest("unable to upgrade: this kubelet speaks WebSocket only; ask through the API server")
    if not set(offered) & set(protocols):
        raise errors.BadRequest(f"unable to upgrade: client supports {offered}, server accepts {list(protocols)}")
    socket = web.WebSocketResponse(protocols=protocols, max_msg_size=0, compress=False, timeout=SHUTDOWN_S)
    await socket.prepare(request)
    return socket
