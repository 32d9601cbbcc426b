"""Stores that tests make, and looks into their files past the store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from hyperpy.store.engine.engine import Engine
from hyperpy.store.protocol import DeleteRange, Put
from hyperpy.store.sql.sqlite import open_store


@contextmanager
def database_of(path: Path) -> Iterator[sqlite3.Connection]:
    """The file itself, past the store; what is done to it is committed."""
    with closing(sqlite3.connect(path)) as database, database:
        yield database


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Engine]:
    """A store, closed at the end."""
    store = await open_store(path)
    try:
        yield store
    finally:
        await store.aclose()


async def fill(store: Engine) -> None:
    """Revisions 2 to 34: ten keys three times over, one of them deleted and made again, another deleted, a lease."""
    for i in range(30):
        await store.put(Put(b"/k%d" % (i % 10), b"%d" % i))
    await store.delete(DeleteRange(b"/k0"))
    lease = await store.lease_grant(60, lease_id=7)
    await store.put(Put(b"/k0", b"back", lease=lease.id))
    await store.delete(DeleteRange(b"/k1"))


async def until_swept(path: Path, floor: int) -> None:
    """Wait until nothing is left below a floor."""
    async with asyncio.timeout(10):
        while True:
            with database_of(path) as database:
                (swept,) = database.execute("SELECT number FROM meta WHERE name = 'swept'").fetchone()
            if swept >= floor:
                return
            await asyncio.sleep(0.005)
