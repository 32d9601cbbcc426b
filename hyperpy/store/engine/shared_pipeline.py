"""Group commit into a log that others append to as well.

queued ─▶ evaluated ──group, one append──▶ durable ─▶ shown ─▶ answered
              ▲            └── others were first: undone, their records shown ──▶ turn ──┐
              └──────────────── evaluated again, while the turn keeps others waiting ────┘

A write is evaluated when its group is made, not before, so that nothing behind the group has to be undone. Answers
that change nothing, and refusals, wait for the group too: only the log can tell that they were not given on an old
state. A group that meets foreign records gets its turn at once and so cannot starve.

Bounds: those of `pipeline`. Foreign records are read in steps of the log's choice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from hyperpy.store.engine.clock import Clock, Timer
from hyperpy.store.engine.log import Behind, LeaseRevoked, Loaded, Overtaken, Record, SharedLog
from hyperpy.store.engine.options import Options
from hyperpy.store.engine.pipeline import Evaluate, Pipeline, T, Write
from hyperpy.store.protocol import Event, StoreError, Unavailable

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class Replica(Protocol):
    """The state that the log's records make."""

    def show(self, records: Sequence[Record]) -> None:
        """Own records are durable."""

    def undo(self, records: Sequence[Record]) -> None:
        """Own records that were evaluated will not be durable as they are."""

    def show_foreign(self, records: Sequence[Record]) -> None:
        """Others' records; nothing of our own is evaluated."""

    def set_remaining(self, remaining_s: Mapping[int, float]) -> None:
        """What is left of leases whose time was thought to be over."""

    def start_over(self, loaded: Loaded) -> None:
        """The log as a whole, in the place of everything."""


