"""Group commit: writes are evaluated one after another, queued, and made durable many at a time.

evaluated ──▶ queued ──group, one append──▶ durable ─▶ shown ─▶ answered
                 └── append fails ──▶ it and everything queued behind it: Unavailable, nothing shown

Bounds: `queued_writes` writes are in the queue, others wait for room, first come first served; a group holds
`group_writes` writes or `group_bytes`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hyperpy.store import failpoints
from hyperpy.store.engine.log import Log, Record
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Event, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


Evaluate = Callable[[], tuple[T, Sequence[Record]]]


@dataclass(slots=True)
class Write:
    """A write in the queue. `done` None: nobody waits for it, and it took no room."""

    evaluate: Evaluate[Any]
    done: asyncio.Future[Any] | None
    records: Sequence[Record] = ()
    answer: object = None
    failure: Exception | None = None


class Pipeline:
    """The way of writes into a log. Owns one task from `start` to `aclose`.

    Args:
        show: called with the records of a group once they are durable.
        undo: called with the records of writes that were evaluated and will never be durable.
    """

    def __init__(
        self,
        journal: Log,
        *,
        options: Options,
        show: Callable[[Sequence[Record]], None],
        undo: Callable[[Sequence[Record]], None],
    ) -> None:
        self._journal = journal
        self._options = options
        self._show = show
        self._undo = undo
        self._queue: deque[Write] = deque()
        self._group: list[Write] = []  # under way to the log
        self._room = asyncio.Semaphore(options.queued_writes)
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        self._refusal: str | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to write."""
        self._task = asyncio.create_task(self._run(), name="store/commit")
        self._task.add_done_callback(self._ended)

    async def write(self, evaluate: Evaluate[T]) -> T:
        """Evaluate a write when there is room, and wait until its records are durable.

        One without records waits too when others are under way, for it may have seen what they are about to do.

        Args:
            evaluate: returns the answer and the records; what it raises is passed on.
        Raises:
            Unavailable: the log could not take it; nothing of it is visible.
        """
        await self._room.acquire()
        try:
            if self._refusal is not None:
                raise Unavailable(self._refusal)
            answer, records = evaluate()
        except BaseException:
            self._room.release()
            raise
        if not records and not self._queue and not self._group:
            self._room.release()
            return answer
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(Write(evaluate, done, records, answer))
        return await done

    def write_unasked(self, evaluate: Evaluate[None]) -> None:
        """Queue a write that nobody waits for, without regard to room; a failure is logged."""
        if self._refusal is None:
            self._enqueue(Write(evaluate, None, evaluate()[1]))

    async def aclose(self) -> None:
        """Refuse new writes, finish those in the queue, end."""
        self._refusal = self._refusal or "the store was closed"
        while self._queue or self._group:
            self._settled.clear()
            await self._settled.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _enqueue(self, write: Write) -> None:
        self._queue.append(write)
        self._work.set()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                self._settled.set()
                self._work.clear()
                await self._work.wait()
            self._group = self._next_group()
            await self._write_group()

    def _next_group(self) -> list[Write]:
        group: list[Write] = []
        size = 0
        while self._queue and len(group) < self._options.group_writes and size < self._options.group_bytes:
            group.append(self._queue.popleft())
            size += sum(len(record.kv.value) for record in group[-1].records if isinstance(record, Event))
        return group

    async def _write_group(self) -> None:
        records = [record for write in self._group for record in write.records]
        try:
            if records:
                await self._journal.append(records)
        except Unavailable as error:
            self._abandon(error)
            return
        self._show(records)
        failpoints.reach("commit/shown")
        done, self._group = self._group, []
        for write in done:
            self._finish(write, None)

    def _abandon(self, error: Unavailable) -> None:
        """Give up the group and all that was evaluated on top of it."""
        writes = [*self._group, *self._queue]
        self._group = []
        self._queue.clear()
        self._undo([record for write in writes for record in write.records])
        if any(write.done is None for write in writes):
            log.warning("the end of leases or compaction has to wait: %s", error)
        for write in writes:
            failure = Unavailable(str(error))
            failure.__cause__ = error
            self._finish(write, failure)

    def _finish(self, write: Write, error: Exception | None) -> None:
        if write.done is None:
            return
        self._room.release()
        if write.done.done():  # its writer was cancelled
            return
        if error is None:
            write.done.set_result(write.answer)
        else:
            write.done.set_exception(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A defect ended the task: refuse writes, present and to come, instead of leaving them to hang."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log.error("the store has stopped writing", exc_info=error)
        self._refusal = f"the store has stopped writing: {error!r}"
        for write in [*self._group, *self._queue]:
            self._finish(write, Unavailable(self._refusal))
        self._group = []
        self._queue.clear()
        self._settled.set()
