"""Reads of history that memory no longer holds, on a connection of their own so that no commit waits for them."""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from hyperpy.store.protocol import Event, Get, KeyValue, Order, Range, Unavailable
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.reading import uri
from hyperpy.store.sql.rows import WIDTH, Damaged, event_of, pair_of
from hyperpy.store.sql.schema import CHANGES, ROW

if TYPE_CHECKING:
    import aiosqlite


class SqlArchive(ABC):
    """History in the tables of any SQL database."""

    async def read(self, request: Get) -> Range:
        """The keys of a range as they were at a revision."""
        live = _live_at(request)
        counted = await self._rows(select(func.count()).select_from(live.subquery()))
        count = counted[0][0]
        if request.count_only:
            return Range(kvs=(), count=count, more=False, revision=request.revision)
        order = CHANGES.c.key.desc() if request.order is Order.DESCENDING else CHANGES.c.key.asc()
        statement = live.order_by(order)
        if request.limit > 0:
            statement = statement.limit(request.limit)
        kvs = [_pair(row, keys_only=request.keys_only) for row in await self._rows(statement)]
        return Range(kvs=kvs, count=count, more=len(kvs) < count, revision=request.revision)

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        """The changes of a range from revision `first` to `last`, each with what it replaced where that is left."""
        prev = CHANGES.alias("prev")
        columns = [prev.c[column.name] for column in ROW]
        statement = (
            select(*ROW, *columns)
            .outerjoin(prev, and_(prev.c.key == CHANGES.c.key, prev.c.revision == CHANGES.c.prev_revision))
            .where(CHANGES.c.revision.between(first, last), _within(key, end))
            .order_by(CHANGES.c.position)
        )
        return [_event(row) for row in await self._rows(statement)]

    @abstractmethod
    async def _rows(self, statement: Select[Any]) -> list[Any]:
        """What a statement selects. Raises Unavailable."""


class SqliteArchive(SqlArchive):
    """Opened at the first read; most stores never need it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dialect = SQLiteDialect_pysqlite(paramstyle="qmark")
        self._opening = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None
        self._closed = False

    async def read(self, request: Get) -> Range:
        """The keys of a range as they were at a revision."""
        try:
            return await super().read(request)
        except Damaged as error:
            raise unavailable(error, self._path) from error

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        """The changes of a range from revision `first` to `last`, each with what it replaced where that is left."""
        try:
            return await super().changes(key, end, first=first, last=last)
        except Damaged as error:
            raise unavailable(error, self._path) from error

    async def aclose(self) -> None:
        """Close the connection, after a read that is opening it."""
        self._closed = True
        async with self._opening:
            connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _rows(self, statement: Select[Any]) -> list[Any]:
        compiled = statement.compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        try:
            connection = await self._connected()
            return list(await connection.execute_fetchall(compiled.string, values))
        except (sqlite3.Error, OSError) as error:
            raise unavailable(error, self._path) from error

    async def _connected(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._closed:  # or its thread would outlive the store
                raise Unavailable("the store was closed")
            if self._connection is None:
                import aiosqlite

                self._connection = await aiosqlite.connect(uri(self._path), uri=True)
            return self._connection


def _within(key: bytes, end: bytes | None) -> ColumnElement[bool]:
    if end is None:
        return CHANGES.c.key == key
    if end == b"\0":
        return CHANGES.c.key >= key
    return and_(CHANGES.c.key >= key, CHANGES.c.key < end)


def _live_at(request: Get) -> Select[Any]:
    newest = (
        select(CHANGES.c.key.label("key"), func.max(CHANGES.c.revision).label("revision"))
        .where(_within(request.key, request.end), CHANGES.c.revision <= request.revision)
        .group_by(CHANGES.c.key)
        .subquery("newest")
    )
    return (
        select(*ROW)
        .join(newest, and_(CHANGES.c.key == newest.c.key, CHANGES.c.revision == newest.c.revision))
        .where(CHANGES.c.value.is_not(None))
    )


def _pair(row: Sequence[Any], *, keys_only: bool = False) -> KeyValue:
    pair = pair_of(row)
    return replace(pair, value=b"") if keys_only else pair


def _event(row: Sequence[Any]) -> Event:
    prev = None if row[WIDTH] is None else pair_of(row[WIDTH:])
    return replace(event_of(row[:WIDTH]), prev=prev)