class SharedPipeline(Pipeline):
    """The way of writes into a shared log, and of others' records out of it. Owns one task from `start` to `aclose`.

    Args:
        clock: for the second try after foreign records could not be read.
    """

    def __init__(self, journal: SharedLog, replica: Replica, *, clock: Clock, options: Options) -> None:
        super().__init__(journal, options=options, show=replica.show, undo=replica.undo)
        self._shared = journal
        self._replica = replica
        self._clock = clock
        self._shown = self._wanted = journal.position
        self._arriving: list[tuple[int, asyncio.Future[None]]] = []
        self._retry: Timer | None = None

    async def write(self, evaluate: Evaluate[T]) -> T:
        """Queue a write when there is room, and wait until its records are durable.

        Args:
            evaluate: returns the answer and the records; called again when others' records change the state. What it
                raises in the end is passed on.
        Raises:
            Unavailable: the log could not take it, or nobody knows whether it did.
        """
        await self._room.acquire()
        if self._refusal is not None:
            self._room.release()
            raise Unavailable(self._refusal)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(Write(evaluate, done))
        return await done

    def write_unasked(self, evaluate: Evaluate[None]) -> None:
        """Queue a write that nobody waits for, without regard to room; a failure is logged."""
        if self._refusal is None:
            self._enqueue(Write(evaluate, None))

    def news(self, position: int | None) -> None:
        """The log has records up to a position; None: nobody knows what was missed."""
        self._wanted = max(self._wanted, self._shown + 1 if position is None else position)
        self._work.set()

    async def reach(self, position: int) -> None:
        """Wait until the replica shows a position that is in the log. Raises Unavailable."""
        if position <= self._shown:
            return
        if self._refusal is not None:
            raise Unavailable(self._refusal)
        there: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arriving.append((position, there))
        self.news(position)
        await there

    async def aclose(self) -> None:
        """Refuse new writes, finish those in the queue, end."""
        await super().aclose()
        if self._retry is not None:
            self._retry.cancel()
        self._arrive(Unavailable(self._refusal or ""), up_to=self._wanted)

    async def _run(self) -> None:
        while True:
            if self._queue:
                self._group = self._next_group()
                await self._write_group()
            elif self._wanted > self._shown:
                await self._follow()
            else:
                self._settled.set()
                self._work.clear()
                await self._work.wait()

    def _next_group(self) -> list[Write]:
        group: list[Write] = []
        size = 0
        while self._queue and len(group) < self._options.group_writes and size < self._options.group_bytes:
            write = self._queue.popleft()
            _run(write)
            group.append(write)
            size += sum(len(record.kv.value) for record in write.records if isinstance(record, Event))
        return group

    async def _write_group(self) -> None:
        try:
            await self._append()
        except Unavailable as error:
            self._arrived()  # what others did may have been shown
            self._abandon(error)
            self._arrive(error, up_to=self._wanted)
            return
        self._show(self._records())
        self._arrived()
        done, self._group = self._group, []
        for write in done:
            self._finish(write, write.failure)

    async def _append(self) -> None:
        try:
            if not self._said_to_be_over():
                await self._shared.append(self._records())
                return
        except Behind:
            pass
        while True:
            try:
                await self._pull()
                async with self._shared.turn(self._said_to_be_over()) as turn:
                    self._again(turn.foreign, turn.remaining_s)
                    await turn.append(self._records())
                return
            except Overtaken:
                await self._read_anew()

    def _again(self, foreign: Sequence[Record], remaining_s: Mapping[int, float]) -> None:
        self._undo_group()
        self._replica.show_foreign(foreign)
        self._replica.set_remaining(remaining_s)
        for write in self._group:
            _run(write)

    async def _pull(self) -> None:
        """Show what others appended, in steps; the group is left undone then, but can be asked for its leases."""
        while True:
            pulled = await self._shared.pull()
            if pulled.records:
                self._again(pulled.records, {})
                self._arrived()
            if not pulled.more:
                return

    async def _read_anew(self) -> None:
        log.warning("history that this server has not seen yet is gone: everything is read anew, watches begin anew")
        loaded = await self._shared.reload()
        self._undo_group()
        self._replica.start_over(loaded)
        for write in self._group:
            _run(write)
        self._arrived()

    async def _follow(self) -> None:
        """Bring the replica up to date while there is nothing to write."""
        wanted = self._wanted
        try:
            try:
                await self._pull()
            except Overtaken:
                await self._read_anew()
        except Unavailable as error:
            log.info("others' changes cannot be read: %s", error)
            self._wanted = self._shown
            self._arrive(error, up_to=wanted)
            self._try_again_later()
            return
        if self._wanted == wanted:
            self._wanted = self._shown
        self._arrive(Unavailable("the store has lost its newest changes: it was restored or failed over"), up_to=wanted)

    def _try_again_later(self) -> None:
        if self._retry is None and self._refusal is None:
            self._retry = self._clock.call_at(self._clock.time() + _RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.news(None)

    def _arrived(self) -> None:
        self._shown = self._shared.position
        self._arrive(None, up_to=self._shown)

    def _arrive(self, error: Unavailable | None, *, up_to: int) -> None:
        """Let go of those that wait for positions up to one."""
        staying = []
        for position, there in self._arriving:
            if position > up_to:
                staying.append((position, there))
            elif not there.done():
                if error is None:
                    there.set_result(None)
                else:
                    there.set_exception(Unavailable(str(error)))
        self._arriving = staying

    def _ended(self, task: asyncio.Task[None]) -> None:
        super()._ended(task)
        if self._refusal is not None:
            self._arrive(Unavailable(self._refusal), up_to=self._wanted)

    def _records(self) -> list[Record]:
        return [record for write in self._group for record in write.records]

    def _said_to_be_over(self) -> list[int]:
        return [record.id for record in self._records() if isinstance(record, LeaseRevoked) and record.expired]

    def _undo_group(self) -> None:
        self._undo(self._records())
        for write in self._group:
            write.records = ()


def _run(write: Write) -> None:
    """Evaluate a write; what that raises is for its writer."""
    write.answer, write.records, write.failure = None, (), None
    try:
        write.answer, write.records = write.evaluate()
    except StoreError as error:
        write.failure = error
    except Exception as error:
        write.failure = error
        if write.done is None:
            log.error("a write that nobody waits for is dropped", exc_info=error)
