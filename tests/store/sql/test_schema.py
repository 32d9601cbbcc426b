"""Files of every schema version so far are opened, and keep everything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store.sql.files import until_swept

from hyperpy.store.protocol import Get, Put
from hyperpy.store.sql import check, reading, schema
from hyperpy.store.sql.sqlite import open_store

HERE = Path(__file__).parent
VERSIONS = sorted(HERE.glob("v*.sql"))


def test_there_is_a_file_of_every_version() -> None:
    assert [path.name for path in VERSIONS] == [f"v{number + 1}.sql" for number in range(schema.VERSION)]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.stem)
async def test_a_file_of_an_earlier_version_keeps_everything(tmp_path: Path, version: Path) -> None:
    """What `files.fill` wrote, compacted at 20."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(version.read_text())
    store = await open_store(path)
    assert (await store.revision(), store.floor) == (34, 20)
    found = {pair.key: pair for pair in (await store.get(Get(b"/", b"\0"))).kvs}
    assert {key: pair.value for key, pair in found.items()} == {
        b"/k0": b"back",
        **{b"/k%d" % i: b"%d" % (20 + i) for i in range(2, 10)},
    }
    assert (found[b"/k2"].create_revision, found[b"/k2"].mod_revision, found[b"/k2"].version) == (4, 24, 3)
    assert (await store.lease_info(7, keys=True)).keys == [b"/k0"]
    assert (await store.get(Get(b"/k1", revision=33))).kvs[0].value == b"21"
    watch = await store.watch(b"/k1", start_revision=20)
    assert [event.kv.mod_revision for event in (await anext(watch)).events] == [23, 34]
    assert (await store.put(Put(b"/k1", b"new"))).revision == 35
    await store.compact(35)
    await until_swept(path, 35)
    await store.aclose()
    with reading.opened(path) as connection:
        assert list(check.all_findings(connection)) == []
