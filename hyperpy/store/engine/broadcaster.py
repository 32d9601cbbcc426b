"""Hands committed changes to watchers: each change once, in order, whole revisions together.

catching up ──cursor reaches the newest revision──▶ live ──buffer overflows──▶ lagged (WatchLagged)
     └── its history is compacted ──▶ Compacted      └── aclose() ──▶ closed

A watcher that starts in the past first reads history, in steps, from its cursor. The step that reaches the newest
revision and the entry into the live table happen with no await between them, so nothing falls in a gap.
Watchers of the same range are found together and are handed the same events; what comes while a watcher's reader is
busy waits in its buffer and is read at once, so the busier the loop, the fewer and larger the batches.
Overflow rule: a live watcher's buffer holds `watch_events` changes; what does not fit closes it with WatchLagged.
One group of changes always fits an empty buffer, however large.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from hyperpy.store.engine.history import History
from hyperpy.store.engine.log import Archive
from hyperpy.store.engine.range_index import RangeIndex
from hyperpy.store.protocol import Compacted, Event, StoreError, WatchBatch, WatchLagged

_STEP = 500  # revisions read from the archive at a time


class Past(Protocol):
    """What a watcher needs to know of the store."""

    history: History
    archive: Archive | None
    committed: int
    floor: int


class _Audience:
    """The live watchers of one range."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()

    def tell(self, events: list[Event]) -> None:
        """Hand changes of the range to every watcher."""
        plain: list[Event] | None = None
        for watcher in list(self.watchers):  # one that lags leaves
            if watcher.prev_kv:
                watcher.push(events)
                continue
            if plain is None:
                plain = _without_prev(events)
            watcher.push(plain)


def _without_prev(events: Sequence[Event]) -> list[Event]:
    return [event if event.prev is None else Event(event.type, event.kv) for event in events]


