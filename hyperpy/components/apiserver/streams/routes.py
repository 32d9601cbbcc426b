"""The streaming subresources by resource and name, over one set of connections to kubelets."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from hyperpy.api import kinds
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.admission.chain import Chain
from hyperpy.components.apiserver.credentials.pki import Credentials
from hyperpy.components.apiserver.streams.backend import Backends
from hyperpy.components.apiserver.streams.connecting import Connecting, StreamHandler
from hyperpy.components.apiserver.streams.nodes import Nodes
from hyperpy.components.apiserver.streams.pods import PodStreams
from hyperpy.components.apiserver.streams.portforward import PortForward
from hyperpy.components.apiserver.streams.proxy import Proxy


class Streams:
    """Every streaming subresource. `aclose` ends the connections in its pool.

    Args:
        client: reads pods, services and nodes.
        admission: is asked before anything is connected.
        credentials: the client certificate for kubelets, given on first use.
        authority: of the kubelets' serving certificates, or None.
    """

    def __init__(
        self,
        client: Client,
        admission: Chain,
        *,
        credentials: Callable[[], Credentials],
        authority: Path | None,
        rng: random.Random,
    ) -> None:
        nodes = Nodes(client, credentials=credentials, authority=authority)
        self._backends = Backends()
        pods = PodStreams(client, nodes, self._backends)
        proxy = Proxy(client, nodes, self._backends, rng=rng)
        self._routes: dict[tuple[str, str], StreamHandler] = {
            ("pods", "log"): pods.log,
            ("pods", "exec"): Connecting(kinds.POD, "exec", pods.execute, admission),
            ("pods", "attach"): Connecting(kinds.POD, "attach", pods.attach, admission),
            ("pods", "portforward"): Connecting(kinds.POD, "portforward", PortForward(client, nodes), admission),
            ("pods", "proxy"): Connecting(kinds.POD, "proxy", proxy.pod, admission),
            ("services", "proxy"): Connecting(kinds.SERVICE, "proxy", proxy.service, admission),
            ("nodes", "proxy"): Connecting(kinds.NODE, "proxy", proxy.node, admission),
        }

    def find(self, resource: str, subresource: str) -> StreamHandler | None:
        """The handler of a subresource of the core group, or None when it is not a streaming one."""
        return self._routes.get((resource, subresource))

    async def aclose(self) -> None:
        await self._backends.aclose()
