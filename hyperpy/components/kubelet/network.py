"""The pod network of a kubelet: a bridge in the node's router namespace."""

from __future__ import annotations

from pathlib import Path

from hyperpy.components.kubelet.pod_network import NetworkFactory
from hyperpy.podnet.protocol import PodNetwork


def router_network(netns: str, *, state_dir: Path) -> NetworkFactory:
    """Makes the network once the pod CIDR is known.

    Args:
        netns: the name of the node's router namespace.
        state_dir: where the addresses are remembered.
    """

    def make(pod_cidr: str) -> PodNetwork:
        from hyperpy.podnet.network import BridgeNetwork
        from hyperpy.podnet.router import Router

        return BridgeNetwork(Router(netns), pod_cidr=pod_cidr, state_dir=state_dir)

    return make
