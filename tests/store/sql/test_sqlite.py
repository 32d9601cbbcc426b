"""The SQLite file: opening, faults of it and of its disk, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import DeleteRange, Get, Put, Unavailable, prefix_end
from hyperpy.store.sql.sqlite import open_store


@contextmanager
def database_of(path: Path) -> Iterator[sqlite3.Connection]:
    """A second look at the file, past the store."""
    with closing(sqlite3.connect(path)) as database, database:
        yield database


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "store.db"
    store = await open_store(path)
    await store.put(Put(b"/a", b"1"))
    await store.put(Put(b"/b", b""))
    await store.put(Put(b"/a", b"2"))
    await store.delete(DeleteRange(b"/none"))
    before = list((await store.get(Get(b"/", prefix_end(b"/")))).kvs)
    await store.aclose()
    store = await open_store(f"sqlite:///{path}")
    assert await store.revision() == 4
    assert list((await store.get(Get(b"/", prefix_end(b"/")))).kvs) == before
    assert (await store.get(Get(b"/a", revision=2))).kvs[0].value == b"1"
    await store.aclose()


async def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "new" / "store.db")
    await store.put(Put(b"/secret", b"1"))
    for file in (tmp_path / "new").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    await store.aclose()


async def test_old_revisions_are_read_from_the_file(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "store.db", options=Options(window_events=2))
    for i in range(10):
        await store.put(Put(b"/%d" % (i % 3), b"%d" % i))
    await store.delete(DeleteRange(b"/0"))
    await store.put(Put(b"/9", b""))
    await store.put(Put(b"/9", b""))
    found = await store.get(Get(b"/", prefix_end(b"/"), revision=5, limit=2))
    assert [(pair.key, pair.value) for pair in found.kvs] == [(b"/0", b"3"), (b"/1", b"1")]
    assert (found.count, found.more, found.revision) == (3, True, 5)
    keys = await store.get(Get(b"/", b"\0", revision=5, keys_only=True))
    assert [pair.value for pair in keys.kvs] == [b"", b"", b""]
    assert (await store.get(Get(b"/", b"\0", revision=5, count_only=True))).count == 3
    assert (await store.get(Get(b"/1", revision=2))).count == 0
    await store.aclose()


async def test_a_second_opening_says_who_has_it(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "store.db")
    with pytest.raises(Unavailable, match=r"store\.db is in use by another process \(pid \d+\)"):
        await open_store(tmp_path / "store.db")
    await store.aclose()
    await (await open_store(tmp_path / "store.db")).aclose()


async def test_a_file_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await open_store(path)).aclose()
    with database_of(path) as database:
        database.execute("UPDATE meta SET number = 99 WHERE name = 'schema_version'")
    with pytest.raises(Unavailable, match=r"schema version 99, this program knows up to 2"):
        await open_store(path)
    with database_of(path) as database:
        assert database.execute("SELECT number FROM meta WHERE name = 'schema_version'").fetchone() == (99,)


async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with database_of(path) as database:
        database.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(Unavailable, match="another program"):
        await open_store(path)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database, " * 500)
    with pytest.raises(Unavailable, match="not a database"):
        await open_store(path)
    assert path.read_bytes().startswith(b"this is not")


async def test_a_damaged_page_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await open_store(path)
    for i in range(200):
        await store.put(Put(b"/%d" % i, bytes(2000)))
    await store.aclose()
    content = bytearray(path.read_bytes())
    for offset in range(4096, len(content), 4096):
        content[offset : offset + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="damaged"):
        await open_store(path)


async def test_another_program_that_writes_to_the_file_is_reported_and_got_over(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        await store.put(Put(b"/a", b"1"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="another program holds the file"):
                await store.put(Put(b"/a", b"2"))
            other.execute("ROLLBACK")
        assert (await store.put(Put(b"/a", b"3"))).revision == 3


@pytest.mark.parametrize("where", ["postgresql://host/db", "sqlite://", "http://x"])
async def test_an_unknown_address_is_refused(where: str) -> None:
    with pytest.raises(Unavailable, match="not known here"):
        await open_store(where)


async def test_a_path_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="not a directory"):
        await open_store(tmp_path / "file" / "store.db")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.root
async def test_a_full_disk_refuses_writes_and_loses_nothing(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(300_000))
    async with opened(small_disk / "store.db") as store:
        acknowledged: list[bytes] = []
        with pytest.raises(Unavailable, match="the disk is full"):
            for i in range(1000):
                await store.put(Put(b"/%04d" % i, bytes(4000)))
                acknowledged.append(b"/%04d" % i)
        found = await store.get(Get(b"/", prefix_end(b"/")))
        assert [pair.key for pair in found.kvs] == acknowledged
        filler.unlink()
        assert (await store.put(Put(b"/after", b"1"))).revision == len(acknowledged) + 2
    async with opened(small_disk / "store.db") as store:
        assert (await store.get(Get(b"/", prefix_end(b"/")))).count == len(acknowledged) + 1


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Engine]:
    store = await open_store(path)
    try:
        yield store
    finally:
        await store.aclose()


_WRITER = textwrap.dedent("""
    import asyncio, sys
    from hyperpy.store.engine.options import Options
    from hyperpy.store.protocol import Put
    from hyperpy.store.sql.sqlite import open_store

    async def write(store, writer):
        for i in range(1_000_000):
            result = await store.put(Put(b"/%d" % writer, b"%d" % i))
            print(writer, i, result.revision, flush=True)

    async def compact(store):
        while True:
            revision = await store.revision()
            if revision > store.floor + 20:
                await store.compact(revision - 20)
            await asyncio.sleep(0.001)

    async def main():
        store = await open_store(sys.argv[1])
        print("open", await store.revision(), flush=True)
        await asyncio.gather(compact(store), *(write(store, writer) for writer in range(8)))

    asyncio.run(main())
