"""The store in a PostgreSQL database, where several servers share one revision log.

A commit is one statement that is its own transaction; the row with the log's position is the lock, so the order of
commits is the order of revisions. Who finds that others have moved the position takes its turn: it holds that row,
reads what is new, evaluates again and appends. A notification in the same transaction wakes the other servers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.log import (
    Behind,
    FloorRaised,
    Foreign,
    LeaseGranted,
    LeaseRevoked,
    Loaded,
    Overtaken,
    Record,
)
from hyperpy.store.engine.options import Options
from hyperpy.store.engine.shared import SharedEngine
from hyperpy.store.protocol import Event, Unavailable
from hyperpy.store.sql import postgres_address, postgres_driver, rows, schema
from hyperpy.store.sql import postgres_schema as sql
from hyperpy.store.sql.postgres_address import Address
from hyperpy.store.sql.postgres_driver import Session
from hyperpy.store.sql.postgres_errors import passing
from hyperpy.store.sql.postgres_tables import PostgresTables

if TYPE_CHECKING:
    import asyncpg

log = logging.getLogger(__name__)

_PULL = 1000  # records a step
_ALL = 1 << 62
_FIRST_RETRY_S = 0.1
_LAST_RETRY_S = 5.0
_COLUMNS = 9
_ROW = tuple(column.name for column in schema.ROW)

Row = tuple[int | bytes | None, ...]


async def open_store(
    where: str, *, options: Options | None = None, clock: Clock | None = None, wait_s: float = 0.0
) -> SharedEngine:
    """Open a store in a database, making its tables when there are none. The caller closes it.

    Args:
        where: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`
        clock: what timers go by; the running loop when None. Deadlines of leases go by the database's.
        wait_s: for so long a server that is not there yet is waited for.
    Raises:
        Unavailable: the address is wrong, or the database cannot be reached or used.
    """
    options = options or Options()
    journal = PostgresLog(postgres_address.parse(where), options)
    try:
        loaded = await journal.open(wait_s)
    except BaseException:
        await journal.aclose()
        raise
    engine = SharedEngine(
        journal, journal.tables, loaded, options=options, max_key_bytes=sql.MAX_KEY_BYTES, clock=clock
    )
    engine.start()
    return engine


class PostgresLog:
    """One server's end of the log; see `engine.log.SharedLog`. Five connections at most, and a task that listens."""

    def __init__(self, address: Address, options: Options) -> None:
        self.tables = PostgresTables(address)
        self.position = 0
        self._revision = 0  # of the newest change up to that position
        self._address = address
        self._options = options
        self._writer = Session(address)
        self._reader = Session(address)
        self._follower: asyncio.Task[None] | None = None

    async def open(self, wait_s: float) -> Loaded:
        """Bring the tables to this schema and read the log. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        tries = 0
        while True:
            try:
                await self.tables.migrate()
                return await self.reload()
            except Unavailable as error:
                if loop.time() >= end or not passing(error.__cause__):
                    raise
                tries += 1
                if tries == 1:
                    log.warning("%s; waiting up to %.0f s for it", error, wait_s)
            await asyncio.sleep(min(_FIRST_RETRY_S * 2**tries, 1.0))

    async def reload(self) -> Loaded:
        """Read the log as a whole."""
        loaded, self.position = await self.tables.load(self._options)
        self._revision = loaded.revision
        return loaded

    async def append(self, records: Sequence[Record]) -> None:
        """One statement; what is not a change takes more of them, and so a turn."""
        if not all(isinstance(record, Event) for record in records):
            raise Behind
        if not records:
            if await self.newest() != self.position:
                raise Behind
            return
        async with self._writer.use(unsure=True) as connection:
            await self._write_changes(connection, records)
        self._advance(records)

    async def pull(self) -> Foreign:
        """The next records of others, a thousand at most."""
        for attempt in (1, 2):
            try:
                async with self._writer.use() as connection:
                    return await self._pull(connection, up_to=self.position + _PULL)
            except Unavailable:
                if attempt == 2:
                    raise
        raise AssertionError

    @asynccontextmanager
    async def turn(self, leases: Collection[int]) -> AsyncIterator[_Turn]:
        """The row with the position is held until the end."""
        async with self._writer.use(unsure=True) as connection:
            async with connection.transaction():
                await connection.fetchval(sql.TAKE_TURN)
                held = await connection.fetch(sql.HOLD_DEADLINES, list(leases)) if leases else []
                # Last, for what it returns counts as known from here on.
                foreign = await self._pull(connection, up_to=_ALL)
                turn = _Turn(self, connection, foreign.records, {row["id"]: row["remaining_s"] for row in held})
                yield turn
            self._advance(turn.appended)

    async def newest(self) -> int:
        """The position in the database."""
        async with self._reader.use() as connection:
            return int(await connection.fetchval(sql.NEWEST))

    async def renew(self, lease_id: int) -> int | None:
        """Start a lease's time anew; its seconds, or None."""
        async with self._reader.use(unsure=True) as connection:
            return await connection.fetchval(sql.RENEW, lease_id)

    async def remaining_s(self, lease_id: int) -> float | None:
        """What is left of a lease by the database's clock."""
        async with self._reader.use() as connection:
            row = await connection.fetchrow(sql.REMAINING, lease_id)
        return None if row is None else max(0.0, row["remaining_s"])

    async def size_bytes(self) -> int:
        """Of the whole database. Raises Unavailable."""
        async with self._reader.use() as connection:
            return int(await connection.fetchval(sql.SIZE))

    async def sweep(self) -> bool:
        """Delete the rows of a few revisions below the floor; their space is reused after the next autovacuum."""
        return await self.tables.sweep()

    def follow(self, news: Callable[[int | None], None]) -> None:
        """Listen in a task of its own, again and again."""
        self._follower = asyncio.create_task(self._listen(news), name="store/follow")

    async def aclose(self) -> None:
        """Stop to listen, close the connections."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._writer.aclose()
        await self._reader.aclose()
        await self.tables.aclose()

    async def _listen(self, news: Callable[[int | None], None]) -> None:
        wait_s = _FIRST_RETRY_S

        def ready() -> None:
            nonlocal wait_s
            wait_s = _FIRST_RETRY_S
            news(None)

        def heard(payload: str) -> None:
            news(int(payload) if payload.isdecimal() else None)  # anybody may notify

        while True:
            try:
                await postgres_driver.listen(self._address, sql.CHANNEL, heard, ready=ready)
                log.warning("the store %s: the connection was lost; connecting again", self._address)
            except Unavailable as error:
                log.warning("%s; connecting again in %.1f s", error, wait_s)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, _LAST_RETRY_S)

    async def _write_changes(self, connection: asyncpg.Connection[Any], records: Sequence[Record]) -> None:
        """The changes among records that follow our position, and the position after them all. Raises Behind."""
        changes = [
            rows.row(position, record)
            for position, record in enumerate(records, self.position + 1)
            if isinstance(record, Event)
        ]
        columns = list(zip(*changes, strict=True)) or [()] * _COLUMNS
        written = await connection.fetch(sql.APPEND, self.position, self.position + len(records), *columns)
        if not written:
            raise Behind

    async def _pull(self, connection: asyncpg.Connection[Any], *, up_to: int) -> Foreign:
        found = await connection.fetch(sql.PULL, self.position, up_to)
        numbers = {row["kind"]: row["revision"] for row in found if not row["position"]}
        if numbers["swept"] > self._revision:
            raise Overtaken
        newest = numbers["position"]
        if newest < self.position:
            raise Unavailable(
                f"the store {self._address} has lost changes that this server has seen: it was restored, or failed "
                "over to a copy that was not up to date; start all API servers again"
            )
        records = [_record(row) for row in found if row["position"]]
        self.position = min(newest, up_to)
        self._note_revision(records)
        return Foreign(records, more=self.position < newest)

    def _advance(self, records: Sequence[Record]) -> None:
        self.position += len(records)
        self._note_revision(records)

    def _note_revision(self, records: Sequence[Record]) -> None:
        for record in reversed(records):
            if isinstance(record, Event):
                self._revision = record.kv.mod_revision
                return


class _Turn:
    """See `engine.log.Turn`."""

    def __init__(
        self,
        journal: PostgresLog,
        connection: asyncpg.Connection[Any],
        foreign: Sequence[Record],
        remaining_s: Mapping[int, float],
    ) -> None:
        self.foreign = foreign
        self.remaining_s = remaining_s
        self.appended: Sequence[Record] = ()
        self._journal = journal
        self._connection = connection

    async def append(self, records: Sequence[Record]) -> None:
        """Once at most. Durable when the turn has ended without an error."""
        if not records:
            return
        await self._journal._write_changes(self._connection, records)
        if marks := self._marks(records):
            await self._connection.executemany(sql.ADD_MARK, marks)
            await self._keep_leases(records)
        for record in records:
            if isinstance(record, FloorRaised):
                await self._connection.execute(sql.RAISE_FLOOR, record.revision)
        self.appended = records

    def _marks(self, records: Sequence[Record]) -> list[tuple[int, int, str, int, int]]:
        marks = []
        revision = self._journal._revision
        for position, record in enumerate(records, self._journal.position + 1):
            if isinstance(record, Event):
                revision = record.kv.mod_revision
            elif isinstance(record, LeaseGranted):
                marks.append((position, revision, "granted", record.id, record.ttl_s))
            elif isinstance(record, LeaseRevoked):
                marks.append((position, revision, "revoked", record.id, 0))
            else:
                marks.append((position, revision, "floor", record.revision, 0))
        return marks

    async def _keep_leases(self, records: Sequence[Record]) -> None:
        ended = [(record.id,) for record in records if isinstance(record, LeaseRevoked)]
        begun = [(record.id, record.ttl_s) for record in records if isinstance(record, LeaseGranted)]
        if ended:
            await self._connection.executemany(sql.DROP_DEADLINE, ended)
            await self._connection.executemany(sql.DROP_LEASE, ended)
        if begun:
            await self._connection.executemany(sql.ADD_LEASE, begun)
            await self._connection.executemany(sql.ADD_DEADLINE, begun)


def _record(row: Mapping[str, Any]) -> Record:
    kind = row["kind"]
    if kind == "change":
        return rows.event_of([row[name] for name in _ROW])
    if kind == "granted":
        return LeaseGranted(row["create_revision"], row["version"])
    if kind == "revoked":
        return LeaseRevoked(row["create_revision"])
    return FloorRaised(row["create_revision"])
