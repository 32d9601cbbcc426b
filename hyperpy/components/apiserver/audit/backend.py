"""Takes events off the event loop and into the log: a bounded queue and one task that writes batches in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Never, Protocol

from hyperpy.components.apiserver.audit import event
from hyperpy.components.apiserver.audit.event import Pending
from hyperpy.components.instruments import Instruments

log = logging.getLogger(__name__)

#: Events that may wait; beyond, new ones are lost, counted and told (Kubernetes' `--audit-log-batch-buffer-size`).
BUFFER = 10_000
#: Events written at once.
BATCH = 400

BATCH_MODE, BLOCKING_MODE = "batch", "blocking"
MODES = (BATCH_MODE, BLOCKING_MODE)


class Sink(Protocol):
    """Where lines go. Blocking; raises OSError."""

    def write(self, lines: list[bytes]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event in the queue, and who waits until it is in the log."""

    pending: Pending
    done: asyncio.Future[None] | None = None


class Backend:
    """Writes events, in the order in which they came.

    Args:
        blocking: `written` waits until the event is in the log.
        buffer: events that may wait.
    """

    def __init__(self, sink: Sink, instruments: Instruments, *, blocking: bool, buffer: int = BUFFER) -> None:
        self._sink = sink
        self._blocking = blocking
        self._buffer = buffer
        self._queue: deque[_Waiting] = deque()
        self._filled = asyncio.Event()
        self._full = False
        self._events = instruments.counter(
            "apiserver_audit_event_total", "Counter of audit events generated and sent to the audit backend."
        ).child()
        self._errors = instruments.counter(
            "apiserver_audit_error_total",
            "Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the "
            "error.",
            ("plugin",),
        ).child("log")

    def put(self, pending: Pending) -> None:
        """Have an event written, soon. When too many wait it is lost, and that is counted."""
        self._put(_Waiting(pending))

    async def written(self, pending: Pending) -> None:
        """The same, and in blocking mode wait until it is in the log."""
        if not self._blocking:
            return self.put(pending)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._put(_Waiting(pending, done)):
            await done
        return None

    def _put(self, waiting: _Waiting) -> bool:
        if len(self._queue) >= self._buffer:
            self._errors.inc()
            if not self._full:
                log.warning("the audit log cannot keep up: events are lost")
            self._full = True
            return False
        self._full = False
        self._events.inc()
        self._queue.append(waiting)
        self._filled.set()
        return True

    async def run(self) -> Never:
        """Write until cancelled; then write what waits."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._queue:
                    await self._write_some()
        finally:
            self._finish(self._write(self._take(len(self._queue))))
            self._sink.close()

    def _take(self, most: int) -> list[_Waiting]:
        return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]

    async def _write_some(self) -> None:
        batch = self._take(BATCH)
        writing = asyncio.get_running_loop().run_in_executor(None, self._write, batch)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        finally:
            self._finish(batch)

    def _write(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Runs in a thread."""
        if batch:
            try:
                self._sink.write([event.line(waiting.pending) for waiting in batch])
            except OSError as error:
                self._errors.inc(len(batch))
                log.error("the audit log cannot be written: %s", error)
        return batch

    def _finish(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            if waiting.done is not None and not waiting.done.done():
                waiting.done.set_result(None)