""")


async def test_a_kill_loses_no_acknowledged_write_and_no_revision_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    acknowledged: dict[bytes, int] = {}
    newest = 1
    for lines in (30, 400, 1500):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WRITER, str(path), stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout is not None
        opened = (await process.stdout.readline()).split()
        assert int(opened[1]) >= newest
        for _ in range(lines):
            writer, number, revision = map(int, (await process.stdout.readline()).split())
            acknowledged[b"/%d" % writer] = number
            newest = max(newest, revision)
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).splitlines(keepends=True)
        for line in rest:
            if line.endswith(b"\n"):
                writer, number, revision = map(int, line.split())
                acknowledged[b"/%d" % writer] = number
                newest = max(newest, revision)
        await process.wait()
        store = await open_store(path)
        assert await store.revision() >= newest
        for pair in (await store.get(Get(b"/", prefix_end(b"/")))).kvs:
            assert int(pair.value) >= acknowledged.get(pair.key, 0)
        assert {pair.key for pair in (await store.get(Get(b"/", prefix_end(b"/")))).kvs} >= acknowledged.keys()
        newest = await store.revision()
        await store.aclose()
        with database_of(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_revision_is_written_into_a_value_where_the_put_says(tmp_path):
    store = await open_store(tmp_path / "db")
    result = await store.put(Put(b"k", b'{"at":"","x":1}', stamp=7))
    await store.aclose()
    store = await open_store(tmp_path / "db")
    assert (await store.get(Get(b"k"))).kvs[0].value == b'{"at":"%d","x":1}' % result.revision
    await store.aclose()


async def test_a_store_tells_how_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        await store.put(Put(b"/a", b"1"))
        await asyncio.gather(*(store.put(Put(b"/%d" % i, bytes(1000))) for i in range(50)))
        await store.compact(10)
        told = await store.figures()
        assert (told.revision, told.floor) == (52, 10)
        assert told.file is not None
        assert told.file.file_bytes == path.stat().st_size
        assert told.file.wal_bytes == path.with_name("store.db-wal").stat().st_size > 0
        assert told.file.commit_changes.total == 52
        assert 3 <= sum(told.file.commit_changes.counts) == sum(told.file.commit_s.counts) <= 52
    with pytest.raises(Unavailable):
        await store.figures()


async def test_a_directory_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "who? #1 100%20" / "store.db"
    store = await open_store(path, options=Options(window_events=1))
    for i in range(5):
        await store.put(Put(b"/a", b"%d" % i))
    assert (await store.get(Get(b"/a", revision=2))).kvs[0].value == b"0"
    async with store.export() as everything:
        assert everything.revision == 6
    await store.aclose()
