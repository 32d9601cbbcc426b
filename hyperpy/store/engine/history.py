"""The newest changes, in memory: what watches resume from and reads a little way back are made of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from hyperpy.store.engine.keyspace import in_range
from hyperpy.store.protocol import Event, KeyValue


def _revision(event: Event) -> int:
    return event.kv.mod_revision


class History:
    """A window of whole revisions up to the newest one.

    Every change of revision `start` and later is in it. It is bounded by events and by bytes; the oldest revisions
    go first. With no bounds it only shrinks by `forget`.

    Args:
        start: the first revision that the window can know about.
    """

    def __init__(self, *, start: int, max_events: int | None, max_bytes: int | None) -> None:
        self.start = start
        self._events: list[Event] = []
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes

    def extend(self, events: Sequence[Event]) -> None:
        """Take in the changes of new revisions, in order."""
        self._events.extend(events)
        self._bytes += sum(map(_size, events))
        if self._over():
            self._shrink()

    def forget(self, revision: int) -> None:
        """Drop the changes before `revision`."""
        if revision > self.start:
            self._drop(bisect_left(self._events, revision, key=_revision))
            self.start = revision

    def since(self, revision: int, *, key: bytes, end: bytes | None) -> list[Event]:
        """Changes in a key range from `revision` on, which must not be before `start`."""
        first = bisect_left(self._events, revision, key=_revision)
        return [event for event in self._events[first:] if in_range(event.kv.key, key, end)]

    def undo(self, revision: int, *, key: bytes, end: bytes | None) -> dict[bytes, KeyValue | None]:
        """What the keys of a range that changed after `revision` had at it; laid over the live set it is that state."""
        before: dict[bytes, KeyValue | None] = {}
        for event in self.since(revision + 1, key=key, end=end):
            before.setdefault(event.kv.key, event.prev)
        return before

    def _over(self) -> bool:
        return (self._max_events is not None and len(self._events) > self._max_events) or (
            self._max_bytes is not None and self._bytes > self._max_bytes
        )

    def _shrink(self) -> None:
        """Drop the older half at least, so that the cost of shifting the list is spread over many commits."""
        at = len(self._events) // 2
        if self._max_bytes is not None:
            kept = sum(map(_size, self._events[at:]))
            while kept > self._max_bytes // 2 and at < len(self._events):
                kept -= _size(self._events[at])
                at += 1
        while 0 < at < len(self._events) and _revision(self._events[at]) == _revision(self._events[at - 1]):
            at += 1
        if at == 0:
            return
        self.start = _revision(self._events[at - 1]) + 1
        self._drop(at)

    def _drop(self, count: int) -> None:
        self._bytes -= sum(map(_size, self._events[:count]))
        del self._events[:count]


def _size(event: Event) -> int:
    # Most of what the window alone keeps alive is the value that a change replaced.
    return len(event.prev.value) if event.prev is not None else 0
