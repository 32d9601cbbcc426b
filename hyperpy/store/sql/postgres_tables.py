"""The tables in PostgreSQL through SQLAlchemy: migrations, the log as a whole, old history, sweeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, func, select, text

from hyperpy.store.engine.log import Loaded
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Compacted, Event, Get, Range, Unavailable
from hyperpy.store.sql import postgres_schema, rows, schema
from hyperpy.store.sql.archive import SqlArchive
from hyperpy.store.sql.postgres_address import Address
from hyperpy.store.sql.postgres_driver import connect, told
from hyperpy.store.sql.postgres_schema import ALL_REMAINING, MARKS, MIGRATING, OLDEST_SERVER, SWEEPING
from hyperpy.store.sql.schema import META

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_CONNECTIONS = 2
_SWEEP_CHANGES = 500  # of one transaction; no commit waits for it
_CALL_S = 120.0


class PostgresTables(SqlArchive):
    """A pool of two connections: a sweep and a read of old history hold up neither each other nor a commit."""

    def __init__(self, address: Address) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self._address = address
        self._pool = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: connect(address, call_s=_CALL_S),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_CALL_S,
            pool_pre_ping=True,
        )

    async def migrate(self) -> None:
        """Bring the tables to this program's schema, one server at a time. Raises Unavailable."""
        try:
            async with self.transaction() as connection:
                version = connection.dialect.server_version_info or (0,)
                if int(version[0]) < OLDEST_SERVER:
                    raise Unavailable(
                        f"the store {self._address}: PostgreSQL {version[0]} is too old; "
                        f"it takes {OLDEST_SERVER} or later"
                    )
                await connection.execute(select(func.pg_advisory_xact_lock(*MIGRATING)))
                await connection.run_sync(postgres_schema.migrate)
        except (schema.NewerSchema, schema.ForeignFile) as error:
            raise Unavailable(
                f"the store {self._address} cannot be used: {error}; use the version that wrote it, or another database"
            ) from error

    async def load(self, options: Options) -> tuple[Loaded, int]:
        """The log as a whole, and the position of its last record. Raises Unavailable."""
        async with self.transaction(isolation="REPEATABLE READ") as connection:
            return await connection.run_sync(_load, options)

    async def read(self, request: Get) -> Range:
        """The keys of a range as they were at a revision."""
        found = await super().read(request)
        await self._refuse_swept(request.revision)
        return found

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        """The changes of a range from revision `first` to `last`, each with what it replaced where that is left."""
        found = await super().changes(key, end, first=first, last=last)
        await self._refuse_swept(first)
        return found

    async def sweep(self) -> bool:
        """Delete the rows of a few revisions below the floor, unless another server is at it."""
        async with self.transaction() as connection:
            if not (await connection.execute(select(func.pg_try_advisory_xact_lock(*SWEEPING)))).scalar():
                return False
            return await connection.run_sync(_sweep)

    async def aclose(self) -> None:
        """Close the pool."""
        with told(self._address):
            await self._pool.dispose()

    async def _rows(self, statement: Select[Any]) -> list[Any]:
        async with self.transaction() as connection:
            return list((await connection.execute(statement)).all())

    async def _refuse_swept(self, revision: int) -> None:
        """Another server may have raised the floor, and rows be gone that were looked for."""
        ((floor,),) = await self._rows(select(META.c.number).where(META.c.name == "floor"))
        if revision < floor:
            raise Compacted(floor)

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "READ COMMITTED") -> AsyncIterator[AsyncConnection]:
        with told(self._address):
            async with self._pool.connect() as connection:
                await connection.execution_options(isolation_level=isolation)
                async with connection.begin():
                    yield connection


def _load(connection: Connection, options: Options) -> tuple[Loaded, int]:
    position = schema.number(connection, "position")
    loaded = rows.load(connection, options)
    remaining_s = {row.id: row.remaining_s for row in connection.execute(text(ALL_REMAINING))}
    leases = [replace(lease, remaining_s=max(0.0, remaining_s.get(lease.id, 0.0))) for lease in loaded.leases]
    return replace(loaded, leases=leases), position


def _sweep(connection: Connection) -> bool:
    swept, floor = schema.number(connection, "swept"), schema.number(connection, "floor")
    if swept >= floor:
        return False
    rows.sweep(connection, swept, floor, amount=_SWEEP_CHANGES)
    connection.execute(delete(MARKS).where(MARKS.c.revision < schema.number(connection, "swept")))
    return True
