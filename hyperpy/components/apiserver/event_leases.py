"""Events go away by themselves: leases of the store, each shared by all Events of some time.

Source: `--event-ttl` of kube-apiserver.
"""

from __future__ import annotations

import asyncio

from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.registry.objects import Objects

#: Events of this span share a lease, and so live up to this much longer than asked for.
SPAN_S = 300


class EventLeases:
    """Gives out the lease that a new Event is bound to.

    Args:
        ttl_s: seconds an Event stays at least.
    """

    def __init__(self, objects: Objects, clock: Clock, *, ttl_s: int) -> None:
        self._objects = objects
        self._clock = clock
        self._ttl_s = ttl_s
        self._lease = 0
        self._granted_at = 0.0
        self._granting = asyncio.Lock()

    async def current(self) -> int:
        """The id of a lease with at least `ttl_s` left."""
        async with self._granting:
            now = self._clock.monotonic()
            if not self._lease or now - self._granted_at >= SPAN_S:
                self._lease = await self._objects.grant_lease(self._ttl_s + SPAN_S)
                self._granted_at = now
            return self._lease

    def forget(self) -> None:
        """The lease is gone from the store; the next Event gets a new one."""
        self._lease = 0
