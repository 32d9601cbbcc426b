"""The router of a node: one pinned network namespace that holds the pod bridge and the service addresses.

    host ── veth (hpXXXXXX ⇄ up0) ── router namespace ─┬─ bridge cbr0 ── veths ── pods
      routes: pod CIDR, service CIDR → router          └─ lo: service CIDR as local addresses (the proxy listens there)

Pods talk to each other and to services inside the namespace, so the host's firewall, forwarding and ports are neither
needed nor changed. Who comes first, the kubelet or the proxy, makes it; both may ask for it again at any time.
"""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

from hyperpy.linux import netns
from hyperpy.podnet import links
from hyperpy.podnet.protocol import NetworkFailure

BRIDGE = "cbr0"
UPLINK = "up0"


class Router:
    """The router namespace of one node. Its methods block for some milliseconds: call them in a thread.

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

    def ensure(self) -> None:
        """Make the namespace and its link to the host, where they are missing.

        Raises:
            NetworkFailure: no permission, or the kernel refused.
        """
        try:
            # The kubelet and the proxy may come at the same moment, from one process or from two.
            with netns.locked():
                netns.ensure(self.name)
                netns.inside(self.netns, _enable_forwarding)
                self._join_host()
        except OSError as error:
            raise NetworkFailure(f"cannot make the network namespace {self.name}: {error}; run as root") from error

    def _join_host(self) -> None:
        with links.open_in(self.netns) as inner:
            up = inner.find(UPLINK)
            if up is None:
                up = self._join(inner)
            inner.set_link(inner.index("lo"), state="up")
            inner.add_address(up, self.router_end, 30)
            inner.set_link(up, state="up")
            inner.replace_route("default", link=up, gateway=self.host_end)
        with links.open_in(None) as outer:
            host = outer.index(self.host_link)
            outer.add_address(host, self.host_end, 30)
            outer.set_link(host, state="up")

    def add_bridge(self, cidr: str) -> None:
        """Make the pod bridge with the first address of `cidr`, and the host's route to it."""
        network = ipaddress.ip_network(cidr)
        gateway = network.network_address + 1
        with links.open_in(self.netns) as inner:
            # A fixed hardware address: by default a bridge takes the lowest of its ports, which changes with every pod.
            mac = "0a:58:" + ":".join(f"{byte:02x}" for byte in gateway.packed)
            inner.add_link(BRIDGE, kind="bridge", address=mac)
            bridge = inner.index(BRIDGE)
            inner.add_address(bridge, str(gateway), network.prefixlen)
            inner.set_link(bridge, state="up")
        self._route_from_host(cidr)

    def add_services(self, cidr: str) -> None:
        """Let every address of `cidr` be listened on inside the namespace, and be reached from the host."""
        with links.open_in(self.netns) as inner:
            inner.add_local_route(cidr, link=inner.index("lo"))
        self._route_from_host(cidr)

    def remove(self) -> None:
        """Remove the namespace and its links; the host's routes go with them."""
        with netns.locked():
            with links.open_in(None) as outer:
                outer.delete_link(self.host_link)
            netns.remove(self.name)

    def _join(self, inner: links.Netlink) -> int:
        """Make the veth pair from the inside, with the host's end in this process's own namespace."""
        with links.open_in(None) as outer:
            outer.delete_link(self.host_link)
        with netns.opened("/proc/self/ns/net") as host:
            inner.add_link(UPLINK, kind="veth", peer={"ifname": self.host_link, "net_ns_fd": host})
        return inner.index(UPLINK)

    def _route_from_host(self, cidr: str) -> None:
        with links.open_in(None) as outer:
            host = outer.index(self.host_link)
            outer.replace_route(cidr, link=host, gateway=self.router_end, source=self.host_end)


def _enable_forwarding() -> None:
    # /proc/sys/net shows the namespace of the thread that opens it.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
