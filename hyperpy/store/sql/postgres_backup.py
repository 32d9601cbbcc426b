"""A store in PostgreSQL checked, compacted, copied into a SQLite file, and filled from one: the way between the two."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, delete, func, insert, select, text
from sqlalchemy.pool import StaticPool

from hyperpy.store.protocol import Compacted, Unavailable
from hyperpy.store.sql import backup, check, postgres, postgres_address, reading, schema
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.postgres_schema import DEADLINES, MARKS, MAX_KEY_BYTES
from hyperpy.store.sql.postgres_tables import PostgresTables
from hyperpy.store.sql.reading import Figures
from hyperpy.store.sql.schema import CHANGES, LEASES

T = TypeVar("T")

_STEP = 1000  # rows at a time
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'hyperpy' AND pid <> pg_backend_pid()"""
_DEADLINES = "INSERT INTO deadlines (id, ends) SELECT id, clock_timestamp() + ttl_s * interval '1 second' FROM leases"


async def findings(where: str) -> tuple[list[str], Figures]:
    """What breaks a rule of the log, and what it holds. Raises Unavailable."""
    return await _in_one_moment(where, lambda connection: (list(check.findings(connection)), _figures(connection)))


async def compact(where: str) -> Figures:
    """Forget all history, while servers may go on using the store; the database reuses the space after its vacuum."""
    store = await postgres.open_store(where)
    try:
        try:
            await store.compact(await store.revision())
        except Compacted:  # nothing was written since the last time
            pass
    finally:
        await store.aclose()
    tables = PostgresTables(postgres_address.parse(where))
    try:
        while await tables.sweep():
            pass
    finally:
        await tables.aclose()
    return await _in_one_moment(where, _figures)


async def snapshot(where: str, target: Path, *, force: bool) -> Figures:
    """See `backup.snapshot`; servers may go on using the store."""
    with backup.whole(target, force=force) as part:
        await _in_one_moment(where, lambda connection: _write(connection, part))
        with reading.opened(part) as copy:
            return reading.figures(copy)


async def restore(source: Path, where: str, *, bump: int, force: bool) -> backup.Restored:
    """See `backup.restore`. What the database held is lost.

    Args:
        force: even when it held something.
    Raises:
        Unavailable: a server uses the database, it holds something, or the snapshot is damaged or does not fit.
    """
    tables = PostgresTables(postgres_address.parse(where))
    try:
        with reading.opened(source) as snapshot_of:
            snapshot_of.exec_driver_sql("BEGIN")
            backup.refuse_broken(snapshot_of, source)
            _refuse_long_keys(snapshot_of, source)
            await tables.migrate()
            async with tables.transaction() as connection:
                return await connection.run_sync(_fill, snapshot_of, bump, force)
    finally:
        await tables.aclose()


async def _in_one_moment(where: str, action: Callable[[Connection], T]) -> T:
    async with _reading(where) as connection:
        return await connection.run_sync(action)


@asynccontextmanager
async def _reading(where: str) -> AsyncIterator[Any]:
    address = postgres_address.parse(where)
    tables = PostgresTables(address)
    try:
        async with tables.transaction(isolation="REPEATABLE READ") as connection:
            await connection.run_sync(schema.require)
            yield connection
    except (schema.NewerSchema, schema.ForeignFile) as error:
        raise Unavailable(f"the store {address} cannot be used: {error}") from error
    finally:
        await tables.aclose()


def _figures(connection: Connection) -> Figures:
    return reading.figures(connection)


def _write(connection: Connection, target: Path) -> None:
    """The log into a new SQLite file. Positions are counted anew: there, nothing but changes has one."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        with closing(_new_file(target)) as copy:
            schema.migrate(copy)
            position = 0
            for rows in _batches(connection):
                for row in rows:
                    position += 1
                    row["position"] = position
                copy.execute(insert(CHANGES), rows)
            leases = [dict(row._mapping) for row in connection.execute(select(LEASES))]
            if leases:
                copy.execute(insert(LEASES), leases)
            for name in ("floor", "swept"):
                schema.set_number(copy, name, schema.number(connection, name))
            copy.commit()
    except (sqlite3.Error, OSError) as error:
        raise unavailable(error, target) from error


def _new_file(path: Path) -> Connection:
    database = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=StaticPool)
    connection = database.connect()
    connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
    return connection


def _batches(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """All changes in order; with keys that tell where the next batch begins, so that none is held open."""
    after, columns = -1, schema.columns(connection)
    while True:
        found = connection.execute(
            select(*columns).where(CHANGES.c.position > after).order_by(CHANGES.c.position).limit(_STEP)
        )
        rows = [dict(row._mapping) for row in found]
        if not rows:
            return
        after = rows[-1]["position"]
        yield rows


def _fill(connection: Connection, source: Connection, bump: int, force: bool) -> backup.Restored:
    position = connection.execute(text("SELECT number FROM meta WHERE name = 'position' FOR UPDATE")).scalar_one()
    if connection.execute(text(_OTHERS)).scalar_one():
        raise Unavailable("the database is in use by a hyperpy; stop all API servers that use it")
    before = reading.figures(connection)
    if before.keys and not force:
        raise Unavailable(
            f"the database holds {before.keys} keys, which would be lost; take a snapshot of them, then use --force"
        )
    for table in (CHANGES, LEASES, MARKS, DEADLINES):
        connection.execute(delete(table))
    for rows in _batches(source):
        for row in rows:
            position += 1
            row["position"] = position
        connection.execute(insert(CHANGES), rows)
    leases = [dict(row._mapping) for row in source.execute(select(LEASES))]
    if leases:
        connection.execute(insert(LEASES), leases)
        connection.execute(text(_DEADLINES))
    copied = reading.figures(source)
    revision = max(copied.revision, before.revision) + bump
    for name, number in (("position", position + 1), ("floor", revision), ("swept", copied.swept)):
        schema.set_number(connection, name, number)
    return backup.Restored(copied, revision, None)


def _refuse_long_keys(source: Connection, path: Path) -> None:
    longest = source.execute(select(func.max(func.length(CHANGES.c.key)))).scalar() or 0
    if longest > MAX_KEY_BYTES:
        raise Unavailable(f"{path} has a key of {longest} bytes; PostgreSQL takes up to {MAX_KEY_BYTES}")
