"""Snapshots of a running store, and their way back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store.sql.files import database_of, fill, opened

from hyperpy.store.protocol import Compacted, Get, Put, Unavailable, prefix_end
from hyperpy.store.sql import backup, check, reading


def held(path: Path) -> dict[bytes, bytes]:
    """The live set of a file."""
    with database_of(path) as database:
        rows = database.execute("SELECT key, value FROM changes ORDER BY position").fetchall()
    return {key: value for key, value in dict(rows).items() if value is not None}


async def test_a_snapshot_of_a_store_in_use_is_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        stop = asyncio.Event()

        async def write() -> None:
            number = 0
            while not stop.is_set():
                await asyncio.gather(store.put(Put(b"/a", b"%d" % number)), store.put(Put(b"/b", b"%d" % number)))
                number += 1

        writer = asyncio.create_task(write())
        await store.put(Put(b"/first", b"1"))
        for i in range(5):
            before = await store.revision()
            file = tmp_path / f"snapshot-{i}"
            copied = await asyncio.to_thread(backup.snapshot, path, file, force=False)
            assert before <= copied.revision <= await store.revision()
            with reading.opened(file) as connection:
                assert list(check.all_findings(connection)) == []
                assert reading.figures(connection) == copied
        stop.set()
        await writer
    assert sorted(each.name for each in tmp_path.glob("snapshot*")) == [f"snapshot-{i}" for i in range(5)]
    assert file.stat().st_mode & 0o077 == 0


async def test_a_snapshot_takes_the_place_of_a_file_only_by_force(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    file.write_text("dear")
    async with opened(path) as store:
        await fill(store)
        with pytest.raises(FileExistsError):
            backup.snapshot(path, file, force=False)
        assert file.read_text() == "dear"
        backup.snapshot(path, file, force=True)
    assert held(file) == held(path)


async def test_a_snapshot_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path):
        with pytest.raises(Unavailable, match="no such directory|cannot be opened|No such file"):
            backup.snapshot(path, tmp_path / "nowhere" / "file", force=False)
    assert not (tmp_path / "nowhere").exists()


async def test_what_is_restored_is_the_snapshot_and_no_revision_comes_twice(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        taken = await store.revision()
        backup.snapshot(path, file, force=False)
        later = (await store.put(Put(b"/later", b"1"))).revision
    done = backup.restore(file, path, bump=100, stamp="now")
    assert (done.snapshot.revision, done.revision, done.kept) == (
        taken,
        later + 100,
        tmp_path / "store.db.before-restore-now",
    )
    assert held(path) == held(file)
    assert b"/later" in held(done.kept)
    async with opened(path) as store:
        assert await store.revision() == later + 100
        found = await store.get(Get(b"/", prefix_end(b"/")))
        assert {pair.key: pair.value for pair in found.kvs} == held(file)
        assert found.revision == later + 100
        assert (await store.lease_info(7, keys=True)).keys == [b"/k0"]
        with pytest.raises(Compacted):
            await store.watch(b"/", b"\0", start_revision=later + 1)
        with pytest.raises(Compacted):
            await store.get(Get(b"/k2", revision=taken))
        watch = await store.watch(b"/", b"\0", start_revision=later + 101)
        assert (await store.put(Put(b"/new", b""))).revision == later + 101
        assert [event.kv.key for event in (await anext(watch)).events] == [b"/new"]
    with reading.opened(path) as connection:
        assert list(check.all_findings(connection)) == []


async def test_a_store_can_be_restored_where_there_was_none(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
    new = tmp_path / "deep" / "down" / "store.db"
    done = backup.restore(file, new, bump=0, stamp="now")
    assert done.kept is None
    assert held(new) == held(file)
    assert sorted(each.name for each in new.parent.iterdir()) == ["store.db", "store.db.lock"]


async def test_a_store_in_use_is_not_restored(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
        with pytest.raises(Unavailable, match=r"in use by another process \(pid \d+\)"):
            backup.restore(file, path, bump=0, stamp="now")
        await store.put(Put(b"/still", b"here"))
    assert b"/still" in held(path)


async def test_a_damaged_snapshot_is_not_restored(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
    with database_of(file) as database:
        database.execute("DELETE FROM changes WHERE revision = 20")
    before = held(path)
    with pytest.raises(Unavailable, match=r"is not whole and is not restored: .*is missing"):
        backup.restore(file, path, bump=0, stamp="now")
    assert held(path) == before
    assert not list(tmp_path.glob("*before*"))


async def test_the_log_of_a_killed_server_goes_with_the_old_file(tmp_path: Path) -> None:
    """What is in a write-ahead log must not come to life in the file that is restored."""
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
    with closing(sqlite3.connect(path, isolation_level=None)) as killed:
        killed.execute("UPDATE changes SET value = 'logged' WHERE revision = 34")
        killed.execute("INSERT INTO leases VALUES (99, 1)")
        wal = path.with_name("store.db-wal")
        content = wal.read_bytes()
        assert content
        crashed = tmp_path / "crashed" / "store.db"
        crashed.parent.mkdir()
        crashed.write_bytes(path.read_bytes())
        crashed.with_name("store.db-wal").write_bytes(content)
    done = backup.restore(file, crashed, bump=0, stamp="now")
    with database_of(crashed) as database:
        assert database.execute("SELECT id FROM leases").fetchall() == [(7,)]
    with database_of(done.kept) as database:
        assert database.execute("SELECT id FROM leases ORDER BY id").fetchall() == [(7,), (99,)]


async def test_a_damaged_store_is_replaced_and_kept_with_its_log(tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    async with opened(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
    path.write_bytes(b"no database any more" * 1000)
    path.with_name("store.db-wal").write_bytes(b"and what was logged")
    done = backup.restore(file, path, bump=5, stamp="now")
    assert done.revision == done.snapshot.revision + 5
    assert held(path) == held(file)
    assert done.kept.read_bytes().startswith(b"no database")
    assert done.kept.with_name(done.kept.name + "-wal").read_bytes() == b"and what was logged"
