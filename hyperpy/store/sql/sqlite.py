"""The store in a SQLite file: opens it, and keeps the engine's log in it.

Writes go through one thread and one connection: a group of records is one transaction, one sync to disk (WAL,
synchronous=FULL). The newest state and the recent history are in memory; older history is read by `archive`.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, exc, func, select
from sqlalchemy.engine import Engine as Database
from sqlalchemy.pool import StaticPool

from hyperpy.store import failpoints
from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.log import FloorRaised, LeaseGranted, LeaseRevoked, Loaded, Record
from hyperpy.store.engine.options import Options
from hyperpy.store.engine.tally import Tally
from hyperpy.store.protocol import Event, Export, FileFigures, Size, Unavailable
from hyperpy.store.sql import reading, rows, schema, sizes
from hyperpy.store.sql.archive import SqliteArchive
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.export import export
from hyperpy.store.sql.file_lock import FileLock
from hyperpy.store.sql.schema import CHANGES
from hyperpy.store.sql.sweep import Sweeper
from hyperpy.store.sql.wal import Checkpointer, Wal

T = TypeVar("T")

# A step of the sweep goes through more rows than were written since the last one, so that it cannot be outrun. A rest
# follows until nearly as many were written, or for this long, so that writes have the thread first.
_OUTRUN = 1.25
_REST_S = 0.02
_BUSY_S = 1.0  # for another program that holds the file
_COMMIT_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_COMMIT_CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {16 << 20}",
    "wal_autocheckpoint = 0",  # see `wal`
)


async def open_store(where: str | Path, *, options: Options | None = None, clock: Clock | None = None) -> SqliteStore:
    """Open a store, making it when there is none. The caller closes it.

    Args:
        where: path of the SQLite file, or `sqlite:///PATH` (an absolute path makes it four slashes).
        clock: what leases and compaction go by; the running loop when None.
    Raises:
        Unavailable: the file is locked, damaged, another program's or a later version's, or cannot be made.
    """
    options = options or Options()
    failpoints.arm(os.environ)
    path = _path(str(where))
    log = SqliteLog(path, clock or asyncio.get_running_loop())
    loaded = await log.open(options)
    store = SqliteStore(log, loaded, options=options, clock=clock)
    store.start()
    return store


def _path(where: str) -> Path:
    scheme, separator, rest = where.partition("://")
    if not separator:
        return Path(where)
    if scheme != "sqlite" or not rest.startswith("/") or rest == "/":
        raise Unavailable(f"the store address {where!r} is not known here; give a file path or sqlite:///PATH")
    return Path(rest[1:])


class SqliteStore(Engine):
    """The store with what only a file can do: see `protocol.Filed` and `protocol.Exporting`."""

    def __init__(self, log: SqliteLog, loaded: Loaded, *, options: Options, clock: Clock | None) -> None:
        super().__init__(log, log.archive, loaded, options=options, clock=clock)
        self._file = log

    async def size(self) -> Size:
        """How large the file is."""
        return await self._file.size()

    async def defragment(self) -> None:
        """Give free space back to the disk, once what was compacted has left it."""
        await self.swept()
        await self._file.defragment()

    def export(self) -> AbstractAsyncContextManager[Export]:
        """All there is."""
        return self._file.export()


class SqliteLog:
    """The revision log in one SQLite file, written by one thread that this object owns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = FileLock(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-log")
        self._database: Database | None = None
        self._position = 0
        self._written_since = 0  # records since the last step of the sweep
        self._rest_until = 0  # that many; 0: no sweep is under way
        self._rested = asyncio.Event()
        self._checkpoints: Checkpointer | None = None  # None: not open
        self._commit_s = Tally(_COMMIT_S)
        self._commit_changes = Tally(_COMMIT_CHANGES)
        self.archive = SqliteArchive(path)

    async def open(self, options: Options) -> Loaded:
        """Lock the file, bring it to this schema, read it. Raises Unavailable, and then holds nothing."""
        try:
            loaded = await self._do(self._open, options)
        except BaseException:
            await self.aclose()
            raise
        self._checkpoints = Checkpointer(self._wal, self._in_thread, self._clock)
        return loaded

    async def append(self, records: Sequence[Record]) -> None:
        """One transaction; durable when this returns."""
        begun = time.perf_counter()
        await self._do(self._append, records)
        self._commit_s.add(time.perf_counter() - begun)
        self._commit_changes.add(len(records))
        self._copy_when_due()
        self._written_since += len(records)
        if self._written_since >= self._rest_until:
            self._rested.set()

    async def sweep(self) -> bool:
        """A small step of forgetting, and a rest for the writes to come. False: there is nothing to do."""
        at_least = int(self._written_since * _OUTRUN) if self._rest_until else 0
        self._written_since = 0
        went_through = await self._do(self._sweeper.step, at_least)
        self._copy_when_due()
        self._rest_until = int(went_through / _OUTRUN)
        if went_through:
            await self._rest()
        return went_through > 0

    async def _rest(self) -> None:
        self._rested = asyncio.Event()
        try:
            async with asyncio.timeout(_REST_S):
                await self._rested.wait()
        except TimeoutError:
            pass

    async def size(self) -> Size:
        """How large the database is; what waits in the WAL counts as if it were in its place."""
        return await self._do(self._size)

    def export(self) -> AbstractAsyncContextManager[Export]:
        """All there is, on a connection of its own."""
        return export(self._path)

    async def defragment(self) -> None:
        """Give every free page back to the disk, some at a time, then bring the file to its size."""
        while await self._do(self._sweeper.give_back):
            self._copy_when_due()
        await self._do(self._wal.checkpoint)

    async def figures(self) -> FileFigures:
        """See `engine.log.FileLog`."""
        free_bytes = await self._do(lambda: reading.free_bytes(self._connection))
        size = sizes.of(self._path)
        return FileFigures(
            size.file_bytes, size.wal_bytes, free_bytes, self._commit_s.spread(), self._commit_changes.spread()
        )

    async def aclose(self) -> None:
        """Close the file and unlock it."""
        await self.archive.aclose()
        if self._checkpoints is not None:
            await self._checkpoints.stop()
        await self._in_thread(self._close)
        self._thread.shutdown()

    def _copy_when_due(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.written()

    def _in_thread(self, action: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, action, *args)

    async def _do(self, action: Callable[..., T], *args: Any) -> T:
        try:
            return await self._in_thread(action, *args)
        except (exc.DBAPIError, sqlite3.Error, OSError, rows.Damaged) as error:
            raise unavailable(error, self._path) from error

    # -- in the thread

    def _open(self, options: Options) -> Loaded:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        failpoints.reach("open/locked")
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # AUTOCOMMIT: transactions are begun and ended here in so many words, never by the driver.
        database = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(self._path, timeout=_BUSY_S, check_same_thread=False),
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
        )
        self._connection = database.connect()
        self._database = database
        for pragma in _PRAGMAS:
            self._connection.exec_driver_sql(f"PRAGMA {pragma}")
        try:
            self._in_transaction(self._migrate)
        except (schema.NewerSchema, schema.ForeignFile) as error:
            raise Unavailable(
                f"the store {self._path} cannot be used: {error}; use the version that wrote it, or another directory"
            ) from error
        self._prepare()
        loaded = rows.load(self._connection, options)
        failpoints.reach("open/loaded")
        return loaded

    def _migrate(self) -> None:
        schema.migrate(self._connection)
        failpoints.reach("open/migrated")

    def _prepare(self) -> None:
        dialect = self._connection.dialect
        self._insert_change = schema.insert_change(dialect).text
        self._insert_lease = schema.insert_lease(dialect).text
        self._delete_lease = schema.delete_lease(dialect).text
        self._update_number = schema.update_number(dialect).text
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver
        self._wal = Wal(driver, self._path)
        self._sweeper = Sweeper(self._connection, driver, self._wal)
        self._position = self._connection.execute(select(func.max(CHANGES.c.position))).scalar() or 0

    def _size(self) -> Size:
        page, pages, free = (
            int(self._driver.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        return Size(total=pages * page, used=(pages - free) * page)

    def _in_transaction(self, action: Callable[[], T]) -> T:
        self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            result = action()
            self._connection.exec_driver_sql("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return result

    def _roll_back(self) -> None:
        driver = self._connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
            driver.execute("ROLLBACK")

    def _append(self, records: Sequence[Record]) -> None:
        """The hot path: straight on the driver, with the statements rendered when the file was opened."""
        position = self._position
        changes = []
        size = 0
        for record in records:
            if isinstance(record, Event):
                position += 1
                size += len(record.kv.value)
                changes.append(rows.row(position, record))
        failpoints.reach("commit/begin")
        self._driver.execute("BEGIN IMMEDIATE")
        try:
            self._driver.executemany(self._insert_change, changes)
            failpoints.reach("commit/rows")
            if len(changes) != len(records):
                self._append_others(records)
            failpoints.reach("commit/commit")
            self._driver.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self._position = position
        self._wal.wrote(rows=len(changes), size=size)
        failpoints.reach("commit/durable")

    def _append_others(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, LeaseGranted):
                self._driver.execute(self._insert_lease, (record.id, record.ttl_s))
                failpoints.reach("lease/granted")
            elif isinstance(record, LeaseRevoked):
                self._driver.execute(self._delete_lease, (record.id,))
                failpoints.reach("lease/ended")
            elif isinstance(record, FloorRaised):
                self._driver.execute(self._update_number, (record.revision, "floor"))
                failpoints.reach("floor/raised")

    def _close(self) -> None:
        try:
            if self._database is not None:
                self._connection.close()
                self._database.dispose()
                self._database = None
        finally:
            self._lock.release()
