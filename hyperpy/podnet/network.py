"""The pod network of a node: sandboxes joined to the router's bridge by veth, with addresses from the pod CIDR."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from hyperpy.linux import netns as namespaces
from hyperpy.podnet import links
from hyperpy.podnet.addresses import AddressPool
from hyperpy.podnet.protocol import PodAddress
from hyperpy.podnet.router import BRIDGE, Router

#: The file, in the state directory, that remembers which sandbox has which address.
ADDRESSES = "addresses.json"


class BridgeNetwork:
    """`PodNetwork` over a router namespace.

    Args:
        router: the node's router; made when it is missing.
        pod_cidr: the node's part of the cluster's pod addresses.
        state_dir: where the addresses are remembered.
        mtu: of the pods' links, in bytes.
    """

    def __init__(self, router: Router, *, pod_cidr: str, state_dir: Path, mtu: int = 1500) -> None:
        self._router = router
        self._cidr = pod_cidr
        self._pool = AddressPool(pod_cidr, state_dir / ADDRESSES)
        self._mtu = mtu
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Make the router and its bridge."""
        await asyncio.to_thread(self._start)

    async def attach(self, sandbox_id: str, netns: str) -> PodAddress:
        """Join a sandbox to the bridge; see `PodNetwork`."""
        async with self._lock:
            ip = self._pool.give(sandbox_id)
            joining = asyncio.ensure_future(asyncio.to_thread(self._join, sandbox_id, netns, ip))
            try:
                await asyncio.shield(joining)
            except BaseException:
                # A thread cannot be cancelled: the address is free only when it has ended.
                await asyncio.wait({joining})
                self._pool.take_back(sandbox_id)
                raise
        return PodAddress(ip, self._pool.network.prefixlen, self._pool.gateway)

    async def detach(self, sandbox_id: str) -> None:
        """Free the address and remove the link, where it has not gone with its namespace already."""
        async with self._lock:
            await asyncio.to_thread(self._part, sandbox_id)
            self._pool.take_back(sandbox_id)

    def addresses(self) -> Mapping[str, str]:
        """Sandbox id to address."""
        return self._pool.given()

    async def aclose(self, *, purge: bool = False) -> None:
        """Let go; `purge` removes the router and forgets the addresses."""
        if purge:
            await asyncio.to_thread(self._router.remove)
            self._pool.forget()

    def _start(self) -> None:
        self._router.ensure()
        self._router.add_bridge(self._cidr)

    def _part(self, sandbox_id: str) -> None:
        with links.open_in(self._router.netns) as inner:
            inner.delete_link(_link_name(sandbox_id))

    def _join(self, sandbox_id: str, netns: str, ip: str) -> None:
        name = _link_name(sandbox_id)
        with namespaces.opened(netns) as target, links.open_in(self._router.netns) as inner:
            bridge = inner.index(BRIDGE)
            mac = "0a:58:" + ":".join(f"{int(part):02x}" for part in ip.split("."))
            peer = {"ifname": "eth0", "net_ns_fd": target, "address": mac, "mtu": self._mtu}
            if inner.add_link(name, kind="veth", master=bridge, mtu=self._mtu, state="up", peer=peer):
                inner.set_hairpin(inner.index(name))
        with links.open_in(netns) as pod:
            eth0 = pod.index("eth0")
            pod.set_link(pod.index("lo"), state="up")
            pod.add_address(eth0, ip, self._pool.network.prefixlen)
            pod.set_link(eth0, state="up")
            pod.replace_route("default", link=eth0, gateway=self._pool.gateway)


def _link_name(sandbox_id: str) -> str:
    """A name of at most 15 characters, the kernel's limit, made from the id."""
    return "veth" + hashlib.sha256(sandbox_id.encode()).hexdigest()[:10]
