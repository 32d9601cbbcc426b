"""Pools of numbers to give out: service addresses and node ports. Pure: no I/O; chance comes in as `rng`.

A pool is split: clients who name a number tend to name low ones, so free picks come from the upper band first.
Source: Concepts, "Service ClusterIP allocation" and "NodePort" (KEP-3070, KEP-3668).
"""

from __future__ import annotations

import ipaddress
import random

_TRIES = 16


class Taken(Exception):
    """Somebody has the number."""


class OutOfRange(Exception):
    """The number is not in the pool's range."""


class Full(Exception):
    """Every number of the pool is taken."""


class Pool:
    """Numbers from `first` to `last`, both included.

    Args:
        static: size of the lower band that free picks avoid while they can.
    """

    def __init__(self, first: int, last: int, *, static: int) -> None:
        self.first, self.last = first, last
        self._middle = min(first + static, last)
        self._taken: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def take(self, number: int) -> None:
        """Take this number; raises OutOfRange or Taken."""
        if number not in self:
            raise OutOfRange
        if number in self._taken:
            raise Taken
        self._taken.add(number)

    def pick(self, rng: random.Random) -> int:
        """Take any free number; raises Full."""
        for low, high in ((self._middle, self.last), (self.first, self._middle - 1)):
            number = self._pick_between(low, high, rng)
            if number is not None:
                self._taken.add(number)
                return number
        raise Full

    def mark(self, number: int) -> None:
        """Note that a number is in use, also one that is used twice or lies outside."""
        self._taken.add(number)

    def release(self, number: int) -> None:
        """Give a number back."""
        self._taken.discard(number)

    def _pick_between(self, low: int, high: int, rng: random.Random) -> int | None:
        if high < low:
            return None
        for _ in range(_TRIES):
            number = rng.randint(low, high)
            if number not in self._taken:
                return number
        return next((number for number in range(low, high + 1) if number not in self._taken), None)


class Addresses:
    """The cluster IPs of a range; network and broadcast address are not given out."""

    def __init__(self, cidr: str) -> None:
        self.network = ipaddress.IPv4Network(cidr)
        base, size = int(self.network.network_address), self.network.num_addresses
        static = min(max(16, size // 16), 256)
        self._pool = Pool(base + 1, base + size - 2, static=static if size > 32 else 0)
        self._first = base + 1
        self._pool.mark(self._first)

    @property
    def first(self) -> str:
        """The address of the `kubernetes` Service; nobody else gets it."""
        return str(ipaddress.IPv4Address(self._first))

    def take(self, address: str) -> None:
        """Take this address; raises ValueError (it is none), OutOfRange or Taken."""
        self._pool.take(int(ipaddress.IPv4Address(address)))

    def pick(self, rng: random.Random) -> str:
        """Take any free address; raises Full."""
        return str(ipaddress.IPv4Address(self._pool.pick(rng)))

    def mark(self, address: str) -> None:
        """Note that a stored Service has it."""
        self._pool.mark(int(ipaddress.IPv4Address(address)))

    def release(self, address: str) -> None:
        """Give it back; the first one stays reserved."""
        if address != self.first:
            self._pool.release(int(ipaddress.IPv4Address(address)))


def node_ports(first: int, last: int) -> Pool:
    """The pool of node ports."""
    size = last - first + 1
    return Pool(first, last, static=min(max(16, size // 32), 128) if size > 32 else 0)
