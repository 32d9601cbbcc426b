"""Long histories and large stores: compaction beside writes, the size of the file, the time and memory of a start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop
from store_table import Figure, Table

from hyperpy.store.protocol import Put, Store
from hyperpy.store.sql.sqlite import open_store

_LIVE_KEYS = 2_000
_KEPT = 10_000  # revisions that the compaction leaves
_SMALL = bytes(300)
_POD = bytes(range(256)) * 12
_PUTS_PER_S = 200
_ROOM = 1.25  # pages that are not quite full
_FREE_PAGES = 1024  # that the store keeps for the writes to come
_PAGES = ("freelist_count", "page_count")


async def compaction(table: Table, directory: Path, *, revisions: int) -> None:
    """Write many revisions of few keys, forget all but the newest, and write on meanwhile."""
    path = directory / "history.db"
    store = await open_store(path)
    await _fill(store, revisions)
    grown = _size(path)
    usual = sorted(await _paced_puts(store, 5 * _PUTS_PER_S, None))
    await store.compact(await store.revision() - _KEPT)
    done = asyncio.create_task(asyncio.to_thread(_swept, path))
    begun = time.perf_counter()
    waits = sorted(await _paced_puts(store, _PUTS_PER_S, done))
    took = time.perf_counter() - begun
    await store.aclose()
    left = _size(path)
    bound = _ROOM * await _fresh_size(directory, _LIVE_KEYS + _KEPT + len(waits)) + _FREE_PAGES * 4096
    sizes = f"{grown / 1e6:.0f} → {left / 1e6:.1f} MB, {took:.1f} s"
    goal = f"< {bound / 1e6:.1f} MB: what lives + window"
    table.add(Figure(f"{revisions:,} revisions compacted", sizes, goal=goal, met=left < bound))
    met = waits[-1] < 0.05
    told = met or usual[-1] < 0.05  # else the machine is too busy to tell
    table.add(Figure(f"  {len(waits)} puts meanwhile", _text(waits), goal="longest < 50 ms", met=met if told else None))
    table.add(Figure(f"  {len(usual)} puts before it, for comparison", _text(usual)))


def _text(waits: Sequence[float]) -> str:
    return f"p99.9 {waits[int(len(waits) * 0.999)] * 1000:.1f}, longest {waits[-1] * 1000:.1f} ms"


async def _fill(store: Store, revisions: int) -> None:
    await _in_turn(revisions, lambda i: store.put(Put(b"/history/%04d" % (i % _LIVE_KEYS), _SMALL)))


async def _fresh_size(directory: Path, revisions: int) -> int:
    """Bytes of a file that never held more than so many revisions."""
    path = directory / "fresh.db"
    store = await open_store(path)
    await _fill(store, revisions)
    await store.aclose()
    return _size(path)


async def start(table: Table, directory: Path, *, keys: int) -> None:
    """Fill a store, then open it in a fresh process."""
    path = directory / "large.db"
    store = await open_store(path)
    await _in_turn(keys, lambda i: store.put(Put(b"/registry/pods/default/pod-%06d" % i, _POD)))
    await store.aclose()
    command = [sys.executable, __file__, str(path)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    data = keys * len(_POD)
    enough = keys >= 150_000
    met = said["took_s"] < 5 if enough else None
    table.add(Figure(f"start, {keys:,} keys of 3 KB", f"{said['took_s']:.2f} s", goal="150,000 in 5 s", met=met))
    peak = f"{said['peak_bytes'] / 1e6:.0f} MB for {data / 1e6:.0f} MB of values"
    table.add(Figure("  its peak of memory", peak, goal="twice the data", met=said["peak_bytes"] < 2 * data))
    over = (said["resident_bytes"] - said["before_bytes"] - data) / keys
    table.add(Figure("  memory of a key beside its value", f"{over:.0f} bytes"))
    path.unlink()


async def _in_turn(count: int, write: Callable[[int], Awaitable[object]]) -> None:
    for first in range(0, count, 1000):
        await asyncio.gather(*(write(i) for i in range(first, min(count, first + 1000))))


async def _paced_puts(store: Store, count: int, until: asyncio.Task[None] | None) -> list[float]:
    """Puts at a steady pace, each waited for from the moment that it was due, in seconds: so many, and until then."""
    waits: list[float] = []
    start = time.perf_counter()

    async def put(i: int) -> None:
        await store.put(Put(b"/history/%04d" % (i % _LIVE_KEYS), _SMALL))
        waits.append(time.perf_counter() - start - i / _PUTS_PER_S)

    async with asyncio.TaskGroup() as group:
        i = 0
        while i < count or (until is not None and not until.done()):
            if (ahead := start + i / _PUTS_PER_S - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            group.create_task(put(i))
            i += 1
    return waits


def _swept(path: Path) -> None:
    """Wait until the store has nothing more to give up: its rows are gone, and of its pages few are free."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        while True:
            meta = dict(reader.execute("SELECT name, number FROM meta"))
            (free,), (pages,) = (reader.execute(f"PRAGMA {what}").fetchone() for what in _PAGES)
            if meta["swept"] >= meta["floor"] and free <= max(_FREE_PAGES, pages // 4):
                return
            time.sleep(0.2)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(path.name + "*"))


def _memory(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}")


async def _open(path: Path) -> None:
    """The fresh process: open the store, say what it took."""
    before = _memory("VmRSS")
    begun = time.perf_counter()
    store = await open_store(path)
    took = time.perf_counter() - begun
    said = {"took_s": took, "before_bytes": before, "resident_bytes": _memory("VmRSS"), "peak_bytes": _memory("VmHWM")}
    await store.aclose()
    print(json.dumps(said))


if __name__ == "__main__":
    uvloop.run(_open(Path(sys.argv[1])))
