"""All objects of one kind, each made into something ready for use, and always as of now.

A feed tells when anything has changed; nothing is read while nothing does. Right after a write of the kind through this
server the store is asked anew for a while, so that who creates a configuration finds it in force with the next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.feeds import Feeds
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.apiserver.registry.subscription import Subscription

T = TypeVar("T")

#: Seconds after a write was let through in which it may still be on its way into the store and out of the feed.
_SETTLING_S = 2.0


class Collection(Generic[T]):
    """Args:
    make: turns an object into what is kept of it; asked once for each version of an object.
    """

    def __init__(self, kind: Kind, *, objects: Objects, feeds: Feeds, clock: Clock, make: Callable[[Obj], T]) -> None:
        self._kind = kind
        self._objects = objects
        self._feeds = feeds
        self._clock = clock
        self._make = make
        self._subscription: Subscription | None = None
        self._joining = asyncio.Lock()
        self._settled_at = 0.0
        self._made: dict[bytes, tuple[int, T]] = {}
        self._items: tuple[T, ...] = ()

    async def items(self) -> tuple[T, ...]:
        """Everything there is, by name."""
        subscription = self._subscription
        if subscription is None or subscription.ended:
            await self._join()
        elif subscription.waiting:
            await self._drain(subscription)
        elif self._settled_at and self._settling():
            await self._read()
        return self._items

    def touched(self) -> None:
        """A write of this kind is about to be stored."""
        self._settled_at = self._clock.monotonic() + _SETTLING_S

    def _settling(self) -> bool:
        if self._clock.monotonic() < self._settled_at:
            return True
        self._settled_at = 0.0
        return False

    async def _join(self) -> None:
        async with self._joining:
            if self._subscription is None or self._subscription.ended:
                revision = await self._read()
                self._subscription = await self._feeds.join(self._kind, None, after=revision)

    async def _drain(self, subscription: Subscription) -> None:
        try:
            await subscription.take()
        except errors.StatusError:
            self._subscription = None
            await self._join()
            return
        await self._read()

    async def _read(self) -> int:
        found = await self._objects.everything(self._kind)
        made: dict[bytes, tuple[int, T]] = {}
        for kv in found.kvs:
            known = self._made.get(kv.key)
            if known is None or known[0] != kv.mod_revision:
                known = (kv.mod_revision, self._make(form.decoded(kv)))
            made[kv.key] = known
        self._made = made
        self._items = tuple(item for _, item in made.values())
        return found.revision
