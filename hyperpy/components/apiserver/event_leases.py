"""Events go away by themselves: leases of the store, each shared by all Events of some time.

Source: `--event-ttl` and `--lease-reuse-duration-seconds` of kube-apiserver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.store.protocol import LeaseNotFound

T = TypeVar("T")


class EventLeases:
    """Gives out the lease that a new Event is bound to.

    Args:
        ttl_s: seconds an Event stays at least.
        span_s: Events of this span share a lease, and so live up to this much longer.
    """

    def __init__(self, objects: Objects, clock: Clock, *, ttl_s: int, span_s: int) -> None:
        self._objects = objects
        self._clock = clock
        self._ttl_s = ttl_s
        self._span_s = span_s
        self._lease = 0
        self._granted_at = 0.0
        self._granting = asyncio.Lock()

    async def bound(self, write: Callable[[int], Awaitable[T]]) -> T:
        """Do a write that binds its key to a lease with at least `ttl_s` left; `write` is given the lease's id."""
        try:
            return await write(await self._current())
        except LeaseNotFound:
            self._lease = 0
            return await write(await self._current())

    async def _current(self) -> int:
        async with self._granting:
            now = self._clock.monotonic()
            if not self._lease or now - self._granted_at >= self._span_s:
                self._lease = await self._objects.grant_lease(self._ttl_s + self._span_s)
                self._granted_at = now
            return self._lease
