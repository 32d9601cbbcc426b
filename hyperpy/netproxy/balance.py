"""Which endpoint takes the next connection. Pure: time and chance come in from outside."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where to send: an address and a port."""

    host: str
    port: int


class Balancer(Protocol):
    def order(self, endpoints: Sequence[Endpoint], *, client: str, now: float) -> Sequence[Endpoint]:
        """All endpoints, the one to try first in front; the rest is for when it does not answer.

        Args:
            endpoints: never empty.
            client: the client's address without its port.
            now: seconds of a monotonic clock.
        """


class RoundRobin:
    """Each in turn."""

    def __init__(self) -> None:
        self._next = 0

    def order(self, endpoints: Sequence[Endpoint], *, client: str, now: float) -> Sequence[Endpoint]:
        start = self._next % len(endpoints)
        self._next = start + 1
        return [*endpoints[start:], *endpoints[:start]]


class RandomChoice:
    """Any of them, evenly."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def order(self, endpoints: Sequence[Endpoint], *, client: str, now: float) -> Sequence[Endpoint]:
        return self._rng.sample(list(endpoints), len(endpoints))


class LeastConnections:
    """The one with the fewest open connections; among equals, the first.

    Args:
        open_connections: counts by endpoint, kept by whoever forwards.
    """

    def __init__(self, open_connections: Mapping[Endpoint, int]) -> None:
        self._open = open_connections

    def order(self, endpoints: Sequence[Endpoint], *, client: str, now: float) -> Sequence[Endpoint]:
        return sorted(endpoints, key=lambda endpoint: self._open.get(endpoint, 0))


class ClientAffinity:
    """The same endpoint for the same client address until it was silent for `timeout_s`; else as `inner` says.

    The table holds `capacity` clients; beyond that the one seen longest ago is forgotten.
    """

    def __init__(self, inner: Balancer, *, timeout_s: float, capacity: int = 65536) -> None:
        self._inner = inner
        self._timeout_s = timeout_s
        self._capacity = capacity
        self._seen: OrderedDict[str, tuple[Endpoint, float]] = OrderedDict()

    def order(self, endpoints: Sequence[Endpoint], *, client: str, now: float) -> Sequence[Endpoint]:
        known = self._seen.get(client)
        if known is not None and known[0] in endpoints and now - known[1] < self._timeout_s:
            chosen = [known[0], *(endpoint for endpoint in endpoints if endpoint != known[0])]
        else:
            chosen = list(self._inner.order(endpoints, client=client, now=now))
        self._seen[client] = (chosen[0], now)
        self._seen.move_to_end(client)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return chosen
