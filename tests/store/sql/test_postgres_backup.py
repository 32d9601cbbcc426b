"""A store in PostgreSQL: checked, compacted, and the way between it and a SQLite file."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from store.real_postgres import Postgres, database_of
from store.sql.files import fill
from store.sql.files import opened as opened_file

from hyperpy.store.protocol import Compacted, Get, Put, Unavailable
from hyperpy.store.sql import backup, check, postgres, postgres_backup, reading


@pytest.fixture
def address(postgresql: Postgres) -> str:
    return postgresql.create_database()


@asynccontextmanager
async def opened(address: str):  # type: ignore[no-untyped-def]
    store = await postgres.open_store(address)
    try:
        yield store
    finally:
        await store.aclose()


async def test_a_running_store_is_whole_and_each_break_of_a_rule_is_told(address: str, postgresql: Postgres) -> None:
    async with opened(address) as store:
        await fill(store)
        await store.compact(20)
        lines, found = await postgres_backup.findings(address)
        assert (lines, found.revision, found.keys, found.floor) == ([], 34, 9, 20)
    postgresql.sql(
        "DELETE FROM leases; UPDATE changes SET version = 9 WHERE revision = 33", database=database_of(address)
    )
    lines, _ = await postgres_backup.findings(address)
    assert "/k0 at revision 33 is bound to lease 7, which does not exist" in lines
    assert any(line.startswith("/k0 at revision 33: version 9") for line in lines)


async def test_what_is_no_store_is_refused_by_name(address: str) -> None:
    with pytest.raises(Unavailable, match="it is not a store"):
        await postgres_backup.findings(address)


async def test_history_goes_while_a_server_runs(address: str) -> None:
    async with opened(address) as store:
        await fill(store)
        for _ in range(2):
            left = await postgres_backup.compact(address)
            assert (left.revision, left.floor, left.swept, left.keys) == (34, 34, 34, 9)
        assert left.changes == 10  # the deletion at the floor is told to watchers
        assert (await store.put(Put(b"/a", b""))).revision == 35
        with pytest.raises(Compacted):
            await store.get(Get(b"/k2", revision=20))
        assert (await postgres_backup.findings(address))[0] == []


async def test_a_snapshot_goes_into_a_file_that_a_server_can_be_started_on(address: str, tmp_path: Path) -> None:
    file = tmp_path / "snapshot.db"
    async with opened(address) as store:
        await fill(store)
        await store.compact(20)
        copied = await postgres_backup.snapshot(address, file, force=False)
        before = (await store.get(Get(b"/", b"\0"))).kvs
    assert (copied.revision, copied.keys, copied.floor) == (34, 9, 20)
    with reading.opened(file) as connection:
        assert list(check.all_findings(connection)) == []
    with pytest.raises(FileExistsError):
        await postgres_backup.snapshot(address, file, force=False)
    async with opened_file(file) as store:
        assert (await store.get(Get(b"/", b"\0"))).kvs == before
        assert (await store.lease_info(7, keys=True)).keys == [b"/k0"]
        assert (await store.get(Get(b"/k1", revision=25))).kvs[0].value == b"21"


async def test_a_file_is_restored_into_an_empty_database(address: str, tmp_path: Path) -> None:
    path, file = tmp_path / "store.db", tmp_path / "snapshot.db"
    async with opened_file(path) as store:
        await fill(store)
        backup.snapshot(path, file, force=False)
        before = (await store.get(Get(b"/", b"\0"))).kvs
    done = await postgres_backup.restore(file, address, bump=100, force=False)
    assert (done.snapshot.revision, done.revision) == (34, 134)
    async with opened(address) as store:
        found = await store.get(Get(b"/", b"\0"))
        assert (found.kvs, found.revision) == (before, 134)
        assert (await store.lease_info(7, keys=True)).keys == [b"/k0"]
        with pytest.raises(Compacted):
            await store.watch(b"/", b"\0", start_revision=35)
        assert (await store.put(Put(b"/a", b""))).revision == 135
        assert (await postgres_backup.findings(address))[0] == []


async def test_a_database_in_use_or_with_keys_is_not_overwritten(address: str, tmp_path: Path) -> None:
    file = tmp_path / "snapshot.db"
    async with opened(address) as store:
        await fill(store)
        await postgres_backup.snapshot(address, file, force=False)
        later = (await store.put(Put(b"/later", b""))).revision
        with pytest.raises(Unavailable, match="in use by a hyperpy; stop all API servers"):
            await postgres_backup.restore(file, address, bump=5, force=True)
    with pytest.raises(Unavailable, match="holds 10 keys, which would be lost; take a snapshot"):
        await postgres_backup.restore(file, address, bump=5, force=False)
    done = await postgres_backup.restore(file, address, bump=5, force=True)
    assert done.revision == later + 5
    async with opened(address) as store:
        assert (await store.get(Get(b"/later"))).count == 0
        assert await store.revision() == later + 5


async def test_a_key_that_does_not_fit_is_refused_by_name(address: str, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened_file(path) as store:
        await store.put(Put(b"/" + b"k" * 3000, b""))
    with pytest.raises(Unavailable, match="a key of 3001 bytes; PostgreSQL takes up to 2600"):
        await postgres_backup.restore(path, address, bump=0, force=False)
