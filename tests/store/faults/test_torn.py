"""What a power cut leaves of the last writes: opening finds a beginning of the commits, never a mixture.

STORE_FAULTS=N looks at N times as many places.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.store.engine.engine import Engine
from hyperpy.store.protocol import DeleteRange, Get, KeyValue, Put, Txn, prefix_end
from hyperpy.store.sql.sqlite import open_store

EXAMPLES = 60 * int(os.environ.get("STORE_FAULTS", "1"))

State = tuple[int, tuple[KeyValue, ...], tuple[int, ...]]  # revision, pairs, leases


@dataclass(frozen=True, slots=True)
class Image:
    """The bytes of a store that nobody had the time to close, and its states after each commit."""

    database: bytes
    wal: bytes
    checkpointed: bytes  # the database file after all of the WAL was copied into it
    states: list[State]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Made once."""
    return asyncio.run(_made(tmp_path_factory.mktemp("image") / "store.db"))


async def _made(path: Path) -> Image:
    store = await open_store(path)
    await store.put(Put(b"/first", bytes(9000)))
    await store.aclose()  # all of this is in the database file
    store = await open_store(path)
    states = [await _state(store)]
    for number in range(14):
        await _step(store, number)
        states.append(await _state(store))
    database, wal = path.read_bytes(), path.with_name("store.db-wal").read_bytes()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
    image = Image(database, wal, path.read_bytes(), states)
    await store.aclose()
    return image


async def _step(store: Engine, number: int) -> None:
    if number % 5 == 1:
        await store.lease_grant(3600, lease_id=number)
    elif number % 5 == 3:
        await store.delete(DeleteRange(b"/a/", prefix_end(b"/a/")))
    elif number == 9:
        await store.lease_revoke(6)
    else:
        puts = [Put(b"/a/%d" % i, b"%d " % number + bytes(i * 1500)) for i in range(4)]
        await store.txn(Txn([], [*puts, DeleteRange(b"/first"), Put(b"/b/%d" % number, b"")]))


async def _state(store: Engine) -> State:
    found = await store.get(Get(b"/", prefix_end(b"/")))
    return await store.revision(), tuple(found.kvs), tuple(await store.leases())


@contextmanager
def opened(database: bytes, wal: bytes) -> Iterator[State]:
    """The state that is found in such files; a write must go on from there."""
    directory = Path(tempfile.mkdtemp())
    try:
        (directory / "store.db").write_bytes(database)
        (directory / "store.db-wal").write_bytes(wal)
        yield asyncio.run(_read(directory / "store.db"))
    finally:
        shutil.rmtree(directory)


async def _read(path: Path) -> State:
    store = await open_store(path)
    state = await _state(store)
    history = await store.watch(b"/", prefix_end(b"/"), start_revision=2)
    await history.request_progress()
    events = (await anext(history)).events
    assert sorted({event.kv.mod_revision for event in events}) == list(range(2, state[0] + 1))
    assert (await store.put(Put(b"/next", b""))).revision == state[0] + 1
    await store.aclose()
    return state


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_log_cut_at_any_byte_gives_a_beginning_of_the_commits(image: Image, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(image.wal)))
    with opened(image.database, image.wal[:at]) as state:
        assert state in image.states
        if at == len(image.wal):
            assert state == image.states[-1]


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_log_whose_tail_is_garbage_gives_a_beginning_of_the_commits(image: Image, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(image.wal) - 1))
    garbage = data.draw(st.binary(min_size=1, max_size=64))
    wal = bytearray(image.wal)
    wal[at : at + len(garbage)] = garbage
    with opened(image.database, bytes(wal)[: len(image.wal)]) as state:
        assert state in image.states


@settings(max_examples=EXAMPLES // 3)
@given(data=st.data())
def test_pages_of_the_log_that_never_reached_the_disk_are_zeros(image: Image, data: st.DataObject) -> None:
    sectors = len(image.wal) // 512
    lost = data.draw(st.sets(st.integers(0, sectors - 1), min_size=1, max_size=8))
    wal = bytearray(image.wal)
    for sector in lost:
        wal[sector * 512 : (sector + 1) * 512] = bytes(512)
    with opened(image.database, bytes(wal)) as state:
        assert state in image.states


@settings(max_examples=EXAMPLES // 3)
@given(data=st.data())
def test_a_checkpoint_cut_short_loses_nothing(image: Image, data: st.DataObject) -> None:
    before, after = image.database, image.checkpointed
    pages = range(0, len(after), 4096)
    written = data.draw(st.sets(st.sampled_from(pages)))
    torn = data.draw(st.sampled_from(pages))
    found = bytearray(before.ljust(len(after), b"\0"))
    for page in written:
        found[page : page + 4096] = after[page : page + 4096]
    found[torn : torn + 2048] = after[torn : torn + 2048]
    with opened(bytes(found), image.wal) as state:
        assert state == image.states[-1]
