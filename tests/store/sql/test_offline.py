"""Compaction of a store that nobody uses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from store.sql.files import database_of, fill, opened

from hyperpy.store.protocol import Get, Put, Unavailable
from hyperpy.store.sql import check, offline, reading


async def test_history_and_free_space_go_and_the_live_set_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path) as store:
        await fill(store)
        await asyncio.gather(*(store.put(Put(b"/large", bytes(9000))) for _ in range(300)))
        revision = await store.revision()
        before = (await store.get(Get(b"/", b"\0"))).kvs
    size = path.stat().st_size
    left = offline.compact(path)
    assert (left.revision, left.floor, left.swept, left.keys) == (revision, revision, revision, len(before))
    assert path.stat().st_size < size // 10
    with reading.opened(path) as connection:
        assert list(check.all_findings(connection)) == []
        assert reading.free_bytes(connection) == 0
    with database_of(path) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    async with opened(path) as store:
        assert (await store.get(Get(b"/", b"\0"))).kvs == before
        assert (await store.put(Put(b"/a", b""))).revision == revision + 1


async def test_a_store_in_use_is_not_compacted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path):
        with pytest.raises(Unavailable, match="in use by another process"):
            offline.compact(path)
