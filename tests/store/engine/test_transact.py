"""Transactions that are code: what they see of the writes before them, and what is left of one that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.operations import Draft
from hyperpy.store.protocol import Get, Put
from hyperpy.store.sql.sqlite import open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Engine]:
    store = await open_store(tmp_path / "store.db")
    yield store
    await store.aclose()


def increment(draft: Draft) -> int:
    before = draft.get(b"n")
    after = int(before.value) + 1 if before else 1
    draft.put(Put(b"n", b"%d" % after))
    return after


async def test_each_sees_the_writes_that_are_queued_before_it(store: Engine) -> None:
    assert await asyncio.gather(*(store.transact(increment) for _ in range(100))) == list(range(1, 101))
    assert await store.revision() == 101


async def test_a_look_at_the_newest_state_is_of_one_moment_and_writes_nothing(store: Engine) -> None:
    await store.put(Put(b"n", b"7"))
    queued = asyncio.create_task(store.put(Put(b"n", b"8")))
    await asyncio.sleep(0)
    assert store.inspect(increment) == 8  # not 9: what is queued is not durable yet
    await queued
    assert [pair.value for pair in (await store.get(Get(b"n"))).kvs] == [b"8"]


async def test_one_that_raises_leaves_nothing(store: Engine) -> None:
    def fail(draft: Draft) -> None:
        draft.put(Put(b"n", b"1"))
        raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        await store.transact(fail)
    assert await store.revision() == 1
    assert await store.transact(increment) == 1
