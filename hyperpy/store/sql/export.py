"""All that a SQLite file holds at one moment: read in one transaction, on a connection of its own, beside commits."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from hyperpy.store.protocol import Event, Export, Lease
from hyperpy.store.sql import reading
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.rows import Damaged, event_of
from hyperpy.store.sql.schema import CHANGES, LEASES, META, ROW

if TYPE_CHECKING:
    import aiosqlite

_ROWS = 500  # read at a time
_FLOOR = select(META.c.number).where(META.c.name == "floor")
_NEWEST = select(func.max(CHANGES.c.revision))


@asynccontextmanager
async def export(path: Path) -> AsyncIterator[Export]:
    """See `protocol.Exporting.export`."""
    import aiosqlite

    connection: aiosqlite.Connection | None = None
    try:
        connection = await aiosqlite.connect(reading.uri(path), uri=True)
        await connection.execute("BEGIN")
        ((floor,),) = await _all(connection, _FLOOR)
        ((newest,),) = await _all(connection, _NEWEST)
        leases = [Lease(lease_id, ttl_s, ttl_s) for lease_id, ttl_s in await _all(connection, select(LEASES))]
        reader = _Reader(connection, floor)
        yield Export(revision=max(1, floor, newest or 0), floor=floor, leases=leases, changes=reader.changes)
    except (sqlite3.Error, OSError, Damaged) as error:
        raise unavailable(error, path) from error
    finally:
        if connection is not None:
            await connection.close()


class _Reader:
    def __init__(self, connection: aiosqlite.Connection, floor: int) -> None:
        self._connection = connection
        self._floor = floor

    async def changes(self) -> AsyncIterator[Sequence[Event]]:
        text, values = _compiled(_kept(self._floor))
        async with self._connection.execute(text, values) as cursor:
            while rows := await cursor.fetchmany(_ROWS):
                yield [event_of(row) for row in rows]


def _kept(floor: int) -> Select[Any]:
    """The log without what a compaction at its floor forgets, whether that is swept away by now or not."""
    newer = CHANGES.alias("newer")
    replaced = exists().where(
        newer.c.key == CHANGES.c.key, newer.c.revision > CHANGES.c.revision, newer.c.revision <= floor
    )
    kept = and_(CHANGES.c.value.is_not(None), ~replaced)
    return select(*ROW).where(or_(CHANGES.c.revision > floor, kept)).order_by(CHANGES.c.position)


async def _all(connection: aiosqlite.Connection, statement: Select[Any]) -> list[Any]:
    return list(await connection.execute_fetchall(*_compiled(statement)))


def _compiled(statement: Select[Any]) -> tuple[str, list[Any]]:
    compiled = statement.compile(
        dialect=SQLiteDialect_pysqlite(paramstyle="qmark"), compile_kwargs={"render_postcompile": True}
    )
    return compiled.string, [compiled.params[name] for name in compiled.positiontup or ()]
