"""The watch-store over a log that several servers share: each has a replica of the state, fed from the log.

A write is evaluated on this replica and takes effect only if the log has nothing newer (see `shared_pipeline`); a read
of the newest state first makes sure that the replica has everything acknowledged before (see `barrier`). The time of a
lease is kept by the log for all; here a timer only says when to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from hyperpy.store.engine.barrier import Barrier
from hyperpy.store.engine.broadcaster import Watcher
from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.engine import Engine, window
from hyperpy.store.engine.keyspace import KeySpace
from hyperpy.store.engine.log import Archive, LeaseRevoked, Loaded, Record, SharedLog
from hyperpy.store.engine.operations import Draft, past_reads
from hyperpy.store.engine.options import Options
from hyperpy.store.engine.pipeline import Pipeline
from hyperpy.store.engine.shared_pipeline import SharedPipeline
from hyperpy.store.protocol import (
    Compacted,
    Event,
    EventType,
    Get,
    InvalidRequest,
    KeyValue,
    Lease,
    LeaseNotFound,
    Range,
    Txn,
    TxnResult,
)


class SharedEngine(Engine):
    """A `Store`, one of several on the same log. It owns the log's local end and archive; see `Engine`.

    Args:
        max_key_bytes: longer keys are refused, for the log cannot take them.
    """

    def __init__(
        self,
        journal: SharedLog,
        archive: Archive,
        loaded: Loaded,
        *,
        options: Options,
        max_key_bytes: int,
        clock: Clock | None = None,
    ) -> None:
        self._shared = journal
        self._options = options
        self._max_key_bytes = max_key_bytes
        self._outlived: set[int] = set()  # leases that have more time than was thought
        super().__init__(journal, archive, loaded, options=options, clock=clock)

    def _make_pipeline(self, clock: Clock, options: Options) -> Pipeline:
        pipeline = SharedPipeline(self._shared, self, clock=clock, options=options)
        self._barrier = Barrier(self._shared.newest, pipeline.reach)
        self._news = pipeline.news
        return pipeline

    def start(self) -> None:
        """Start to write, to sweep, and to follow what others write."""
        super().start()
        self._shared.follow(self._news)

    async def aclose(self) -> None:
        """Finish the writes under way, end the watches, let go of the log."""
        await self._barrier.aclose()
        await super().aclose()

    # -- reads

    async def get(self, request: Get) -> Range:
        """Read; see `protocol.Store.get`."""
        self._refuse_when_closed()
        if not 0 < request.revision <= self.committed:
            await self._barrier.passed()
        return await super().get(request)

    async def revision(self) -> int:
        """The newest committed revision; what `recent` knows reaches at least to it."""
        self._refuse_when_closed()
        await self._barrier.passed()
        return self.committed

    async def watch(
        self, key: bytes, end: bytes | None = None, *, start_revision: int = 0, prev_kv: bool = False
    ) -> Watcher:
        """Changes of a key or range; see `protocol.Store.watch`."""
        self._refuse_when_closed()
        if not start_revision:
            await self._barrier.passed()
        return await super().watch(key, end, start_revision=start_revision, prev_kv=prev_kv)

    async def txn(self, request: Txn) -> TxnResult:
        """Compare and swap."""
        if past_reads(request):
            await self._barrier.passed()
        return await super().txn(request)

    async def size_bytes(self) -> int:
        """Of the whole database; see `protocol.Measured`."""
        return await self._shared.size_bytes()

    def _take_in(self, draft: Draft) -> list[Record]:
        for key in draft.changes:
            if len(key) > self._max_key_bytes:
                raise InvalidRequest(
                    f"a key of {len(key)} bytes is too long for this store, which takes {self._max_key_bytes}"
                )
        return super()._take_in(draft)

    # -- leases

    async def lease_keep_alive(self, lease_id: int) -> Lease:
        """Start its time anew, for all servers."""
        self._refuse_when_closed()
        ttl_s = await self._shared.renew(lease_id)
        if ttl_s is None:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        self._leases.set_remaining(lease_id, ttl_s)
        return Lease(lease_id, ttl_s, ttl_s)

    async def lease_info(self, lease_id: int, *, keys: bool = False) -> Lease:
        """What is left of it."""
        self._refuse_when_closed()
        await self._barrier.passed()
        remaining_s = await self._shared.remaining_s(lease_id)
        if remaining_s is not None:
            self._leases.set_remaining(lease_id, remaining_s)
        # One that is said to be over lives until the log agrees.
        return self._leases.info(lease_id, keys=keys, ending_too=True)

    async def leases(self) -> Sequence[int]:
        """Ids of all live leases."""
        self._refuse_when_closed()
        await self._barrier.passed()
        return self._leases.ids(ending_too=True)

    def _end_expired(self, lease_ids: Sequence[int]) -> None:
        for lease_id in lease_ids:
            self._outlived.discard(lease_id)
            self._pipeline.write_unasked(partial(self._begin_expiry, lease_id))

    def _begin_expiry(self, lease_id: int) -> tuple[None, list[Record]]:
        """The log has the last word: it is asked in the turn, and answers by `set_remaining`."""
        if lease_id in self._outlived or lease_id not in self._leases:
            return None, []
        _, records = self._begin_end_of_lease(lease_id)
        return None, [*records[:-1], LeaseRevoked(lease_id, expired=True)]

    # -- what the pipeline tells

    def show(self, records: Sequence[Record]) -> None:
        """Own records are durable."""
        self._show(records)

    def undo(self, records: Sequence[Record]) -> None:
        """Own records that were evaluated will not be durable as they are."""
        self._undo(records)

    def show_foreign(self, records: Sequence[Record]) -> None:
        """Others' records; nothing of our own is evaluated."""
        before: dict[bytes, KeyValue | None] = {}
        complete: list[Record] = []
        for record in records:
            if isinstance(record, Event):
                key = record.kv.key
                prev = before[key] if key in before else self._live.get(key)
                before[key] = record.kv if record.type is EventType.PUT else None
                complete.append(replace(record, prev=prev))
            else:
                complete.append(record)
        self._show(complete)
        self._undo(())

    def set_remaining(self, remaining_s: Mapping[int, float]) -> None:
        """What is left of leases whose time was thought to be over."""
        for lease_id, seconds in remaining_s.items():
            if seconds > 0:
                self._outlived.add(lease_id)
                self._leases.set_remaining(lease_id, seconds)

    def start_over(self, loaded: Loaded) -> None:
        """The log as a whole, in the place of everything; watches end, for nobody knows what they have missed."""
        self._live = KeySpace(loaded.pairs)
        self.committed, self.floor = loaded.revision, loaded.floor
        self.history = window(loaded, self._options, bounded=True)
        self._leases.clear()
        self._restore_leases(loaded)
        self._undo(())
        self._broadcaster.close(Compacted(loaded.floor))
        self._compaction.committed(self.committed, floor=self.floor)
