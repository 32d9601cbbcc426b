"""Which API servers serve one cluster: each has a key in the store that they share, under a lease that it renews.

    join ▶ renew, renew, … ▶ leave        a server that dies: its lease ends after TTL_S

Source: kube-apiserver's `--endpoint-reconciler-type=lease`, whose keys these are (with the port in the name).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Never

from hyperpy.client.clock import Clock
from hyperpy.store.protocol import DeleteRange, Get, LeaseNotFound, Put, Store, StoreError, Watch, prefix_end

log = logging.getLogger(__name__)

PREFIX = b"/registry/masterleases/"
#: How long a server that died is still named.
TTL_S = 15
RENEWAL_S = 5.0
_LEAVING_S = 2.0


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """Where one API server is reached: an IPv4 address and a port."""

    address: str
    port: int


class Members:
    """The API servers of a cluster, seen by one of them.

    Args:
        own: this server.
        shared: whether other servers may use the store; if not, nothing is written and there is only this one.
    """

    def __init__(self, store: Store, clock: Clock, own: Member, *, shared: bool) -> None:
        self._store = store
        self._clock = clock
        self._own = own
        self._shared = shared
        self._lease = 0

    async def current(self) -> tuple[Member, ...]:
        """The servers, in order; this one when none has joined. Raises StoreError."""
        if not self._shared:
            return (self._own,)
        found = await self._store.get(Get(PREFIX, prefix_end(PREFIX), keys_only=True))
        return tuple(sorted(_member(kv.key) for kv in found.kvs)) or (self._own,)

    async def join(self) -> None:
        """Say that this server serves. Raises StoreError."""
        if self._shared:
            lease = await self._store.lease_grant(TTL_S)
            await self._store.put(Put(_key(self._own), b"", lease=lease.id))
            self._lease = lease.id

    async def renew(self) -> Never:
        """Go on saying it. Raises StoreError."""
        while True:
            await self._clock.sleep(RENEWAL_S)
            if self._lease:
                try:
                    await self._store.lease_keep_alive(self._lease)
                except LeaseNotFound:
                    await self.join()

    async def watch(self) -> Watch:
        """Servers that join and leave. Raises StoreError."""
        return await self._store.watch(PREFIX, prefix_end(PREFIX))

    async def leave(self) -> None:
        """Say that this server no longer serves; when the store cannot be told, the lease ends by itself."""
        if not self._lease:
            return
        self._lease = 0
        try:
            async with asyncio.timeout(_LEAVING_S):
                await self._store.delete(DeleteRange(_key(self._own)))
        except (StoreError, TimeoutError) as error:
            log.info("this server stays named for up to %d s: %s", TTL_S, error)


def _key(member: Member) -> bytes:
    return PREFIX + f"{member.address}:{member.port}".encode()


def _member(key: bytes) -> Member:
    address, _, port = key.removeprefix(PREFIX).decode().rpartition(":")
    return Member(address, int(port))
