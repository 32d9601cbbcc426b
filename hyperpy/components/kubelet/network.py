"""The pod network of a node whose runtime gives no addresses: the router namespace with its bridge."""

from __future__ import annotations

from pathlib import Path

from hyperpy.components.kubelet.pod_network import NetworkFactory
from hyperpy.podnet.protocol import PodNetwork


def router_network(pod_netns: str, *, state_dir: Path) -> NetworkFactory:
    """Makes the network when the pod CIDR is known.

    Args:
        pod_netns: the name of the node's router namespace (`--pod-netns`).
        state_dir: where the addresses are remembered.
    """

    def make(pod_cidr: str) -> PodNetwork:
        from hyperpy.podnet.network import BridgeNetwork
        from hyperpy.podnet.router import Router

        return BridgeNetwork(Router(pod_netns), pod_cidr=pod_cidr, state_dir=state_dir)

    return make
