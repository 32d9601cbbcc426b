"""The write-ahead log of a SQLite file: copied into the file often enough, and watched for a reader that prevents it.

Only the writing connection does this, in its thread and between two commits: of SQLite before 3.51.3, two connections
that write and checkpoint at the same moment can damage a file (sqlite.org/wal.html, "The WAL-Reset Bug").

    usual ──more than 64 MiB that a reader holds──▶ held up (one warning) ──the reader has gone──▶ cut ──▶ usual
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hyperpy.store import failpoints
from hyperpy.store.engine.clock import Clock, Timer
from hyperpy.store.sql import sizes

log = logging.getLogger(__name__)

_EVERY_PAGES = 2000  # 8 MiB; copying them takes about as long as a large commit
_LARGE_BYTES = 64 << 20
_RETRY_S = 30.0  # between two looks at a WAL that is held up while nobody writes


class Wal:
    """Counts what is written; in the thread of the writing connection, `held_up` apart."""

    def __init__(self, driver: sqlite3.Connection, path: Path) -> None:
        self._driver = driver
        self._path = path
        self._file = path.with_name(path.name + "-wal")
        self._pages = 0
        self.held_up = False

    def wrote(self, *, rows: int, size: int) -> None:
        """A transaction was committed; the pages that it wrote are guessed: one of an index a row, and the values."""
        self._pages += 2 + rows + size // 4096

    @property
    def due(self) -> bool:
        """Is it time to copy?"""
        return self._pages >= _EVERY_PAGES

    def checkpoint(self) -> None:
        """Copy what no reader holds; the next write then begins the WAL anew. Raises sqlite3.Error, OSError."""
        self._pages = 0
        failpoints.reach("checkpoint/begin")
        _, pages, copied = self._driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        failpoints.reach("checkpoint/end")
        if copied < pages:
            size = sizes.of(self._path).wal_bytes
            if size > _LARGE_BYTES and not self.held_up:
                self.held_up = True
                log.warning(
                    "the write-ahead log %s has grown to %d MiB, for a reader holds it; writes go on, and it is cut "
                    "when that reader ends: look for a program that has %s open (fuser %s)",
                    self._file, size >> 20, self._path.name, self._path,
                )  # fmt: skip
        elif self.held_up:
            self._cut()

    def _cut(self) -> None:
        """Give the space back. A reader that comes in this moment is not waited for: the next look will do."""
        (usual_ms,) = self._driver.execute("PRAGMA busy_timeout").fetchone()
        self._driver.execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._driver.execute(f"PRAGMA busy_timeout = {usual_ms}")
        if not busy:
            self.held_up = False
            log.info("the write-ahead log %s is small again", self._file)


class Checkpointer:
    """Has the WAL copied after writes were answered, so that no writer waits for that; the next ones stand behind it.

    Args:
        run: runs a function in the thread of the writing connection.
        clock: for the look at a WAL that is held up.
    """

    def __init__(self, wal: Wal, run: Callable[[Callable[[], None]], asyncio.Future[None]], clock: Clock) -> None:
        self._wal = wal
        self._run = run
        self._clock = clock
        self._running: asyncio.Future[None] | None = None
        self._timer: Timer | None = None
        self._failed = False

    def written(self) -> None:
        """A transaction was committed: copy when it is time to."""
        if self._wal.due:
            self._copy()

    async def stop(self) -> None:
        """Wait for the copying under way and do no more of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is not None:
            running, self._running = self._running, None
            await asyncio.gather(running, return_exceptions=True)

    def _copy(self) -> None:
        if self._running is None:
            self._running = self._run(self._wal.checkpoint)
            self._running.add_done_callback(self._copied)

    def _copied(self, running: asyncio.Future[None]) -> None:
        if self._running is None:  # stopped
            return
        self._running = None
        error = None if running.cancelled() else running.exception()
        if error is not None and not self._failed:
            log.warning("the write-ahead log grows until it can be copied: %s", error)
        self._failed = error is not None
        if self._wal.held_up and self._timer is None:
            self._timer = self._clock.call_at(self._clock.time() + _RETRY_S, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._copy()
