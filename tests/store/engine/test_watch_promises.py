"""What a watch promises, for random writers and watchers: ordered, unique, reliable, atomic, resumable, bookmarkable.

Watchers open in the past, now and in the future, lag, close and resume, while writes, compactions and restarts go on.
What each was told is judged at the end against the list of all events.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.keyspace import in_range
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import (
    Compacted,
    DeleteRange,
    DeleteResult,
    Event,
    EventType,
    FutureRevision,
    KeyValue,
    Put,
    Txn,
    Unavailable,
    Watch,
    WatchBatch,
    WatchLagged,
)
from hyperpy.store.sql.sqlite import open_store

# Catching up comes from the file, and who does not read lags soon.
OPTIONS = Options(window_events=6, watch_events=3, group_writes=3)

Change = Put | DeleteRange | tuple[Put | DeleteRange, ...]


@dataclass(frozen=True)
class Write:
    """Changes by as many writers at once. `others`: the next steps happen after so many turns of the loop."""

    changes: tuple[Change, ...]
    turns: int | None


@dataclass(frozen=True)
class Open:
    key: bytes
    end: bytes | None
    back: int | None  # how far back it starts; below 0 in the future, None: now
    prev_kv: bool


@dataclass(frozen=True)
class Look:
    """Watcher number `who` reads one batch."""

    who: int


@dataclass(frozen=True)
class Resume:
    """It is closed, and opened where it stopped."""

    who: int


@dataclass(frozen=True)
class Compact:
    back: int


@dataclass(frozen=True)
class Restart:
    pass


@dataclass
class Reader:
    """A watcher over all its watches: what it was told of revisions `first` and later."""

    opened: Open
    next: int
    watch: Watch | None = None
    told: list[tuple[int, WatchBatch]] = field(default_factory=list)  # first revision it may hold, the batch


keys = st.sampled_from([b"/a", b"/a/1", b"/a/2", b"/b"])
ends = st.sampled_from([None, b"\0", b"/a0"])
values = st.binary(max_size=2)
single = st.one_of(st.builds(Put, keys, values), st.builds(DeleteRange, keys, ends))
several = st.lists(st.builds(Put, keys, values), min_size=2, max_size=4, unique_by=lambda put: put.key).map(tuple)
writes = st.builds(
    Write, st.lists(st.one_of(single, several), min_size=1, max_size=6).map(tuple), st.none() | st.integers(0, 12)
)
steps = st.lists(
    st.one_of(
        writes,
        writes,
        st.builds(Open, keys, ends, st.none() | st.integers(-3, 12), st.booleans()),
        st.builds(Look, st.integers(0, 5)),
        st.builds(Look, st.integers(0, 5)),
        st.builds(Resume, st.integers(0, 5)),
        st.builds(Compact, st.integers(0, 6)),
        st.builds(Restart),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_every_watcher_is_told_each_change_once_in_order_and_whole(steps: list[object]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Path(directory) / "store.db")
        asyncio.run(run.play(steps))
    run.judge()


class Run:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[Reader] = []
        self._written: dict[int, Change] = {}
        self._writing: list[asyncio.Task[None]] = []
        self._floor = 0

    async def play(self, steps: list[object]) -> None:
        self._store = await open_store(self._path, options=OPTIONS)
        for step in steps:
            await self._step(step)
        await asyncio.gather(*self._writing)
        for reader in self._readers:
            while reader.next <= self._store.committed:
                await self._look(reader)
        await self._store.aclose()

    async def _step(self, step: object) -> None:
        if isinstance(step, Write):
            self._writing += [asyncio.create_task(self._change(self._store, change)) for change in step.changes]
            if step.turns is None:
                await asyncio.gather(*self._writing)
            for _ in range(step.turns or 0):
                await asyncio.sleep(0)
        elif isinstance(step, Open):
            start = self._store.committed + 1 - (step.back or 0)
            self._readers.append(Reader(step, max(1, start)))
            await self._open(self._readers[-1], now=step.back is None)
        elif isinstance(step, Compact):
            await self._compact(self._store.committed - step.back)
        elif isinstance(step, Restart):
            await asyncio.gather(*self._writing)
            await self._store.aclose()
            self._store = await open_store(self._path, options=OPTIONS)
        elif isinstance(step, Look | Resume) and self._readers:
            reader = self._readers[step.who % len(self._readers)]
            if isinstance(step, Look):
                await self._look(reader)
            else:
                await self._close(reader)

    async def _change(self, store: Engine, change: Change) -> None:
        if isinstance(change, Put):
            result = await store.put(change)
        elif isinstance(change, DeleteRange):
            result = await store.delete(change)
            if not result.deleted:
                return
        else:
            result = await store.txn(Txn(success=change))
        assert not (isinstance(result, DeleteResult) and not result.deleted)
        assert result.revision not in self._written
        self._written[result.revision] = change

    async def _compact(self, revision: int) -> None:
        try:
            await self._store.compact(revision)
        except (Compacted, FutureRevision):
            return
        self._floor = max(self._floor, revision)

    async def _open(self, reader: Reader, *, now: bool = False) -> None:
        opened = reader.opened
        try:
            reader.watch = await self._store.watch(
                opened.key, opened.end, start_revision=0 if now else reader.next, prev_kv=opened.prev_kv
            )
        except Compacted as error:
            self._from_floor(reader, error)

    async def _close(self, reader: Reader) -> None:
        if reader.watch is not None:
            await reader.watch.aclose()
            reader.watch = None

    async def _look(self, reader: Reader) -> None:
        """Read one batch, or learn why there is none."""
        if reader.watch is None:
            await self._open(reader)
        if reader.watch is None or reader.next > self._store.committed + 1:
            return
        await reader.watch.request_progress()
        try:
            batch = await anext(aiter(reader.watch))
        except Compacted as error:
            self._from_floor(reader, error)
        except (WatchLagged, Unavailable) as error:
            event(type(error).__name__)
            reader.watch = None
        else:
            assert batch.revision >= reader.next - 1, "a bookmark went back"
            reader.told.append((reader.next, batch))
            reader.next = batch.revision + 1

    def _from_floor(self, reader: Reader, error: Compacted) -> None:
        event("Compacted")
        assert reader.next < error.revision == self._store.floor, "history that is there was refused"
        reader.next = error.revision
        reader.watch = None

    def judge(self) -> None:
        events = _replay(self._written)
        for reader in self._readers:
            opened = reader.opened
            for first, batch in reader.told:
                expected = [
                    change
                    for change in events
                    if first <= change.kv.mod_revision <= batch.revision
                    and in_range(change.kv.key, opened.key, opened.end)
                ]
                assert [(e.type, e.kv) for e in batch.events] == [(e.type, e.kv) for e in expected]
                for told, change in zip(batch.events, expected, strict=True):
                    swept = told.prev is None and change.kv.mod_revision <= self._floor
                    assert told.prev == (change.prev if opened.prev_kv else None) or swept


def _replay(written: dict[int, Change]) -> list[Event]:
    """All events, of the changes in order of their revisions."""
    assert sorted(written) == list(range(2, len(written) + 2)), "a revision is missing or was given twice"
    live: dict[bytes, KeyValue] = {}
    events: list[Event] = []
    for revision, change in sorted(written.items()):
        for operation in change if isinstance(change, tuple) else (change,):
            if isinstance(operation, Put):
                prev = live.get(operation.key)
                created, version = (prev.create_revision, prev.version + 1) if prev else (revision, 1)
                live[operation.key] = KeyValue(operation.key, operation.value, created, revision, version)
                events.append(Event(EventType.PUT, live[operation.key], prev))
            else:
                for key in sorted(key for key in live if in_range(key, operation.key, operation.end)):
                    tombstone = KeyValue(key, b"", 0, revision, 0)
                    events.append(Event(EventType.DELETE, tombstone, live.pop(key)))
    return events
