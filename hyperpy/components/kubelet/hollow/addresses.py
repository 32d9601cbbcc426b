"""Addresses of simulated pods: the next one of a network that no pod has. Pure."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterator


class Exhausted(Exception):
    """Every address is in use."""


class Addresses:
    """Gives addresses of one network and takes them back; one that came back is given again last.

    Args:
        cidr: the network.
    """

    def __init__(self, cidr: str) -> None:
        self._cidr = cidr
        self._fresh: Iterator[str] = (str(address) for address in ipaddress.ip_network(cidr).hosts())
        self._returned: deque[str] = deque()
        self._used: set[str] = set()

    def occupy(self, address: str) -> None:
        """A pod has this one already."""
        self._used.add(address)

    def take(self) -> str:
        """One that no pod has.

        Raises:
            Exhausted: there is none.
        """
        for source in (self._fresh, _emptied(self._returned)):
            for address in source:
                if address not in self._used:
                    self._used.add(address)
                    return address
        raise Exhausted(f"no address of {self._cidr} is free; give the pods a larger network with --pod-cidr")

    def give_back(self, address: str) -> None:
        """Its pod is gone."""
        if address in self._used:
            self._used.discard(address)
            self._returned.append(address)


def _emptied(queue: deque[str]) -> Iterator[str]:
    while queue:
        yield queue.popleft()
