"""The router of a node: one pinned network namespace that holds the pod bridge and the service addresses.

    host ── veth (hpXXXXXX ⇄ up0) ── router namespace ─┬─ bridge cbr0 ── veths ── pods
      routes: pod CIDR, service CIDR → router          └─ lo: service CIDR as local addresses (the proxy listens there)

Pods talk to each other and to services inside the namespace, so the host's firewall, forwarding and ports are neither
needed nor changed. Who comes first, the kubelet or the proxy, makes it; both may ask for it again at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from pathlib import Path

from hyperpy.linux import netns
from hyperpy.podnet import links
from hyperpy.podnet.protocol import NetworkFailure

BRIDGE = "cbr0"
UPLINK = "up0"


class Router:
    """The router namespace of one node.

    Args:
        name: of the namespace, unique on the machine.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.netns = str(netns.path(name))
        digest = hashlib.sha256(name.encode()).hexdigest()
        self.host_link = f"hp{digest[:10]}"
        # Each router has its own two link-local ends, so that several live side by side on one host.
        block = ipaddress.IPv4Address("169.254.64.0") + int(digest[:4], 16) % 4096 * 4
        self.host_end, self.router_end = str(block + 1), str(block + 2)

    async def ensure(self) -> None:
        """Make the namespace and its link to the host, where they are missing.

        Raises:
            NetworkFailure: no permission, or the kernel refused.
        """
        try:
            await asyncio.to_thread(netns.ensure, self.name)
            await asyncio.to_thread(netns.inside, self.netns, _enable_forwarding)
        except OSError as error:
            raise NetworkFailure(f"cannot make the network namespace {self.name}: {error}; run as root") from error
        async with links.open_in(self.netns) as inner:
            up = await inner.find(UPLINK)
            if up is None:
                up = await self._join(inner)
            await inner.set_link(await inner.index("lo"), state="up")
            await inner.add_address(up, self.router_end, 30)
            await inner.set_link(up, state="up")
            await inner.replace_route("default", link=up, gateway=self.host_end)
        async with links.open_in(None) as outer:
            host = await outer.index(self.host_link)
            await outer.add_address(host, self.host_end, 30)
            await outer.set_link(host, state="up")

    async def add_bridge(self, cidr: str) -> None:
        """Make the pod bridge with the first address of `cidr`, and the host's route to it."""
        network = ipaddress.ip_network(cidr)
        gateway = network.network_address + 1
        async with links.open_in(self.netns) as inner:
            # A fixed hardware address: by default a bridge takes the lowest of its ports, which changes with every pod.
            mac = "0a:58:" + ":".join(f"{byte:02x}" for byte in gateway.packed)
            await inner.add_link(BRIDGE, kind="bridge", address=mac)
            bridge = await inner.index(BRIDGE)
            await inner.add_address(bridge, str(gateway), network.prefixlen)
            await inner.set_link(bridge, state="up")
        await self._route_from_host(cidr)

    async def add_services(self, cidr: str) -> None:
        """Let every address of `cidr` be listened on inside the namespace, and be reached from the host."""
        async with links.open_in(self.netns) as inner:
            await inner.add_local_route(cidr, link=await inner.index("lo"))
        await self._route_from_host(cidr)

    async def remove(self) -> None:
        """Remove the namespace and its links; the host's routes go with them."""
        async with links.open_in(None) as outer:
            await outer.delete_link(self.host_link)
        await asyncio.to_thread(netns.remove, self.name)

    async def _join(self, inner: links.Netlink) -> int:
        """Make the veth pair from the inside, with the host's end in this process's own namespace."""
        async with links.open_in(None) as outer:
            await outer.delete_link(self.host_link)
        with netns.opened("/proc/self/ns/net") as host:
            await inner.add_link(UPLINK, kind="veth", peer={"ifname": self.host_link, "net_ns_fd": host})
        return await inner.index(UPLINK)

    async def _route_from_host(self, cidr: str) -> None:
        async with links.open_in(None) as outer:
            host = await outer.index(self.host_link)
            await outer.replace_route(cidr, link=host, gateway=self.router_end, source=self.host_end)


def _enable_forwarding() -> None:
    # /proc/sys/net shows the namespace of the thread that opens it.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
