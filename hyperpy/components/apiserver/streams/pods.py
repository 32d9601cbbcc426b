"""pods/log, pods/exec, pods/attach: carried between the client and the kubelet of the pod's node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, Response
from hyperpy.client.protocol import Client, Obj
from hyperpy.components.apiserver.streams import backend, containers, remotecommand
from hyperpy.components.apiserver.streams.backend import Backends
from hyperpy.components.apiserver.streams.nodes import Nodes
from hyperpy.components.apiserver.streams.takeover import Takeover

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web


class PodStreams:
    """Answers requests that end at a container."""

    def __init__(self, client: Client, nodes: Nodes, backends: Backends) -> None:
        self._client = client
        self._nodes = nodes
        self._backends = backends

    async def log(self, request: Request, *, namespace: str, name: str) -> Response:
        """`pods/NAME/log`: text, streamed while the client reads. A pod without a node has an empty log.

        Raises:
            errors.StatusError: the options, the pod or its container are not right, or the kubelet refused.
        """
        query = containers.log_query(request)
        pod = await self._client.get(kinds.POD, name, namespace=namespace)
        container = containers.choose(pod, request.param("container"))
        if not pod["spec"].get("nodeName"):
            return Response(200, b"", "text/plain")
        target = await self._nodes.target(pod["spec"]["nodeName"], ("containerLogs", namespace, name, container), query)
        answer = await self._backends.request("GET", target)
        if answer.status != 200:
            async with answer:
                raise backend.refusal(answer.status, await answer.content.read(backend.MAX_ERROR))
        return Response(200, _chunks(answer), "text/plain")

    async def execute(self, request: Request, *, namespace: str, name: str) -> Response:
        """`pods/NAME/exec`. Raises StatusError as `log` does."""
        return await self._remote(request, namespace, name, "exec", command=True)

    async def attach(self, request: Request, *, namespace: str, name: str) -> Response:
        """`pods/NAME/attach`. Raises StatusError as `log` does."""
        return await self._remote(request, namespace, name, "attach", command=False)

    async def _remote(self, request: Request, namespace: str, name: str, verb: str, *, command: bool) -> Response:
        if not backend.upgrades(request.headers):
            raise errors.BadRequest(f"{verb}: the request must upgrade its connection to WebSocket or SPDY/3.1")
        pod: Obj = await self._client.get(kinds.POD, name, namespace=namespace)
        container = containers.choose(pod, request.param("container"))
        node = containers.node_of(pod)
        query = containers.exec_query(request, command=command)
        target = await self._nodes.target(node, (verb, namespace, name, container), query)

        async def serve(raw: web.BaseRequest) -> web.StreamResponse:
            if request.headers["upgrade"].lower() == "websocket":
                return await backend.upgrade(raw, target)
            return await remotecommand.serve_spdy(raw, target)

        return Takeover(serve)


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    import aiohttp

    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except aiohttp.ClientError:
        return  # the kubelet has gone: the text ends here, its head was sent long ago
    finally:
        answer.close()
