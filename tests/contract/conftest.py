"""The store of the contract suite: one fixture, all implementations of `hyperpy.store.protocol.Store`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from store.real_etcd import running_etcd
from store.real_postgres import Postgres
from store.served import served

from hyperpy.store.engine import memory
from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import DeleteRange, Store
from hyperpy.store.sql import postgres, sqlite


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_etcd(tmp_path_factory.mktemp("etcd") / "data") as address:
        yield address


@pytest.fixture(scope="session")
def database(postgresql: Postgres) -> str:
    """The address of one that all tests share, as they share the etcd: one for each would cost half a second."""
    return postgresql.create_database()


@pytest.fixture(params=["memory", "sqlite", "postgres", "etcd", "served"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = await memory.open_store()
    elif request.param == "sqlite":
        opened = await sqlite.open_store(tmp_path / "store.db")
    elif request.param == "postgres":
        opened = await postgres.open_store(request.getfixturevalue("database"))
        await opened.delete(DeleteRange(b"\0", b"\0"))
    elif request.param == "served":  # our own server, spoken to by our own client
        async with served(tmp_path / "store.db") as address:
            opened = await open_etcd([address])
            yield opened
            await opened.aclose()
        return
    else:
        opened = await open_etcd([request.getfixturevalue("etcd")])
        await opened.delete(DeleteRange(b"\0", b"\0"))
    yield opened
    await opened.aclose()
