"""The store in PostgreSQL under the same load: its connections are cut, its server dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from store.faults import journal, load
from store.faults.verify import verify
from store.real_postgres import Postgres

from hyperpy.store.protocol import Store, prefix_end
from hyperpy.store.sql import postgres


def _cut(server: Postgres, address: str) -> None:
    server.cut_connections(address)


def _crash(server: Postgres, address: str) -> None:
    server.stop(mode="immediate")
    server.start()


async def _reached(store: Store, revision: int) -> None:
    watch = await store.watch(load.ROOT, prefix_end(load.ROOT))
    async for batch in watch:
        if batch.revision >= revision:
            break
    await watch.aclose()


@pytest.mark.parametrize("fault", [_cut, _crash], ids=["connections are cut", "the server dies"])
async def test_a_load_on_a_database_that_fails_loses_nothing_acknowledged(
    postgresql: Postgres, tmp_path: Path, fault: Callable[[Postgres, str], None]
) -> None:
    address, file = postgresql.create_database(), tmp_path / "journal"
    for seed in range(3):
        store = await postgres.open_store(address, wait_s=10)
        book = journal.Journal(file)
        shape = load.Shape(writers=4, steps=300)
        begin = await store.revision()
        loading = asyncio.create_task(load.run(store, book, journal.read(file), shape=shape, seed=seed))
        await _reached(store, begin + 30)
        await asyncio.to_thread(fault, postgresql, address)
        await loading
        await store.aclose()
        store = await postgres.open_store(address, wait_s=10)
        assert await verify(store, book, journal.read(file)) == []
        await store.aclose()
        book.close()
