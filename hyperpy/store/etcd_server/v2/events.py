"""Tells waiting clients of changes: the newest 1000 events, and who waits for which path.

A client waits with a `Waiter`. Overflow rule: 2000 events may wait for one that streams, the history and as many more;
the next one ends it, and its client asks again from the index that it has seen. The length of the history is etcd
2.0's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.layout import Record

KEPT_EVENTS = 1000
_WAITING_EVENTS = 2 * KEPT_EVENTS


def concerns(record: Record, path: str, *, recursive: bool) -> bool:
    """Is a client that waits at a path told of a change?

    It is when the change is at the path, below it (when it waits recursively, and no name in between is hidden), or
    takes away a directory above it.
    """
    if record.silent:
        return False
    if record.path == path:
        return True
    above = "/" if path == "/" else path + "/"
    if record.path.startswith(above):
        return recursive and "/_" not in record.path[len(above) - 1 :]
    return record.gone and path.startswith(record.path + "/")


class Events:
    """The history of changes, in memory, and the clients that wait for more.

    Args:
        index: the store's index before the first event that will be told.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self._kept: deque[Record] = deque(maxlen=KEPT_EVENTS)
        self._waiters: dict[str, set[Waiter]] = {}
        self._moved = asyncio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many clients wait."""
        return sum(map(len, self._waiters.values()))

    def tell(self, record: Record) -> None:
        """Take in the next change, and tell those whom it concerns."""
        self.index = record.index
        self._kept.append(record)
        for waiter in [waiter for path in self._paths(record) for waiter in self._waiters.get(path, ())]:
            if record.index >= waiter.since and concerns(record, waiter.path, recursive=waiter.recursive):
                waiter.push(record)
        self._moved.set()

    async def reach(self, index: int) -> None:
        """Wait until the change with an index, which must be durable, was told."""
        while self.index < index and not self._closed:
            self._moved.clear()
            await self._moved.wait()

    def wait(self, path: str, *, since: int, recursive: bool, stream: bool) -> Waiter:
        """A waiter for changes from an index on, 0 for those to come; its owner closes it.

        Raises:
            Refused: the index is older than what is kept.
        """
        first = self._kept[0].index if self._kept else 0
        if since and since < first:
            raise Refused(
                Code.EVENT_INDEX_CLEARED, f"the requested history has been cleared [{first}/{since}]", self.index
            )
        waiter = Waiter(self, path, since=since or self.index + 1, recursive=recursive, stream=stream)
        self._waiters.setdefault(path, set()).add(waiter)
        if since:
            past = [kept for kept in self._kept if kept.index >= since]
            waiter.begin(record for record in past if concerns(record, path, recursive=recursive))
        if self._closed:
            waiter.close()
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Tell it no more."""
        waiters = self._waiters.get(waiter.path)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[waiter.path]

    def close(self) -> None:
        """End all waiters, those to come too: the server stops."""
        self._closed = True
        self._moved.set()
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            waiter.close()

    def _paths(self, record: Record) -> list[str]:
        """Where those may wait whom a change can concern."""
        parts = record.path.split("/")
        above = ["/", *("/".join(parts[:depth]) for depth in range(2, len(parts) + 1))]
        if not record.gone:
            return above
        return above + [path for path in self._waiters if path.startswith(record.path + "/")]


class Waiter:
    """One client that waits. Iterate it for records: one, or with `stream` all that come until it is closed."""

    def __init__(self, events: Events, path: str, *, since: int, recursive: bool, stream: bool) -> None:
        self.path = path
        self.since = since
        self.recursive = recursive
        self.index = events.index
        self._events = events
        self._stream = stream
        self._queue: deque[Record] = deque()
        self._closed = False
        self._stirred = asyncio.Event()

    def begin(self, past: Iterable[Record]) -> None:
        """What it missed, from the history."""
        for record in past:
            self._queue.append(record)
            if not self._stream:
                break
        self._settle()

    def push(self, record: Record) -> None:
        """One more change."""
        if len(self._queue) >= _WAITING_EVENTS:
            self.close()
            return
        self._queue.append(record)
        self._settle()

    def close(self) -> None:
        """Be told no more; what waits can still be read."""
        self._closed = True
        self._events.leave(self)
        self._stirred.set()

    def _settle(self) -> None:
        if self._queue and not self._stream:
            self.close()
        self._stirred.set()

    def __aiter__(self) -> AsyncIterator[Record]:
        return self

    async def __anext__(self) -> Record:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._stirred.clear()
            await self._stirred.wait()
        return self._queue.popleft()
