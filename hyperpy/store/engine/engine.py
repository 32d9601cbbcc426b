"""The watch-store over any durable log: holds the live set and recent history, answers, publishes.

A write is evaluated against the live set with the writes queued before it laid over; it becomes visible, and its
events go to the watchers, when its group is durable (see `pipeline`). Reads of the newest state never wait.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from hyperpy.store.engine.broadcaster import Broadcaster, Watcher
from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.compaction import CompactionTimer
from hyperpy.store.engine.history import History
from hyperpy.store.engine.keyspace import KeySpace
from hyperpy.store.engine.leases import Leases
from hyperpy.store.engine.log import Archive, FileLog, FloorRaised, LeaseGranted, LeaseRevoked, Loaded, Log, Record
from hyperpy.store.engine.operations import Draft, Operation, Result, check, past_reads
from hyperpy.store.engine.options import Options
from hyperpy.store.engine.pipeline import Pipeline
from hyperpy.store.protocol import (
    Compacted,
    DeleteRange,
    DeleteResult,
    Event,
    EventType,
    Figures,
    FutureRevision,
    Get,
    Lease,
    LeaseExists,
    Put,
    PutResult,
    Range,
    Txn,
    TxnResult,
    Unavailable,
    WatchBatch,
)

log = logging.getLogger(__name__)

T = TypeVar("T")


class Engine:
    """A `Store`. It owns its log and archive, and two tasks from `start` to `aclose`.

    Args:
        journal: where records are made durable.
        archive: reads of history older than the window in memory; None: the window holds all of it.
        loaded: what the log held when it was opened.
        clock: what leases and compaction go by; the running loop when None.
    """

    def __init__(
        self, journal: Log, archive: Archive | None, loaded: Loaded, *, options: Options, clock: Clock | None = None
    ) -> None:
        clock = clock or asyncio.get_running_loop()
        self.archive = archive
        self.committed = loaded.revision
        self.floor = loaded.floor
        self.history = window(loaded, options, bounded=archive is not None)
        self._journal = journal
        self._live = KeySpace(loaded.pairs)
        self._broadcaster = Broadcaster(self, watch_events=options.watch_events)
        self._leases = Leases(clock, self._end_expired)
        self._compaction = CompactionTimer(clock, options, self._compact_unasked)
        self._pipeline = self._make_pipeline(clock, options)
        # What the queue will make of the state: revision of its last change, newest change of each key,
        # leases about to be granted, the floor.
        self._head = loaded.revision
        self._queued: dict[bytes, Event] = {}
        self._granting: set[int] = set()
        self._raising = loaded.floor
        self._sweep_due = asyncio.Event()
        self._sweep_failed = False
        self._swept = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False
        self._restore_leases(loaded)

    def _make_pipeline(self, clock: Clock, options: Options) -> Pipeline:
        return Pipeline(self._journal, options=options, show=self._show, undo=self._undo)

    def start(self) -> None:
        """Start to write and to sweep."""
        self._pipeline.start()
        self._sweep_due.set()
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="store/sweep")
        self._sweeper.add_done_callback(_report_defect)
        self._compaction.committed(self.committed, floor=self.floor)

    async def aclose(self) -> None:
        """Finish the writes under way, end the watches, let go of the log."""
        if self._closed:
            return
        self._closed = True
        self._leases.stop()
        self._compaction.stop()
        await self._pipeline.aclose()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        self._swept.set()  # nobody is left to wait for
        self._broadcaster.close(Unavailable("the store was closed"))
        await self._journal.aclose()

    # -- reads

    async def get(self, request: Get) -> Range:
        """Read; see `protocol.Store.get`."""
        check(request)
        self._refuse_when_closed()
        at = request.revision
        if not at or at == self.committed:
            return self._live.read(request, {}, revision=self.committed)
        self._refuse_out_of_history(at)
        if self.archive is None or at + 1 >= self.history.start:
            changed = self.history.undo(at, key=request.key, end=request.end)
            return self._live.read(request, changed, revision=at)
        found = await self.archive.read(request)
        self._refuse_out_of_history(at)  # it may have been swept away while it was read
        return found

    async def revision(self) -> int:
        """The newest committed revision."""
        self._refuse_when_closed()
        return self.committed

    async def figures(self) -> Figures:
        """How it goes; see `protocol.Observed`."""
        self._refuse_when_closed()
        file = await self._journal.figures() if isinstance(self._journal, FileLog) else None
        return Figures(self.committed, self.floor, file)

    def stamps(self) -> bool:
        """Revisions are assigned when a write is evaluated; see `protocol.Stamping`."""
        return True

    def recent(self, key: bytes, end: bytes, *, after: int) -> WatchBatch | None:
        """The changes of a range after a revision, or None; see `protocol.Recent.recent`."""
        self._refuse_when_closed()
        if after + 1 < self.history.start:
            return None
        events = self.history.since(after + 1, key=key, end=end) if after < self.committed else ()
        return WatchBatch(events, self.committed)

    async def watch(
        self, key: bytes, end: bytes | None = None, *, start_revision: int = 0, prev_kv: bool = False
    ) -> Watcher:
        """Changes of a key or range; see `protocol.Store.watch`."""
        self._refuse_when_closed()
        return self._broadcaster.open(key, end, start_revision=start_revision, prev_kv=prev_kv)

    def _refuse_out_of_history(self, revision: int) -> None:
        if revision > self.committed:
            raise FutureRevision(f"required revision {revision} is a future revision (now {self.committed})")
        if revision < self.floor:
            raise Compacted(self.floor)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Unavailable("the store was closed")

    # -- writes

    async def put(self, request: Put) -> PutResult:
        """Write one key."""
        check(request)
        result = await self._pipeline.write(partial(self._evaluate, request, {}))
        assert isinstance(result, PutResult)
        return result

    async def delete(self, request: DeleteRange) -> DeleteResult:
        """Delete a key or a range."""
        check(request)
        result = await self._pipeline.write(partial(self._evaluate, request, {}))
        assert isinstance(result, DeleteResult)
        return result

    async def txn(self, request: Txn) -> TxnResult:
        """Compare and swap."""
        check(request)
        # Old revisions never change, so they are read before the transaction takes its place in the queue;
        # those out of history are left for the draft to refuse, when the branch that asks is taken.
        reads = [read for read in past_reads(request) if self.floor <= read.revision <= self.committed]
        past = {read: await self.get(read) for read in reads}
        result = await self._pipeline.write(partial(self._evaluate, request, past))
        assert isinstance(result, TxnResult)
        return result

    async def compact(self, revision: int) -> None:
        """Forget history below `revision`; returns when that is durable, the rows go in the background."""
        await self._pipeline.write(partial(self._begin_compaction, revision))

    def inspect(self, action: Callable[[Draft], T]) -> T:
        """Read the newest committed state in more than one look, at once. What `action` writes is dropped."""
        self._refuse_when_closed()
        revision, floor = self.committed, self.floor
        return action(Draft(self._live, {}, revision=revision, floor=floor, has_lease=bool, past={}))

    async def transact(self, action: Callable[[Draft], T]) -> T:
        """Read and write as one transaction, without a second try: `action` sees the writes queued before it.

        Args:
            action: returns the answer, which is given once its writes are durable; quick, without side effects. What
                it raises is passed on, and then nothing is written.
        Raises:
            Unavailable: the log could not take it; nothing of it is visible.
        """
        return await self._pipeline.write(partial(self._run, action))

    def _run(self, action: Callable[[Draft], T]) -> tuple[T, list[Record]]:
        draft = self._draft({})
        return action(draft), self._take_in(draft)

    async def swept(self) -> None:
        """Wait for the rows too; see `protocol.Sweeping`. A sweep that the disk refused counts as done."""
        await self._swept.wait()
        self._refuse_when_closed()

    def _evaluate(self, operation: Operation, past: dict[Get, Range]) -> tuple[Result, list[Record]]:
        draft = self._draft(past)
        result = draft.run(operation)
        return result, self._take_in(draft)

    def _draft(self, past: dict[Get, Range]) -> Draft:
        return Draft(
            self._live,
            self._queued,
            revision=self._head,
            floor=self._raising,
            has_lease=self._leases.__contains__,
            past=past,
        )

    def _take_in(self, draft: Draft) -> list[Record]:
        """Make a draft's changes part of what later writes see."""
        if draft.changes:
            self._head = draft.revision
            self._queued.update(draft.changes)
        return list(draft.changes.values())

    def _begin_compaction(self, revision: int) -> tuple[None, list[Record]]:
        if revision > self.committed:
            raise FutureRevision(f"required revision {revision} is a future revision (now {self.committed})")
        if revision <= self._raising:
            raise Compacted(self._raising)
        self._raising = revision
        return None, [FloorRaised(revision)]

    def _compact_unasked(self, revision: int) -> None:
        if revision > self._raising:
            self._pipeline.write_unasked(partial(self._begin_compaction, revision))

    # -- leases

    async def lease_grant(self, ttl_s: int, *, lease_id: int = 0) -> Lease:
        """Make a lease of at least one second."""
        return await self._pipeline.write(partial(self._begin_lease, max(1, ttl_s), lease_id))

    async def lease_keep_alive(self, lease_id: int) -> Lease:
        """Start its time anew. A restart of the store does the same to all leases, so this is not written."""
        self._refuse_when_closed()
        return self._leases.renew(lease_id)

    async def lease_revoke(self, lease_id: int) -> None:
        """End it and delete its keys, all under one revision."""
        await self._pipeline.write(partial(self._begin_end_of_lease, lease_id))

    async def lease_info(self, lease_id: int, *, keys: bool = False) -> Lease:
        """What is left of it."""
        self._refuse_when_closed()
        return self._leases.info(lease_id, keys=keys)

    async def leases(self) -> Sequence[int]:
        """Ids of all live leases."""
        self._refuse_when_closed()
        return self._leases.ids()

    def _begin_lease(self, ttl_s: int, lease_id: int) -> tuple[Lease, list[Record]]:
        while not lease_id:
            drawn = random.getrandbits(62)
            lease_id = 0 if self._lease_taken(drawn) else drawn
        if self._lease_taken(lease_id):
            raise LeaseExists(f"lease already exists: {lease_id:x}")
        self._granting.add(lease_id)
        return Lease(lease_id, ttl_s, ttl_s), [LeaseGranted(lease_id, ttl_s)]

    def _lease_taken(self, lease_id: int) -> bool:
        return lease_id in self._granting or self._leases.taken(lease_id)

    def _begin_end_of_lease(self, lease_id: int) -> tuple[None, list[Record]]:
        draft = self._draft({})
        for key in sorted({*self._leases.keys(lease_id), *self._queued}):
            if draft.lease_of(key) == lease_id:
                draft.delete(DeleteRange(key))
        self._leases.begin_end(lease_id)
        return None, [*self._take_in(draft), LeaseRevoked(lease_id)]

    def _end_expired(self, lease_ids: Sequence[int]) -> None:
        for lease_id in lease_ids:
            self._pipeline.write_unasked(partial(self._begin_end_of_lease, lease_id))

    def _restore_leases(self, loaded: Loaded) -> None:
        for lease in loaded.leases:
            self._leases.add(lease.id, lease.ttl_s, remaining_s=lease.remaining_s)
        for pair in loaded.pairs:
            if pair.lease:
                self._leases.attach(pair.lease, pair.key)

    # -- once it is durable, or never will be

    def _show(self, records: Sequence[Record]) -> None:
        """Make durable records visible, then tell the watchers."""
        events: list[Event] = []
        for record in records:
            if isinstance(record, Event):
                self._show_change(record)
                events.append(record)
            elif isinstance(record, LeaseGranted):
                self._granting.discard(record.id)
                self._leases.add(record.id, record.ttl_s)
            elif isinstance(record, LeaseRevoked):
                self._leases.remove(record.id)
            else:
                self._show_floor(record.revision)
        if events:
            self.committed = events[-1].kv.mod_revision
            self.history.extend(events)
            self._broadcaster.publish(events)
        if self._sweep_failed:  # a disk that takes commits again may take this too
            self._sweep_due.set()
        self._compaction.committed(self.committed, floor=self.floor)

    def _show_change(self, event: Event) -> None:
        key = event.kv.key
        if event.type is EventType.PUT:
            self._live.set(event.kv)
        else:
            self._live.remove(key)
        if self._queued.get(key) is event:
            del self._queued[key]
        if event.prev is not None and event.prev.lease:
            self._leases.detach(event.prev.lease, key)
        if event.kv.lease:
            self._leases.attach(event.kv.lease, key)

    def _show_floor(self, revision: int) -> None:
        self.floor = revision
        if self.archive is None:
            self.history.forget(revision)
        self._swept.clear()
        self._sweep_due.set()

    def _undo(self, records: Sequence[Record]) -> None:
        """The queue was given up with these records in it."""
        self._queued.clear()
        self._head = self.committed
        self._raising = self.floor
        for record in records:
            if isinstance(record, LeaseGranted):
                self._granting.discard(record.id)
            elif isinstance(record, LeaseRevoked):
                self._leases.cancel_end(record.id)

    async def _sweep_forever(self) -> None:
        while True:
            await self._sweep_due.wait()
            self._sweep_due.clear()
            try:
                while await self._journal.sweep():
                    pass
                self._sweep_failed = False
            except Unavailable as error:
                if not self._sweep_failed:
                    log.warning("old history cannot be given up now; tried again with later writes: %s", error)
                self._sweep_failed = True
            if not self._sweep_due.is_set():
                self._swept.set()


def window(loaded: Loaded, options: Options, *, bounded: bool) -> History:
    """The recent history that a log held when it was read."""
    window = History(
        start=loaded.recent_after + 1,
        max_events=options.window_events if bounded else None,
        max_bytes=options.window_bytes if bounded else None,
    )
    window.extend(loaded.recent)
    return window


def _report_defect(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("%s has stopped; history is no longer given up", task.get_name(), exc_info=error)
