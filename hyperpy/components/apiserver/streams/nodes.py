"""Where the kubelet of a node listens, and how to greet it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.credentials.pki import Credentials
from hyperpy.components.apiserver.streams.backend import Target

#: The first of these that a Node has is where its kubelet is asked.
ADDRESS_TYPES = ("InternalIP", "ExternalIP", "Hostname")
DEFAULT_PORT = 10250


class Nodes:
    """Targets at kubelets.

    Args:
        client: reads Nodes.
        credentials: this API server's client certificate, given on first use.
        authority: signs the kubelets' serving certificates (`--kubelet-certificate-authority`). None: they are not
            checked, as in Kubernetes.
    """

    def __init__(self, client: Client, *, credentials: Callable[[], Credentials], authority: Path | None) -> None:
        self._client = client
        self._credentials = credentials
        self._authority = authority
        self._tls: ssl.SSLContext | None = None

    async def target(
        self, node_name: str, path: Sequence[str], query: Sequence[tuple[str, str]] = (), *, port: int | None = None
    ) -> Target:
        """Where `path` is asked at the kubelet of a node.

        Args:
            path: segments, not encoded.
            port: another port of the node than the kubelet's.
        Raises:
            NotFound: there is no such node.
        """
        node = await self._client.get(kinds.NODE, node_name)
        host = address(node)
        where = f"[{host}]" if ":" in host else host
        url = f"https://{where}:{port or kubelet_port(node)}/{'/'.join(quote(part, safe=':') for part in path)}"
        if query:
            url += f"?{urlencode(query)}"
        return Target(url, self.tls(), f'kubelet of node "{node_name}" at {where}:{port or kubelet_port(node)}')

    def tls(self) -> ssl.SSLContext:
        """How kubelets are greeted."""
        if self._tls is None:
            context = ssl.create_default_context(cafile=self._authority) if self._authority else unchecked()
            own = self._credentials()
            context.load_cert_chain(own.cert_file, own.key_file)
            self._tls = context
        return self._tls


def unchecked() -> ssl.SSLContext:
    """TLS that encrypts and does not ask who the server is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def address(node: dict[str, Any]) -> str:
    """The address of a Node's kubelet. Raises InternalError when it has none."""
    found = {entry["type"]: entry["address"] for entry in (node.get("status") or {}).get("addresses") or ()}
    for kind in ADDRESS_TYPES:
        if kind in found:
            return str(found[kind])
    raise errors.InternalError(f'no preferred addresses found for node "{node["metadata"]["name"]}"; known: {found}')


def kubelet_port(node: dict[str, Any]) -> int:
    """The port of a Node's kubelet."""
    endpoint = ((node.get("status") or {}).get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    return int(endpoint.get("Port") or DEFAULT_PORT)
