"""A file that somebody else holds: told who, waited for a little, and gone on with when it is free."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hyperpy.store.protocol import Get, Put, Unavailable, prefix_end
from hyperpy.store.sql.sqlite import open_store

ALL = (b"/", prefix_end(b"/"))
_OWNER = """
import asyncio, sys
from hyperpy.store.protocol import Put
from hyperpy.store.sql.sqlite import open_store

async def main():
    store = await open_store(sys.argv[1])
    await store.put(Put(b"/by", b"another process"))
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def owner(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the store open; killed at the end."""
    command = [sys.executable, "-c", _OWNER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


async def test_the_owner_of_a_store_is_named_and_its_death_frees_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with owner(path) as process:
        with pytest.raises(Unavailable, match=rf"store\.db is in use by another process \(pid {process.pid}\)"):
            await open_store(path)
        process.kill()
        process.wait()
        store = await open_store(path)
    assert (await store.get(Get(b"/by"))).count == 1
    await store.aclose()


async def test_a_store_that_was_refused_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with owner(path):
        before = sorted(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(Unavailable):
                await open_store(path)
        assert sorted(os.listdir("/proc/self/fd")) == before


async def test_a_write_waits_for_another_program_that_is_quick(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await open_store(path)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writers = [asyncio.create_task(store.put(Put(b"/%d" % i, b""))) for i in range(3)]
        await asyncio.sleep(0)
        assert (await store.get(Get(*ALL))).count == 0
        other.execute("ROLLBACK")
        assert [(await writer).revision for writer in writers] == [2, 3, 4]
    await store.aclose()


async def test_a_file_that_another_program_holds_is_refused_at_opening_and_opened_later(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await open_store(path)
    await store.put(Put(b"/a", b"1"))
    await store.aclose()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match=r"store\.db: another program holds the file; stop that program"):
            await open_store(path)
    store = await open_store(path)
    assert (await store.get(Get(*ALL))).count == 1
    await store.aclose()


async def test_no_descriptor_of_a_store_goes_on_to_programs_that_are_started(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "store.db")
    await store.put(Put(b"/a", b"1"))
    await store.put(Put(b"/a", b"2"))
    done = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True, check=True)
    assert "store.db" not in done.stdout
    await store.aclose()
