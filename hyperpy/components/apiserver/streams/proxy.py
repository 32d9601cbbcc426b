"""pods/proxy, services/proxy, nodes/proxy: any HTTP request, upgrades too, passed on with its path and body."""

from __future__ import annotations

import random
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hyperpy.api import kinds, proxy_target
from hyperpy.api.wire import Request, Response
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.streams import backend, nodes
from hyperpy.components.apiserver.streams.backend import Backends, Target
from hyperpy.components.apiserver.streams.takeover import Takeover

if TYPE_CHECKING:
    from aiohttp import web

SERVICE_NAME = "kubernetes.io/service-name"

#: Headers of an answer that concern its connection only.
HOP_HEADERS = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade")
)


class Proxy:
    """Answers proxy requests. `rng` picks among a service's endpoints."""

    def __init__(self, client: Client, kubelets: nodes.Nodes, backends: Backends, *, rng: random.Random) -> None:
        self._client = client
        self._kubelets = kubelets
        self._backends = backends
        self._rng = rng

    async def pod(self, request: Request, *, namespace: str, name: str) -> Response:
        """`pods/[scheme:]NAME[:port]/proxy/...`. Raises StatusError when there is no such pod or port."""
        reference = proxy_target.parse(name)
        pod = await self._client.get(kinds.POD, reference.name, namespace=namespace)
        host, port = proxy_target.pod_address(pod, reference.port)
        return self._takeover(request, reference.scheme, host, port, f'pod "{reference.name}"')

    async def service(self, request: Request, *, namespace: str, name: str) -> Response:
        """`services/[scheme:]NAME[:port]/proxy/...`. Raises StatusError when there is no such service or endpoint."""
        reference = proxy_target.parse(name)
        service = await self._client.get(kinds.SERVICE, reference.name, namespace=namespace)
        slices = await self._client.list(
            kinds.ENDPOINT_SLICE, namespace=namespace, label_selector=f"{SERVICE_NAME}={reference.name}"
        )
        host, port = proxy_target.service_address(service, slices.items, reference.port, rng=self._rng)
        return self._takeover(request, reference.scheme, host, port, f'service "{reference.name}"')

    async def node(self, request: Request, *, namespace: str, name: str) -> Response:
        """`nodes/[scheme:]NAME[:port]/proxy/...`: its kubelet, or with another port what listens there.

        Raises:
            NotFound: there is no such node.
        """
        reference = proxy_target.parse(name)
        port = int(reference.port) if reference.port.isdecimal() else None
        if port is not None:
            node = await self._client.get(kinds.NODE, reference.name)
            if port != nodes.kubelet_port(node):
                host = nodes.address(node)
                return self._takeover(request, reference.scheme, host, port, f'node "{reference.name}"')
        target = await self._kubelets.target(reference.name, ())
        url = urlsplit(target.url)
        return Takeover(lambda raw: self._serve(raw, f"{url.scheme}://{url.netloc}", target.tls, target.what))

    def _takeover(self, request: Request, scheme: str, host: str, port: int, what: str) -> Response:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        tls = nodes.unchecked() if scheme == "https" else None  # as in Kubernetes: pods have no names to check
        return Takeover(lambda raw: self._serve(raw, f"{scheme}://{where}", tls, f"{what} at {where}"))

    async def _serve(
        self, raw: web.BaseRequest, base: str, tls: ssl.SSLContext | None, what: str
    ) -> web.StreamResponse:
        from aiohttp import web

        own, rest = split(raw.raw_path)
        if not rest.startswith("/"):
            if raw.method in ("GET", "HEAD") and not backend.upgrades(raw.headers):
                return web.Response(status=301, headers={"Location": f"{own}/{rest}"})
            rest = f"/{rest}"
        target = Target(base + rest, tls, what)
        if backend.upgrades(raw.headers):
            return await backend.upgrade(raw, target)
        headers = [
            *backend.forwarded(raw.headers.items()),
            ("X-Forwarded-Uri", raw.raw_path.partition("?")[0]),
            ("X-Forwarded-Host", raw.headers.get("Host", "")),
            ("X-Forwarded-Proto", raw.scheme),
        ]
        data = raw.content if raw.can_read_body else None
        async with await self._backends.request(raw.method, target, headers=headers, data=data) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_HEADERS:
                    response.headers.add(name, _relocated(value, base, own) if name.lower() == "location" else value)
            await response.prepare(raw)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def split(raw_path: str) -> tuple[str, str]:
    """The URL up to `/proxy`, and what follows it, query included. Both still percent-encoded."""
    path, mark, query = raw_path.partition("?")
    segments = path.split("/")
    # /api/v1/[namespaces/NS/]RESOURCE/NAME/proxy/...
    at = 7 if segments[3:4] == ["namespaces"] else 5
    rest = "/".join(segments[at + 1 :])
    own = "/".join(segments[: at + 1])
    slash = "/" if len(segments) > at + 1 else ""
    return own, f"{slash}{rest}{mark}{query}"


def _relocated(location: str, base: str, own: str) -> str:
    """A redirect of the backend within itself, as the client must follow it."""
    if location.startswith(base):
        location = location.removeprefix(base) or "/"
    return own + location if location.startswith("/") and not location.startswith("//") else location
