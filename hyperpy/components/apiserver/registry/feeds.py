"""All feeds of an API server: one a kind, made when it is first watched, and the clock of their bookmarks."""

from __future__ import annotations

import asyncio

from hyperpy.api.kinds import Kind
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.feed import Feed
from hyperpy.components.apiserver.registry.subscription import Limits, Subscription
from hyperpy.store.protocol import Store, StoreError


class Feeds:
    """Owner of the feeds; `aclose` ends every watch.

    Args:
        bookmark_interval_s: seconds between progress marks to every watcher.
        limits: of what may wait for one reader (see `subscription`).
    """

    def __init__(self, store: Store, clock: Clock, *, bookmark_interval_s: int, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._interval_s = bookmark_interval_s
        self._limits = limits
        self._feeds: dict[bytes, Feed] = {}
        self._ticker: asyncio.Task[None] | None = None

    async def join(self, kind: Kind, namespace: str | None, *, after: int) -> Subscription:
        """Listen to a kind (in one namespace) after a revision; raises Expired when that history is gone."""
        base = form.prefix(kind)
        feed = self._feeds.get(base)
        if feed is None:
            feed = self._feeds[base] = Feed(self._store, kind)
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick(), name="apiserver/bookmarks")
        return await feed.join(form.prefix(kind, namespace), after=after, limits=self._limits)

    def end(self, kind: Kind) -> None:
        """End every watch of a kind quietly: its readers come again, to what it is now, or do not find it any more."""
        feed = self._feeds.get(form.prefix(kind))
        if feed is not None:
            feed.end()

    async def aclose(self) -> None:
        """End every watch and every task."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for feed in self._feeds.values():
            await feed.aclose()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(self._interval_s)
            for feed in tuple(self._feeds.values()):
                try:
                    await feed.request_progress()
                except StoreError:
                    continue  # its watch ends with the same error and tells the readers
