"""One reader's bounded queue of the changes under a key prefix, after a revision.

Queue: at most `Limits.changes` changes and `Limits.size` bytes of objects. Overflow: what waits is dropped and the
subscription ends with Expired (410), so a reader that never reads slows nobody and lists anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hyperpy.api import errors
from hyperpy.components.apiserver.registry.batch import BATCH_BYTES, Batch
from hyperpy.components.apiserver.registry.change import Change

_TOO_SLOW = "The watch was too slow and was cut off: list again and watch from there."


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait for one reader: changes, and bytes of the objects they hold."""

    changes: int
    size: int


class Source(Protocol):
    """What a subscription needs of its feed."""

    prefix: bytes

    def leave(self, subscription: Subscription) -> None:
        """Stop listening."""


class Subscription:
    """One reader of a feed."""

    def __init__(self, feed: Source, prefix: bytes, *, after: int, limits: Limits) -> None:
        self._feed = feed
        self._prefix = prefix
        self._all = prefix == feed.prefix
        self._after = self._revision = after
        self._limits = limits
        self._queue: deque[Batch] = deque()
        self._waiting = 0
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: errors.StatusError | None = None
        self._ended = False

    def offer(self, batches: Iterable[Batch], revision: int) -> None:
        """Queue the changes this reader is concerned with; cut the reader off when it is too far behind.

        Args:
            revision: up to which these are all the changes there are.
        """
        if self._ended:
            return
        self._revision = max(self._revision, revision)
        for batch in batches:
            mine = self._concerning(batch)
            if mine is None:
                continue
            behind = self._waiting and (
                self._waiting + len(mine) > self._limits.changes or self._size + mine.size > self._limits.size
            )
            if behind:
                self.end(errors.Expired(_TOO_SLOW))
                return
            self._queue.append(mine)
            self._waiting += len(mine)
            self._size += mine.size
        if self._queue:
            self._wake()

    def _concerning(self, batch: Batch) -> Batch | None:
        if batch.is_mark:
            return batch if batch.last >= self._after else None
        if batch.first <= self._after:
            later = batch.after(self._after)
            return later if later is None or self._all else later.under(self._prefix)
        return batch if self._all else batch.under(self._prefix)

    def precede(self, history: Iterable[Batch]) -> None:
        """Put changes that came before all that wait in front of them."""
        for batch in reversed(list(history)):
            self._queue.appendleft(batch)
            self._waiting += len(batch)
            self._size += batch.size
        self._wake()

    def end(self, error: errors.StatusError | None = None) -> None:
        """End the reader: with an error, then what waits is dropped; or quietly, after what waits."""
        if self._ended:
            return
        self._ended, self._error = True, error
        if error is not None:
            self._queue.clear()
            self._waiting = self._size = 0
        self._wake()

    async def take(self) -> list[Batch]:
        """What waits, up to about BATCH_BYTES at a time; nothing only when the subscription has ended.

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
        taken: list[Batch] = []
        size = 0
        while self._queue and (not taken or size + self._queue[0].size <= BATCH_BYTES):
            batch = self._queue.popleft()
            taken.append(batch)
            size += batch.size
            self._waiting -= len(batch)
        self._size -= size
        return taken

    async def changed(self, key: bytes) -> bool:
        """Wait for a change of one key; False when the subscription ends without one. Raises as `take` does."""
        while batches := await self.take():
            if any(isinstance(item, Change) and item.key == key for batch in batches for item in batch.items):
                return True
        return False

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return self._waiting

    @property
    def ended(self) -> bool:
        """Whether nothing more will come; `take` tells why."""
        return self._ended

    @property
    def revision(self) -> int:
        """Up to which revision everything was taken, once nothing waits."""
        return self._revision

    def close(self) -> None:
        """Leave the feed. Closing twice is fine."""
        self._feed.leave(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
