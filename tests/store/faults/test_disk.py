"""A disk that is full, read-only or broken: writes are refused in plain words, reads and watches go on, nothing
acknowledged is lost, and writes go on by themselves when the cause is gone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from store.faults import journal, load
from store.faults.disks import BreakableDisk, fill, needs_loop_devices, tmpfs
from store.faults.verify import verify
from store.manual_clock import ManualClock

from hyperpy.store import failpoints
from hyperpy.store.engine.engine import Engine
from hyperpy.store.protocol import Compacted, Get, Put, Unavailable, prefix_end
from hyperpy.store.sql import sqlite

ALL = (b"/", prefix_end(b"/"))
FULL = "the disk is full; free some space and try again"


@asynccontextmanager
async def opened(path: Path, clock: ManualClock | None = None) -> AsyncIterator[Engine]:
    store = await sqlite.open_store(path, clock=clock)
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", size_kib=1536) as disk:
        yield disk


async def loaded(store: Engine, file: Path, *, steps: int) -> None:
    """Put a load on an open store until it is through or refused, and hold the store against its journal."""
    book = journal.Journal(file)
    shape = load.Shape(writers=3, steps=steps)
    await load.run(store, book, journal.read(file), shape=shape, seed=len(file.read_bytes()) if file.exists() else 0)
    assert await verify(store, book, journal.read(file)) == []
    book.close()


@pytest.mark.root
async def test_a_disk_that_fills_up_and_is_freed_takes_writes_again_without_a_restart(
    small_disk: Path, tmp_path: Path
) -> None:
    file = tmp_path / "journal"
    async with opened(small_disk / "store.db") as store:
        await loaded(store, file, steps=5)
        watch = await store.watch(*ALL)
        for _ in range(3):
            filler = fill(small_disk, leave_bytes=64 << 10)
            await loaded(store, file, steps=10_000)
            with pytest.raises(Unavailable, match=FULL):
                await store.put(Put(b"/load/x", bytes(1 << 20)))
            filler.unlink()
            await loaded(store, file, steps=5)
        last, seen = await store.revision(), []
        while not seen or seen[-1] < last:
            seen += sorted({event.kv.mod_revision for event in (await anext(watch)).events})
        assert seen == list(range(seen[0], last + 1))
    async with opened(small_disk / "store.db") as store:
        await loaded(store, file, steps=5)


@pytest.mark.root
@pytest.mark.parametrize("before", ["nothing", "a closed store", "a killed store"])
async def test_a_disk_that_is_full_at_opening_says_so_and_loses_nothing(tmp_path: Path, before: str) -> None:
    for leave in range(0, 200 << 10, 20 << 10):
        with tmpfs(tmp_path / "disk", size_kib=1536) as disk:
            kept = await _left_behind(disk, before)
            filler = fill(disk, leave_bytes=leave)
            with pytest.raises(Unavailable, match=FULL):
                async with opened(disk / "store.db") as store:
                    while True:
                        await store.put(Put(b"/filling", bytes(8000)))
            filler.unlink()
            async with opened(disk / "store.db") as store:
                assert (await store.get(Get(b"/kept/", prefix_end(b"/kept/")))).count == kept
                await store.put(Put(b"/after", b"1"))


async def _left_behind(disk: Path, before: str) -> int:
    if before == "nothing":
        return 0
    async with opened(disk / "store.db") as store:
        for i in range(30):
            await store.put(Put(b"/kept/%d" % i, bytes(2000)))
        copy = disk.parent / "copy"
        if before == "a killed store":
            shutil.copytree(disk, copy)
    if copy.exists():
        shutil.copytree(copy, disk, dirs_exist_ok=True)
        shutil.rmtree(copy)
    return 30


@pytest.mark.root
async def test_compaction_leases_and_their_ends_wait_for_room(small_disk: Path) -> None:
    clock = ManualClock()
    async with opened(small_disk / "store.db", clock) as store:
        await store.lease_grant(10, lease_id=7)
        await store.put(Put(b"/leased", bytes(100_000), lease=7))
        filler = fill(small_disk)
        with pytest.raises(Unavailable, match=FULL):
            while True:
                await store.put(Put(b"/other", bytes(8000)))
        refused = await store.revision()
        with pytest.raises(Unavailable, match=FULL):
            await store.compact(refused)
        with pytest.raises(Unavailable, match=FULL):
            await store.lease_grant(10, lease_id=8)
        clock.advance(11)
        with pytest.raises(Unavailable, match=FULL):
            await store.put(Put(b"/other", bytes(8000)))  # goes behind the lease's end
        assert 7 in await store.leases()
        assert (await store.get(Get(b"/leased"))).count == 1
        watch = await store.watch(b"/leased")
        filler.unlink()
        clock.advance(1)
        (event,) = (await anext(watch)).events
        assert event.type.value == "DELETE"
        await store.compact(refused)
        with pytest.raises(Compacted):
            await store.get(Get(b"/other", revision=refused - 1))


@pytest.mark.parametrize("place", ["sweep/begin", "sweep/rows", "sweep/commit"])
async def test_a_sweep_that_failed_goes_on_with_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, f"{place}=full")
    async with opened(tmp_path / "store.db") as store:
        for i in range(50):
            await store.put(Put(b"/a", b"%d" % i))
        await store.compact(40)
        while "cannot be given up" not in caplog.text:
            await asyncio.sleep(0)
        await store.put(Put(b"/a", b"last"))
        while _rows(tmp_path / "store.db") > 13:
            await asyncio.sleep(0)
        assert FULL in caplog.text


def _rows(path: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM changes").fetchone()[0])


@pytest.mark.root
async def test_a_read_only_disk_is_refused_and_taken_once_it_is_writable(small_disk: Path) -> None:
    async with opened(small_disk / "store.db") as store:
        await store.put(Put(b"/a", b"1"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for name in ("store.db", "other.db", "new/store.db"):
        with pytest.raises(Unavailable, match="the disk is read-only; make it writable"):
            await sqlite.open_store(small_disk / name)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    async with opened(small_disk / "store.db") as store:
        assert (await store.put(Put(b"/a", b"2"))).revision == 3


@pytest.mark.root
@needs_loop_devices
async def test_a_disk_that_cannot_sync_acknowledges_nothing_and_goes_on_when_mended(tmp_path: Path) -> None:
    disk, file = BreakableDisk(tmp_path, journalled=False), tmp_path / "journal"
    with disk.made() as directory:
        async with opened(directory / "store.db") as store:
            await loaded(store, file, steps=5)
            disk.break_down()
            await loaded(store, file, steps=10_000)
            with pytest.raises(Unavailable, match="the disk failed to read or write.*FSYNC"):
                await store.put(Put(b"/load/x", bytes(1 << 20)))
            disk.mend()
            await loaded(store, file, steps=5)
            expected = await store.get(Get(*ALL))
        disk.mount_anew()
        async with opened(directory / "store.db") as store:
            assert await store.get(Get(*ALL)) == expected


@pytest.mark.root
@needs_loop_devices
async def test_a_disk_that_turns_read_only_under_an_open_store_is_still_read(tmp_path: Path) -> None:
    disk, file = BreakableDisk(tmp_path, journalled=True), tmp_path / "journal"
    with disk.made() as directory:
        async with opened(directory / "store.db") as store:
            await loaded(store, file, steps=20)
            disk.turn_read_only()
            with pytest.raises(Unavailable, match="the disk failed to read or write; check the disk"):
                await store.put(Put(b"/load/x", b""))
            await loaded(store, file, steps=5)
            expected = await store.get(Get(*ALL))
        with pytest.raises(Unavailable, match="the disk is read-only; make it writable"):
            await sqlite.open_store(directory / "store.db")
        disk.mount_anew()
        async with opened(directory / "store.db") as store:
            assert await store.get(Get(*ALL)) == expected
            await loaded(store, file, steps=5)
