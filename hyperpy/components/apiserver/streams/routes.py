"""The streaming subresources by resource and name, over one set of connections to kubelets."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from hyperpy.api.wire import Request, Response
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.pki import Credentials
from hyperpy.components.apiserver.streams.backend import Backends
from hyperpy.components.apiserver.streams.nodes import Nodes
from hyperpy.components.apiserver.streams.pods import PodStreams
from hyperpy.components.apiserver.streams.portforward import PortForward
from hyperpy.components.apiserver.streams.proxy import Proxy


class StreamHandler(Protocol):
    def __call__(self, request: Request, *, namespace: str, name: str) -> Awaitable[Response]: ...


class Streams:
    """Every streaming subresource. `aclose` ends the connections in its pool.

    Args:
        client: reads pods, services and nodes.
        credentials: the client certificate for kubelets, given on first use.
        authority: of the kubelets' serving certificates, or None.
    """

    def __init__(
        self, client: Client, *, credentials: Callable[[], Credentials], authority: Path | None, rng: random.Random
    ) -> None:
        nodes = Nodes(client, credentials=credentials, authority=authority)
        self._backends = Backends()
        pods = PodStreams(client, nodes, self._backends)
        proxy = Proxy(client, nodes, self._backends, rng=rng)
        self._routes: dict[tuple[str, str], StreamHandler] = {
            ("pods", "log"): pods.log,
            ("pods", "exec"): pods.execute,
            ("pods", "attach"): pods.attach,
            ("pods", "portforward"): PortForward(client, nodes),
            ("pods", "proxy"): proxy.pod,
            ("services", "proxy"): proxy.service,
            ("nodes", "proxy"): proxy.node,
        }

    def find(self, resource: str, subresource: str) -> StreamHandler | None:
        """The handler of a subresource of the core group, or None when it is not a streaming one."""
        return self._routes.get((resource, subresource))

    async def aclose(self) -> None:
        await self._backends.aclose()
