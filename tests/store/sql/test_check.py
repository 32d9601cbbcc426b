"""What a log in a SQL database must hold, and how each break of it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from store.sql.files import database_of, fill, opened, until_swept

from hyperpy.store.protocol import Put, Unavailable
from hyperpy.store.sql import check, reading


def found_in(path: Path) -> list[str]:
    with reading.opened(path) as connection:
        return list(check.all_findings(connection))


async def test_a_store_is_whole_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        assert found_in(path) == []
        await fill(store)
        assert found_in(path) == []
        for floor in (20, 32, 34):
            await store.compact(floor)
            assert found_in(path) == []
            await until_swept(path, floor)
            assert found_in(path) == []
        await store.lease_revoke(7)
        assert found_in(path) == []
    assert found_in(path) == []


async def test_a_store_is_whole_in_the_middle_of_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        await asyncio.gather(*(store.put(Put(b"/k%d" % (i % 30), b"")) for i in range(2000)))
        await store.compact(1900)
        for _ in range(5):
            assert found_in(path) == []
        await until_swept(path, 1900)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE meta SET number = 5 WHERE name = 'swept'", "history is swept up to revision 5, beyond the floor 0"),
        ("DELETE FROM meta WHERE name = 'floor'", "the table meta has 0 rows named floor"),
        (
            "UPDATE changes SET revision = 2, prev_revision = 0 WHERE position = 9",
            "position 9: revision 2 stands behind",
        ),
        ("UPDATE changes SET revision = -1 WHERE position = 1", "position 1: revision -1 is not possible"),
        ("UPDATE changes SET version = 0 WHERE revision = 2", "/k0 at revision 2: version 0 and creation at 2 are not"),
        (
            "UPDATE changes SET prev_revision = 2 WHERE revision = 22",
            "/k0 at revision 22 says it replaced revision 2, but the one before is 12",
        ),
        ("DELETE FROM changes WHERE revision = 13", "position 13: what stood between 11 and it is missing"),
        ("DELETE FROM changes WHERE revision = 13", "/k1 at revision 23 says it replaced revision 13, but the one"),
        (
            "UPDATE changes SET version = 3 WHERE revision = 12",
            "/k0 at revision 12: version 3 and creation at 2 do not follow from before",
        ),
        (
            "UPDATE meta SET number = 30 WHERE name IN ('swept', 'floor')",
            "/k5 at revision 7 was replaced at 17, which is swept, and is still there",
        ),
        (
            "UPDATE meta SET number = 34 WHERE name IN ('swept', 'floor')",
            "/k0: the deletion at revision 32 is swept and still there",
        ),
        ("DELETE FROM leases", "/k0 at revision 33 is bound to lease 7, which does not exist"),
        ("UPDATE leases SET ttl_s = 0", "lease 7 lives for 0 s"),
    ],
)
async def test_each_break_of_a_rule_is_told(tmp_path: Path, damage: str, told: str) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        await fill(store)
    with database_of(path) as database:
        database.execute(damage)
    assert any(told in line for line in found_in(path)), found_in(path)


async def test_damaged_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        for i in range(200):
            await store.put(Put(b"/%d" % i, bytes(2000)))
    content = bytearray(path.read_bytes())
    for offset in range(4096 * 20, len(content), 4096):
        content[offset : offset + 64] = b"\xff" * 64
    path.write_bytes(content)
    assert all(line.startswith("the file is damaged: ") for line in found_in(path))
    assert found_in(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "there is no file"), (b"", "it is not a store: it is empty"), (b"text " * 999, "not a database")],
    ids=["no file", "an empty file", "another file"],
)
def test_what_is_no_store_is_refused_by_name(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "store.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unavailable, match=told):
        found_in(path)
    assert not content or path.read_bytes() == content


async def test_a_later_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path):
        pass
    with database_of(path) as database:
        database.execute("UPDATE meta SET number = 99 WHERE name = 'schema_version'")
    with pytest.raises(
        Unavailable, match="schema version 99, this program knows up to 2; use the version that wrote it"
    ):
        found_in(path)