class Broadcaster:
    """The live watchers, by the range they watch."""

    def __init__(self, past: Past, *, watch_events: int) -> None:
        self.past = past
        self._watch_events = watch_events
        self._audiences: dict[tuple[bytes, bytes | None], _Audience] = {}
        self._by_key: dict[bytes, _Audience] = {}
        self._by_range: RangeIndex[_Audience] = RangeIndex()
        self._all: set[Watcher] = set()
        self._early: set[Watcher] = set()  # asked for progress before the revision that they start from

    def open(self, key: bytes, end: bytes | None, *, start_revision: int, prev_kv: bool) -> Watcher:
        """A new watcher. Raises Compacted."""
        if start_revision and start_revision < self.past.floor:
            raise Compacted(self.past.floor)
        start = start_revision or self.past.committed + 1
        watcher = Watcher(self, key, end, start=start, prev_kv=prev_kv, max_events=self._watch_events)
        self._all.add(watcher)
        if start > self.past.committed:
            self.join(watcher)
        return watcher

    def join(self, watcher: Watcher) -> None:
        """From now on the watcher gets every change of its range."""
        key, end = watcher.key, watcher.end
        audience = self._audiences.get((key, end))
        if audience is None:
            audience = self._audiences[key, end] = _Audience()
            if end is None:
                self._by_key[key] = audience
            else:
                self._by_range.add(key, end, audience)
        audience.watchers.add(watcher)

    def leave(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        key, end = watcher.key, watcher.end
        self._all.discard(watcher)
        self._early.discard(watcher)
        audience = self._audiences.get((key, end))
        if audience is None:
            return
        audience.watchers.discard(watcher)
        if audience.watchers:
            return
        del self._audiences[key, end]
        if end is None:
            del self._by_key[key]
        else:
            self._by_range.remove(key, end, audience)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand out the changes of one commit."""
        found: dict[_Audience, list[Event]] = {}
        for event in events:
            name = event.kv.key
            if (audience := self._by_key.get(name)) is not None:
                found.setdefault(audience, []).append(event)
            for audience in self._by_range.at(name):
                found.setdefault(audience, []).append(event)
        for audience, matching in found.items():
            audience.tell(matching)
        for watcher in [early for early in self._early if early.started]:
            self._early.discard(watcher)
            watcher.stir()

    def wake_when_started(self, watcher: Watcher) -> None:
        """Stir a watcher once the store has reached the revision before its first."""
        self._early.add(watcher)

    def close(self, error: StoreError) -> None:
        """End all watches."""
        for watcher in list(self._all):
            watcher.fail(error)


class Watcher:
    """One open watch; see `protocol.Watch`. One reader at a time."""

    def __init__(
        self, broadcaster: Broadcaster, key: bytes, end: bytes | None, *, start: int, prev_kv: bool, max_events: int
    ) -> None:
        self.key = key
        self.end = end
        self.prev_kv = prev_kv
        self._broadcaster = broadcaster
        self._past = broadcaster.past
        self._start = start
        self._cursor: int | None = start if start <= self._past.committed else None  # None: live
        self._max_events = max_events
        self._buffer: list[Event] = []
        self._progress_wanted = False
        self._failure: StoreError | None = None
        self._closed = False
        self._rest: asyncio.Future[None] | None = None  # what the reader waits for, while it does

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        """The next batch. Raises Compacted, WatchLagged, Unavailable; StopAsyncIteration once closed."""
        while True:
            if self._closed:
                raise StopAsyncIteration
            if self._failure is not None:
                raise self._failure
            if self._cursor is not None:
                await self._catch_up(self._cursor)
            if self._buffer:
                events, self._buffer = self._buffer, []
                return WatchBatch(events, self._delivered())
            if self._cursor is not None:
                continue
            if self._progress_wanted and self.started:
                self._progress_wanted = False
                return WatchBatch((), self._past.committed)
            self._rest = asyncio.get_running_loop().create_future()
            try:
                await self._rest
            finally:
                self._rest = None

    async def request_progress(self) -> None:
        """Ask for an empty batch once everything before now was delivered, and a start in the future is reached.

        A mark from before the start would make its reader resume there.
        """
        self._progress_wanted = True
        if self.started:
            self.stir()
        elif not self._closed and self._failure is None:
            self._broadcaster.wake_when_started(self)

    @property
    def started(self) -> bool:
        """Is the next revision one that it wants?"""
        return self._start <= self._past.committed + 1

    def stir(self) -> None:
        """Let the reader look what there is."""
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(None)

    async def aclose(self) -> None:
        """Close the watch; a reader that waits for a batch ends."""
        self._end()
        self._closed = True

    def push(self, events: list[Event]) -> None:
        """Changes of newly committed revisions. The list is other watchers' too."""
        if self._start > events[0].kv.mod_revision:
            events = [event for event in events if event.kv.mod_revision >= self._start]
            if not events:
                return
        if self._buffer and len(self._buffer) + len(events) > self._max_events:
            waiting = len(self._buffer)
            self.fail(
                WatchLagged(f"the watcher has not read {waiting} changes that wait for it; list again and resume")
            )
            return
        self._buffer.extend(events)
        self.stir()

    def fail(self, error: StoreError) -> None:
        """End with an error, at once: what is buffered is dropped."""
        self._failure = error
        self._end()

    def _end(self) -> None:
        self._broadcaster.leave(self)
        self._buffer = []
        self.stir()

    def _delivered(self) -> int:
        return self._past.committed if self._cursor is None else self._cursor - 1

    async def _catch_up(self, cursor: int) -> None:
        """One step towards the newest revision: fills the buffer, moves the cursor."""
        past = self._past
        if cursor < past.floor:
            self.fail(Compacted(past.floor))
            return
        if past.archive is None or cursor >= past.history.start:
            events = past.history.since(cursor, key=self.key, end=self.end)
            self._buffer = events if self.prev_kv else _without_prev(events)
            self._cursor = None
            self._broadcaster.join(self)
            return
        last = min(cursor + _STEP, past.history.start) - 1
        events = await past.archive.changes(self.key, self.end, first=cursor, last=last)
        if self._closed or self._failure is not None:
            return
        if cursor < past.floor:  # what was read may be full of holes
            self.fail(Compacted(past.floor))
            return
        self._buffer = events if self.prev_kv else _without_prev(events)
        self._cursor = last + 1
