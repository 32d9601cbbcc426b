"""Recorded histories of servers that are killed: linearizable, one order of revisions, and a watch without a gap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from store.histories.recording import record
from store.histories.servers import Server, debian_etcd, hyperpy_etcd

Start = Callable[[Path], AbstractAsyncContextManager[Server]]

KINDS = pytest.mark.parametrize("start", [hyperpy_etcd, debian_etcd], ids=["hyperpy etcd", "etcd"])


@KINDS
async def test_a_history_under_kills_and_restarts_keeps_every_promise(tmp_path: Path, start: Start) -> None:
    async with start(tmp_path) as server:
        history = await record(server.connect, server.kill_and_restart, kills=4, calls=400)
    history.check()
    assert any(call.answer is None for call in history.calls), "no call was under way when the server was killed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@KINDS
async def test_a_long_history_under_many_kills_keeps_every_promise(tmp_path: Path, start: Start, seed: int) -> None:
    async with start(tmp_path) as server:
        history = await record(server.connect, server.kill_and_restart, kills=10, calls=1000, seed=seed * 100)
    history.check()
