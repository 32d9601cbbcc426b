"""A damaged file: what SQLite, a row's form or its checksum shows is told with the file's name, at opening or at the
read that meets it. SQLite itself has checksums in the write-ahead log only.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Get, Put, Unavailable, prefix_end
from hyperpy.store.sql.sqlite import open_store

ALL = (b"/", prefix_end(b"/"))
TIMES = int(os.environ.get("STORE_FAULTS", "1"))
DAMAGED = r"store\.db: the file is damaged; restore it from a backup, or move it away to start empty"
OPTIONS = Options(window_events=1)


async def _made(path: Path) -> None:
    path.parent.mkdir()
    store = await open_store(path)
    for i in range(200):
        await store.put(Put(b"/%d" % (i % 120), b"%d" % i * 300))
    await store.aclose()


async def test_garbage_anywhere_in_the_file_is_told_or_does_no_harm_to_the_program(tmp_path: Path) -> None:
    await _made(tmp_path / "good" / "store.db")
    good = (tmp_path / "good" / "store.db").read_bytes()
    chance = random.Random(4)
    told = 0
    for number in range(60 * TIMES):
        size = chance.choice([1, 64, 4096])
        at = chance.randrange(0, len(good) - size)
        broken = bytearray(good)
        broken[at : at + size] = chance.choice([bytes(size), chance.randbytes(size)])
        path = tmp_path / str(number) / "store.db"
        path.parent.mkdir()
        path.write_bytes(broken)
        told += await _uses_it_up(path)
        shutil.rmtree(path.parent)
    assert told


async def _uses_it_up(path: Path) -> bool:
    """Do all kinds of things with a store; True when it told that it is damaged, the only failure there may be."""
    told = False
    try:
        store = await open_store(path, options=OPTIONS)
    except Unavailable as error:
        assert str(path) in str(error)
        return True
    for action in (
        lambda: store.get(Get(*ALL)),
        lambda: store.get(Get(*ALL, revision=90)),
        lambda: store.put(Put(b"/7", b"")),
        lambda: store.compact(100),
    ):
        try:
            await action()
        except Unavailable as error:
            assert str(path) in str(error)
            told = True
    watch = await store.watch(*ALL, start_revision=max(store.floor, 2))
    try:
        await anext(watch)
    except Unavailable as error:
        assert str(path) in str(error)
        told = True
    await store.aclose()
    return told


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE changes SET revision = 'x' WHERE position = 50", id="revision is a text"),
        pytest.param("UPDATE changes SET key = 5 WHERE position = 50", id="key is a number"),
        pytest.param("UPDATE changes SET value = 5 WHERE position = 50", id="value is a number"),
        pytest.param("UPDATE changes SET version = 1.5 WHERE position = 50", id="version is a fraction"),
        pytest.param("UPDATE changes SET revision = 7000 WHERE position = 50", id="revision out of order"),
    ],
)
async def test_a_row_that_makes_no_sense_is_told_at_opening(tmp_path: Path, change: str) -> None:
    path = tmp_path / "new" / "store.db"
    await _made(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
    with pytest.raises(Unavailable, match=DAMAGED):
        await open_store(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM changes").fetchone() == (200,)


async def test_pages_damaged_under_an_open_store_are_told_by_the_read_that_meets_them(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    await _made(path)
    store = await open_store(path, options=OPTIONS)
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)
    with pytest.raises(Unavailable, match=DAMAGED):
        await store.get(Get(*ALL, revision=90))
    watch = await store.watch(*ALL, start_revision=2)
    with pytest.raises(Unavailable, match=DAMAGED):
        await anext(watch)
    assert (await store.get(Get(*ALL))).count == 120  # the newest state is in memory
    await store.aclose()
    with pytest.raises(Unavailable, match=DAMAGED):
        await open_store(path)


async def test_a_flipped_bit_is_never_served(tmp_path: Path) -> None:
    """Of every flip the newest state and the history are what was written, or it is told. Lost rows at the end of the
    log are beyond a row's checksum."""
    await _made(tmp_path / "good" / "store.db")
    good = (tmp_path / "good" / "store.db").read_bytes()
    written = {b"/%d" % (i % 120): b"%d" % i * 300 for i in range(200)}
    chance = random.Random(5)
    told = 0
    for number in range(80 * TIMES):
        broken = bytearray(good)
        broken[chance.randrange(4096, len(good))] ^= 1 << chance.randrange(8)
        path = tmp_path / str(number) / "store.db"
        path.parent.mkdir()
        path.write_bytes(broken)
        told += not await _serves_what_was_written(path, written)
        shutil.rmtree(path.parent)
    assert told > 20 * TIMES


async def _serves_what_was_written(path: Path, written: dict[bytes, bytes]) -> bool:
    try:
        store = await open_store(path, options=OPTIONS)
    except Unavailable as error:
        assert str(path) in str(error)
        return False
    try:
        for pair in (await store.get(Get(*ALL))).kvs:
            assert pair.value == written[pair.key]
        past = await store.get(Get(*ALL, revision=61))
        assert all(pair.value == pair.key[1:] * 300 for pair in past.kvs)
    except Unavailable as error:
        assert str(path) in str(error)
        return False
    finally:
        await store.aclose()
    return True


async def test_a_row_from_before_checksums_is_served_and_gets_one_when_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    await _made(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE changes DROP COLUMN checksum")
        database.execute("UPDATE meta SET number = 1 WHERE name = 'schema_version'")
    store = await open_store(path)
    assert (await store.get(Get(*ALL))).count == 120
    await store.put(Put(b"/7", b"new"))
    await store.aclose()
    with closing(sqlite3.connect(path)) as database, database:
        found = database.execute("SELECT count(*) FROM changes WHERE checksum IS NOT NULL").fetchone()
        assert found == (1,)
        database.execute("UPDATE changes SET value = X'00' WHERE checksum IS NOT NULL")
    with pytest.raises(Unavailable, match=DAMAGED):
        await open_store(path)
