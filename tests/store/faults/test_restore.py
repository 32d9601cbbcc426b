"""A restore that is killed half-way leaves the old store or the new one, whole, and can be done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hyperpy.store import failpoints
from hyperpy.store.protocol import Get, Put
from hyperpy.store.sql import backup, check, reading
from hyperpy.store.sql.sqlite import open_store

_RESTORE = """
import sys
from pathlib import Path
from hyperpy.store.sql import backup
backup.restore(Path(sys.argv[1]), Path(sys.argv[2]), bump=1000, stamp="killed")
"""


@pytest.mark.parametrize("name", [name for name in failpoints.POINTS if name.startswith("restore/")])
async def test_a_killed_restore_leaves_one_of_both_stores(tmp_path: Path, name: str) -> None:
    path, saved = tmp_path / "store.db", tmp_path / "saved.db"
    store = await open_store(path)
    await store.put(Put(b"/a", b"saved"))
    backup.snapshot(path, saved, force=False)
    for i in range(20):
        await store.put(Put(b"/a", b"later %d" % i))
    wal = path.with_name("store.db-wal")
    left = {path: path.read_bytes(), wal: wal.read_bytes()}
    await store.aclose()
    for file, content in left.items():  # as if this store too had been killed, its log not copied
        file.write_bytes(content)
    environment = {**os.environ, failpoints.VARIABLE: name}
    done = subprocess.run([sys.executable, "-c", _RESTORE, saved, path], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    expected = (b"saved", 1022) if name == "restore/replaced" else (b"later 19", 22)
    assert await _newest(path) == expected
    again = backup.restore(saved, path, bump=1000, stamp="again")
    assert again.revision == expected[1] + 1000
    assert await _newest(path) == (b"saved", again.revision)
    with reading.opened(path) as connection:
        assert list(check.all_findings(connection)) == []


async def _newest(path: Path) -> tuple[bytes, int]:
    store = await open_store(path)
    found = await store.get(Get(b"/a"))
    await store.aclose()
    return found.kvs[0].value, found.revision
