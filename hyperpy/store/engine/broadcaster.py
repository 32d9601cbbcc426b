"""Hands committed changes to watchers: each change once, in order, whole revisions together.

catching up ──cursor reaches the newest revision──▶ live ──buffer overflows──▶ lagged (WatchLagged)
     └── its history is compacted ──▶ Compacted      └── aclose() ──▶ closed

A watcher that starts in the past first reads history, in steps, from its cursor. The step that reaches the newest
revision and the entry into the live table happen with no await between them, so nothing falls in a gap.
Overflow rule: a live watcher's buffer holds `watch_events` changes; what does not fit closes it with WatchLagged.
One group of changes always fits an empty buffer, however large.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Protocol

from hyperpy.store.engine.history import History
from hyperpy.store.engine.keyspace import in_range
from hyperpy.store.engine.log import Archive
from hyperpy.store.protocol import Compacted, Event, StoreError, Unavailable, WatchBatch, WatchLagged

_STEP = 500  # revisions read from the archive at a time


class Past(Protocol):
    """What a watcher needs to know of the store."""

    history: History
    archive: Archive | None
    committed: int
    floor: int


class Broadcaster:
    """The live watchers, by the range they watch."""

    def __init__(self, past: Past, *, watch_events: int) -> None:
        self.past = past
        self._watch_events = watch_events
        self._by_key: dict[bytes, set[Watcher]] = {}
        self._by_range: dict[tuple[bytes, bytes], set[Watcher]] = {}
        self._all: set[Watcher] = set()

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
        self._set_of(watcher).add(watcher)

    def leave(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self._all.discard(watcher)
        watchers = self._set_of(watcher)
        watchers.discard(watcher)
        if not watchers:
            if watcher.end is None:
                del self._by_key[watcher.key]
            else:
                del self._by_range[watcher.key, watcher.end]

    def publish(self, events: Sequence[Event]) -> None:
        """Hand out the changes of one commit."""
        found: dict[Watcher, list[Event]] = {}
        for event in events:
            name = event.kv.key
            for watcher in self._by_key.get(name, ()):
                found.setdefault(watcher, []).append(event)
            for (key, end), watchers in self._by_range.items():
                if in_range(name, key, end):
                    for watcher in watchers:
                        found.setdefault(watcher, []).append(event)
        for watcher, matching in found.items():
            watcher.push(matching)

    def close(self) -> None:
        """End all watches: the store is closing."""
        for watcher in list(self._all):
            watcher.fail(Unavailable("the store was closed"))

    def _set_of(self, watcher: Watcher) -> set[Watcher]:
        if watcher.end is None:
            return self._by_key.setdefault(watcher.key, set())
        return self._by_range.setdefault((watcher.key, watcher.end), set())


class Watcher:
    """One open watch; see `protocol.Watch`. One reader at a time."""

    def __init__(
        self, broadcaster: Broadcaster, key: bytes, end: bytes | None, *, start: int, prev_kv: bool, max_events: int
    ) -> None:
        self.key = key
        self.end = end
        self._broadcaster = broadcaster
        self._past = broadcaster.past
        self._start = start
        self._cursor: int | None = start if start <= self._past.committed else None  # None: live
        self._prev_kv = prev_kv
        self._max_events = max_events
        self._buffer: list[Event] = []
        self._progress_wanted = False
        self._failure: StoreError | None = None
        self._closed = False
        self._stirred = asyncio.Event()

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
                return WatchBatch(self._dressed(events), self._delivered())
            if self._cursor is not None:
                continue
            if self._progress_wanted:
                self._progress_wanted = False
                return WatchBatch((), self._past.committed)
            self._stirred.clear()
            await self._stirred.wait()

    async def request_progress(self) -> None:
        """Ask for an empty batch once everything before now was delivered."""
        self._progress_wanted = True
        self._stirred.set()

    async def aclose(self) -> None:
        """Close the watch; a reader that waits for a batch ends."""
        self._end()
        self._closed = True

    def push(self, events: list[Event]) -> None:
        """Changes of newly committed revisions."""
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
        self._stirred.set()

    def fail(self, error: StoreError) -> None:
        """End with an error, at once: what is buffered is dropped."""
        self._failure = error
        self._end()

    def _end(self) -> None:
        self._broadcaster.leave(self)
        self._buffer = []
        self._stirred.set()

    def _delivered(self) -> int:
        return self._past.committed if self._cursor is None else self._cursor - 1

    async def _catch_up(self, cursor: int) -> None:
        """One step towards the newest revision: fills the buffer, moves the cursor."""
        past = self._past
        if cursor < past.floor:
            self.fail(Compacted(past.floor))
            return
        if past.archive is None or cursor >= past.history.start:
            self._buffer = past.history.since(cursor, key=self.key, end=self.end)
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
        self._buffer = events
        self._cursor = last + 1

    def _dressed(self, events: list[Event]) -> list[Event]:
        return events if self._prev_kv else [replace(event, prev=None) for event in events]
