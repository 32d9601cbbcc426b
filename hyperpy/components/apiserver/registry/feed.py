"""The per-kind feed: one store watch of a kind, shared by every watcher of it.

        store.watch ──▶ Feed (one task a kind) ──offer()──▶ Subscription (bounded) ──take()──▶ watch stream
    idle ──first subscriber──▶ following ──last one leaves──▶ idle
                                   └── the store's watch fails ──▶ subscribers end with its error, idle

Queue: `Subscription` holds at most `limit` changes. Overflow: what waits is dropped and the subscription ends with
Expired (410), so a reader that never reads slows nobody and lists anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.change import Change, Mark
from hyperpy.components.apiserver.registry.objects import status_of
from hyperpy.store import protocol
from hyperpy.store.protocol import Compacted, Store, StoreError, WatchBatch, WatchLagged, prefix_end

log = logging.getLogger(__name__)

_TOO_SLOW = "The watch was too slow and was cut off: list again and watch from there."


class Subscription:
    """One reader's bounded queue of the changes under a key prefix, after a revision."""

    def __init__(self, feed: Feed, prefix: bytes, *, after: int, limit: int) -> None:
        self._feed = feed
        self._prefix = prefix
        self._all = prefix == feed.prefix
        self._after = after
        self._limit = limit
        self._queue: deque[Change | Mark] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: errors.StatusError | None = None
        self._ended = False

    def offer(self, item: Change | Mark) -> None:
        """Queue a change this reader is concerned with; cut the reader off when it is too far behind."""
        if self._ended or not self._concerns(item):
            return
        if len(self._queue) >= self._limit:
            self.end(errors.Expired(_TOO_SLOW))
            return
        self._queue.append(item)
        self._wake()

    def _concerns(self, item: Change | Mark) -> bool:
        if isinstance(item, Mark):
            return item.revision >= self._after
        return item.revision > self._after and (self._all or item.key.startswith(self._prefix))

    def precede(self, history: list[Change]) -> None:
        """Put changes that came before all that wait in front of them."""
        self._queue.extendleft(reversed(history))
        self._wake()

    def end(self, error: errors.StatusError | None = None) -> None:
        """End the reader: with an error, then what waits is dropped; or quietly, after what waits."""
        if self._ended:
            return
        self._ended, self._error = True, error
        if error is not None:
            self._queue.clear()
        self._wake()

    async def take(self) -> list[Change | Mark]:
        """Everything that waits; nothing only when the subscription has ended.

        Raises:
            StatusError: the one it ended with.
        """
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._ended:
                return []
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        items = list(self._queue)
        self._queue.clear()
        return items

    async def changed(self, key: bytes) -> bool:
        """Wait for a change of one key; False when the subscription ends without one. Raises as `take` does."""
        while items := await self.take():
            if any(isinstance(item, Change) and item.key == key for item in items):
                return True
        return False

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._queue)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come; `take` tells why."""
        return self._ended

    @property
    def revision(self) -> int:
        """Up to which revision everything was taken, once nothing waits."""
        return max(self._after, self._feed.revision)

    def close(self) -> None:
        """Leave the feed. Closing twice is fine."""
        self._feed.leave(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Feed:
    """Follows one kind in the store while anyone listens."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self.prefix = form.prefix(kind)
        self.revision = 0
        self._store = store
        self._name = kind.qualified
        self._subscriptions: set[Subscription] = set()
        self._starting = asyncio.Lock()
        self._watch: protocol.Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def join(self, prefix: bytes, *, after: int, limit: int) -> Subscription:
        """Listen to the changes under `prefix` later than revision `after`.

        Args:
            limit: how many changes may wait for this reader, and how many it may be behind at the start.
        Raises:
            Expired: the history after that revision is compacted or longer than `limit`.
        """
        async with self._starting:
            if self._task is None:
                await self._start()
            since = self.revision
            subscription = Subscription(self, prefix, after=max(after, since), limit=limit)
            self._subscriptions.add(subscription)
        if after < since:
            try:
                subscription.precede(await self._history(prefix, after, since, limit))
            except BaseException:
                self.leave(subscription)
                raise
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Stop listening; the last one to leave stops the feed."""
        self._subscriptions.discard(subscription)
        if not self._subscriptions and self._task is not None:
            self._task.cancel()
            self._task = None

    async def request_progress(self) -> None:
        """Have a progress mark come to every reader."""
        if self._watch is not None:
            await self._watch.request_progress()

    async def aclose(self) -> None:
        """End every reader and the task."""
        for subscription in tuple(self._subscriptions):
            subscription.end()
            self.leave(subscription)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _start(self) -> None:
        self.revision = await self._store.revision()
        self._watch = await self._open(self.revision)
        self._task = asyncio.create_task(self._follow(self._watch), name=f"apiserver/feed/{self._name}")
        self._ending.add(self._task)
        self._task.add_done_callback(self._ending.discard)

    async def _open(self, after: int) -> protocol.Watch:
        return await self._store.watch(self.prefix, prefix_end(self.prefix), start_revision=after + 1, prev_kv=True)

    async def _follow(self, watch: protocol.Watch) -> None:
        try:
            while True:
                try:
                    async for batch in watch:
                        self._publish(batch)
                    raise protocol.Unavailable("the store ended the watch")
                except WatchLagged:
                    log.warning("the feed of %s fell behind the store and resumes", self._name)
                    await watch.aclose()
                    self._watch = watch = await self._open(self.revision)
        except StoreError as error:
            self._fail(watch, status_of(error))
        finally:
            await watch.aclose()

    def _publish(self, batch: WatchBatch) -> None:
        items: list[Change | Mark] = [Change.read(event) for event in batch.events] or [Mark(batch.revision)]
        self.revision = max(self.revision, batch.revision)
        for subscription in tuple(self._subscriptions):
            for item in items:
                subscription.offer(item)

    def _fail(self, watch: protocol.Watch, error: errors.StatusError) -> None:
        if self._watch is not watch:
            return
        self._task = self._watch = None
        for subscription in tuple(self._subscriptions):
            subscription.end(error)
        self._subscriptions.clear()

    async def _history(self, prefix: bytes, after: int, until: int, limit: int) -> list[Change]:
        """The changes after revision `after` up to and with `until`, from the store's own history."""
        try:
            watch = await self._store.watch(prefix, prefix_end(prefix), start_revision=after + 1, prev_kv=True)
            try:
                return await _collect(watch, until, limit)
            finally:
                await watch.aclose()
        except Compacted as compacted:
            raise errors.Expired(f"too old resource version: {after} ({compacted.revision})") from compacted


async def _collect(watch: protocol.Watch, until: int, limit: int) -> list[Change]:
    await watch.request_progress()
    history: list[Change] = []
    async for batch in watch:
        history += [Change.read(event) for event in batch.events if event.kv.mod_revision <= until]
        if len(history) > limit:
            raise errors.Expired(f"the watch is more than {limit} changes behind: list again and watch from there")
        if batch.revision >= until:
            break
    return history
