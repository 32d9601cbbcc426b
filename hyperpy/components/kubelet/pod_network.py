"""The kubelet's side of the pod network: closed until the node knows its pod CIDR, then open until the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hyperpy.podnet.protocol import PodNetwork
from hyperpy.runtime.protocol import Sandbox

NetworkFactory = Callable[[str], PodNetwork]

NOT_READY = "network is not ready: the node has no pod CIDR yet (set --pod-cidr, or let a controller assign one)"


class NetworkGate:
    """Gives sandboxes their addresses.

    Args:
        make: makes the network of a pod CIDR; None: the runtime gives addresses itself.
    """

    def __init__(self, make: NetworkFactory | None) -> None:
        self._make = make
        self._network: PodNetwork | None = None

    @property
    def used(self) -> bool:
        """Sandboxes get their addresses here."""
        return self._make is not None

    @property
    def ready(self) -> bool:
        """Sandboxes can get addresses now."""
        return self._make is None or self._network is not None

    def close_for_good(self) -> None:
        """The runtime gives addresses itself: there is nothing to do here."""
        self._make = None

    async def open(self, pod_cidr: str) -> None:
        """Make the network; opening it again does nothing.

        Raises:
            NetworkFailure: it cannot be made.
        """
        if self._make is None or self._network is not None:
            return
        network = self._make(pod_cidr)
        await network.start()
        self._network = network

    async def attach(self, sandbox: Sandbox) -> None:
        """Give a sandbox its address, unless the runtime or the host's network did.

        Raises:
            NetworkFailure: no address is left, or the link cannot be made.
        """
        if self._network is not None and sandbox.netns is not None:
            await self._network.attach(sandbox.id, sandbox.netns)

    async def detach(self, sandbox_id: str) -> None:
        """Take an address back."""
        if self._network is not None:
            await self._network.detach(sandbox_id)

    def addresses(self) -> Mapping[str, str]:
        """Sandbox id to address."""
        return self._network.addresses() if self._network is not None else {}

    async def aclose(self, *, purge: bool) -> None:
        """Let go; with `purge` nothing of the network is left."""
        if self._network is not None:
            network, self._network = self._network, None
            await network.aclose(purge=purge)
