"""Recorded histories of many servers on one PostgreSQL, each with a client of its own, while that crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from store.histories.recording import record
from store.real_postgres import Postgres

from hyperpy.store.protocol import Store
from hyperpy.store.sql import postgres

Break = Callable[[], Awaitable[None]]


def breaking(server: Postgres, address: str, how: str) -> Break:
    """Ends every connection, with or without the server."""

    async def cut() -> None:
        await asyncio.to_thread(server.cut_connections, address)

    async def crash() -> None:
        await asyncio.to_thread(server.stop, mode="immediate")
        await asyncio.to_thread(server.start)

    return cut if how == "connections cut" else crash


async def keep_every_promise(server: Postgres, how: str, *, kills: int, calls: int, seed: int = 0) -> None:
    address = server.create_database()

    async def connect() -> Store:
        return await postgres.open_store(address)

    history = await record(connect, breaking(server, address, how), times=kills, calls=calls, seed=seed)
    history.check()
    assert any(call.answer is None for call in history.calls), "no call was under way when the connections broke"


WAYS = pytest.mark.parametrize("how", ["connections cut", "crashed"])


@WAYS
async def test_a_history_of_many_servers_keeps_every_promise(postgresql: Postgres, how: str) -> None:
    await keep_every_promise(postgresql, how, kills=3, calls=300)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@WAYS
async def test_a_long_history_of_many_servers_keeps_every_promise(postgresql: Postgres, how: str, seed: int) -> None:
    await keep_every_promise(postgresql, how, kills=10, calls=1000, seed=seed * 100)
