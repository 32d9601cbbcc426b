"""A network cut into equal subnets, some of them taken. Every step costs the same, however many there are. Pure."""

from __future__ import annotations

import heapq
import ipaddress

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


def of_cluster(cluster_cidr: str, service_cidr: str, prefix: int) -> Subnets:
    """The Pod networks of a cluster, read from its flags.

    Raises:
        BadNetwork: one cannot be read, or the node's prefix does not fit into the cluster's.
    """
    try:
        cluster = ipaddress.ip_network(cluster_cidr)
        service = ipaddress.ip_network(service_cidr) if service_cidr else None
    except ValueError as error:
        raise BadNetwork(
            f"--cluster-cidr or --service-cluster-ip-range: {error}; give a network such as 10.244.0.0/16"
        ) from error
    if not cluster.prefixlen <= prefix <= cluster.max_prefixlen:
        raise BadNetwork(
            f"--node-cidr-mask-size={prefix} does not fit into --cluster-cidr={cluster_cidr}: "
            f"give one between {cluster.prefixlen} and {cluster.max_prefixlen}"
        )
    return Subnets(cluster, prefix, reserved=service)
