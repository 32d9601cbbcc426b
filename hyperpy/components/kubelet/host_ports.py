"""hostPort: ports of the node that lead to a pod, by the stream proxy, for runtimes whose network is ours.

They live as long as the kubelet: after a restart it opens those of adopted pods again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperpy.netproxy import sockets
from hyperpy.netproxy.balance import Endpoint, RoundRobin
from hyperpy.netproxy.tcp import TcpForwarder
from hyperpy.netproxy.udp import UdpForwarder
from hyperpy.runtime.protocol import PortMapping

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Open:
    mapping: PortMapping
    ip: str
    forwarder: TcpForwarder | UdpForwarder


class HostPorts:
    """The host ports of a node's pods."""

    def __init__(self) -> None:
        self._open: dict[str, list[_Open]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def keep(
        self, uid: str, mappings: Sequence[PortMapping], ip: str | None, *, complain: Callable[[str], None]
    ) -> bool:
        """Have exactly these ports of a pod open.

        Args:
            ip: of the pod; None closes them all.
            complain: told of a port that cannot be opened.
        Returns:
            Whether all are open; False: to be tried again.
        """
        wanted = [(mapping, ip) for mapping in mappings] if ip is not None else []
        held = self._open.pop(uid, [])
        for entry in held:
            if (entry.mapping, entry.ip) not in wanted:
                self._close(entry)
        kept = [entry for entry in held if (entry.mapping, entry.ip) in wanted]
        missing = [pair[0] for pair in wanted if pair[0] not in [entry.mapping for entry in kept]]
        whole = True
        for mapping in missing:
            assert ip is not None
            try:
                kept.append(_opened(mapping, ip))
            except OSError as error:
                whole = False
                complain(f"hostPort {mapping.host_port}/{mapping.protocol} cannot be opened: {error.strerror}")
        if kept:
            self._open[uid] = kept
        return whole

    async def aclose(self) -> None:
        """Close them all."""
        for uid in list(self._open):
            self.keep(uid, (), None, complain=log.debug)
        await asyncio.gather(*self._closing)

    def _close(self, entry: _Open) -> None:
        task = asyncio.create_task(entry.forwarder.aclose(), name=f"kubelet/hostport/{entry.mapping.host_port}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _opened(mapping: PortMapping, ip: str) -> _Open:
    listener = sockets.listen(mapping.protocol, mapping.host_ip or "0.0.0.0", mapping.host_port)
    kind = TcpForwarder if mapping.protocol == "TCP" else UdpForwarder
    forwarder = kind(listener, RoundRobin())
    forwarder.set_endpoints([Endpoint(ip, mapping.container_port)])
    forwarder.start()
    return _Open(mapping, ip, forwarder)
