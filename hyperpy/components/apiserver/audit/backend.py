"""Takes events off the event loop and into the log: a bounded queue and one task that writes batches in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
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


class Backend:
    """Writes events, in the order in which they came.

    Args:
        blocking: `written` waits until the event is in the log.
    """

    def __init__(self, sink: Sink, instruments: Instruments, *, blocking: bool) -> None:
        self._sink = sink
        self.blocking = blocking
        self._waiting: deque[Pending] = deque()
        self._filled = asyncio.Event()
        self._done = asyncio.Condition()
        self._taken = 0
        self._finished = 0
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
        if len(self._waiting) >= BUFFER:
            self._errors.inc()
            if not self._full:
                log.warning("the audit log cannot keep up: events are lost")
            self._full = True
            return
        self._full = False
        self._events.inc()
        self._waiting.append(pending)
        self._taken += 1
        self._filled.set()

    async def written(self, pending: Pending) -> None:
        """The same, and in blocking mode wait until it is in the log."""
        self.put(pending)
        if self.blocking:
            mark = self._taken
            async with self._done:
                await self._done.wait_for(lambda: self._finished >= mark)

    async def run(self) -> Never:
        """Write until cancelled; then write what waits."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting:
                    await self._write_some()
        finally:
            self._write([self._waiting.popleft() for _ in range(len(self._waiting))])
            self._sink.close()

    async def _write_some(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        writing = asyncio.get_running_loop().run_in_executor(None, self._write, batch)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise
        self._finished += len(batch)
        async with self._done:
            self._done.notify_all()

    def _write(self, batch: list[Pending]) -> None:
        try:
            self._sink.write([event.line(pending) for pending in batch])
        except OSError as error:
            self._errors.inc(len(batch))
            log.error("the audit log cannot be written: %s", error)
