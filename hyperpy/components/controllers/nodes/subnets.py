"""A network cut into equal subnets, some of them taken. Every step costs the same, however many there are. Pure."""

from __future__ import annotations

import heapq
import ipaddress

#: A node's network may be so many bits smaller than the cluster's: 65 536 nodes.
_MAX_BITS = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Full(Exception):
    """No subnet is free."""


class BadNetwork(Exception):
    """The networks asked for cannot be; the message says which and what to do."""


class Subnets:
    """The subnets of one network.

    Args:
        whole: what is cut.
        prefix: the length of a subnet.
        reserved: a network that no subnet may touch, or None.
    """

    def __init__(self, whole: Network, prefix: int, *, reserved: Network | None = None) -> None:
        self._base = int(whole.network_address)
        self._whole = whole
        self._prefix = prefix
        self._shift = whole.max_prefixlen - prefix
        self._count = 1 << (prefix - whole.prefixlen)
        self._taken: set[int] = set()
        self._returned: list[int] = []
        self._next = 0
        if reserved is not None:
            self.occupy(str(reserved))

    def take(self) -> str:
        """The lowest free subnet; it is taken from now on.

        Raises:
            Full: there is none.
        """
        while self._returned:
            index = heapq.heappop(self._returned)
            if index not in self._taken:
                return self._take(index)
        while self._next < self._count:
            index = self._next
            self._next += 1
            if index not in self._taken:
                return self._take(index)
        raise Full(f"every /{self._prefix} of {self._whole} is taken")

    def occupy(self, network: str) -> None:
        """Take every subnet that `network` touches; one outside of the whole touches none."""
        self._taken.update(self._touched(network))

    def release(self, network: str) -> None:
        """Give back what `occupy` or `take` took."""
        for index in self._touched(network):
            if index in self._taken:
                self._taken.discard(index)
                heapq.heappush(self._returned, index)

    def _take(self, index: int) -> str:
        self._taken.add(index)
        address = ipaddress.ip_address(self._base + (index << self._shift))
        return f"{address}/{self._prefix}"

    def _touched(self, text: str) -> range:
        network = ipaddress.ip_network(text)
        if network.version != self._whole.version or not network.overlaps(self._whole):
            return range(0)
        first = max(0, (int(network.network_address) - self._base) >> self._shift)
        last = min(self._count - 1, (int(network.broadcast_address) - self._base) >> self._shift)
        return range(first, last + 1)


def of_cluster(cluster_cidr: str, service_cidr: str, *, ipv4_prefix: int, ipv6_prefix: int) -> list[Subnets]:
    """The Pod networks of a cluster, read from its flags: one pool an address family, in their order.

    Args:
        cluster_cidr, service_cidr: one network, or two of different families, separated by a comma.
        ipv4_prefix, ipv6_prefix: the length of one node's network of that family.
    Raises:
        BadNetwork: one cannot be read, or a node's prefix does not fit into the cluster's.
    """
    clusters = _networks("--cluster-cidr", cluster_cidr)
    services = _networks("--service-cluster-ip-range", service_cidr)
    pools = []
    for cluster in clusters:
        prefix, flag = (ipv4_prefix, "ipv4") if cluster.version == 4 else (ipv6_prefix, "ipv6")
        longest = min(cluster.max_prefixlen, cluster.prefixlen + _MAX_BITS)
        if not cluster.prefixlen <= prefix <= longest:
            raise BadNetwork(
                f"--node-cidr-mask-size={prefix} does not fit into --cluster-cidr={cluster}: "
                f"give --node-cidr-mask-size-{flag} between {cluster.prefixlen} and {longest}"
            )
        reserved = next((service for service in services if service.version == cluster.version), None)
        pools.append(Subnets(cluster, prefix, reserved=reserved))
    return pools


def _networks(flag: str, text: str) -> list[Network]:
    try:
        found = [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise BadNetwork(f"{flag}={text}: {error}; give a network such as 10.244.0.0/16") from error
    if len({network.version for network in found}) != len(found):
        raise BadNetwork(f"{flag}={text}: give one network, or one of IPv4 and one of IPv6")
    return found
