"""Pools of numbers to give out: service addresses and node ports. Pure: no I/O; chance comes in as `rng`.

A pool is split: clients who name a number tend to name low ones, so free picks come from the upper band first.
Source: Concepts, "Service ClusterIP allocation" and "NodePort" (KEP-3070, KEP-3668).
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable

_TRIES = 16


class Taken(Exception):
    """Somebody has the number."""


class OutOfRange(Exception):
    """The number is not in the pool's range."""


class Full(Exception):
    """Every number of the pool is taken; the text is what they are."""


class Pool:
    """Numbers from `first` to `last`, both included.

    Args:
        static: size of the lower band that free picks avoid while they can.
        what: how messages call one of the numbers.
    """

    def __init__(self, first: int, last: int, *, static: int, what: str = "a number") -> None:
        self._what = what
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
        raise Full(self._what)

    def is_taken(self, number: int) -> bool:
        """Whether the number is in use."""
        return number in self._taken

    def reset(self, numbers: Iterable[int]) -> None:
        """Forget all, and note that these are in use, also some that lie outside."""
        self._taken = set(numbers)

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
        self._pool = Pool(base + 1, base + size - 2, static=static if size > 32 else 0, what="a serviceIP")
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

    def is_taken(self, address: str) -> bool:
        """Whether it is in use; the first one does not count, nor does what is no IPv4 address."""
        number = _number(address)
        return number is not None and number != self._first and self._pool.is_taken(number)

    def reset(self, addresses: Iterable[str]) -> None:
        """Forget all, and note that these are in use; others than IPv4 addresses are of no interest."""
        numbers = {number for address in addresses if (number := _number(address)) is not None}
        self._pool.reset(numbers | {self._first})

    def release(self, address: str) -> None:
        """Give it back; the first one stays reserved."""
        number = _number(address)
        if number is not None and number != self._first:
            self._pool.release(number)


def _number(address: str) -> int | None:
    try:
        return int(ipaddress.IPv4Address(address))
    except ValueError:
        return None


def node_ports(first: int, last: int) -> Pool:
    """The pool of node ports."""
    size = last - first + 1
    static = min(max(16, size // 32), 128) if size > 32 else 0
    return Pool(first, last, static=static, what="a nodePort")
