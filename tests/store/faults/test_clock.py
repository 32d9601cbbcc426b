"""Clocks that jump: the time of day does not matter, and the monotonic clock may leap or begin anew."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from store.manual_clock import ManualClock

import hyperpy.store
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Compacted, Get, LeaseNotFound, Put, prefix_end
from hyperpy.store.sql.sqlite import open_store

ALL = (b"/", prefix_end(b"/"))
ROOT = Path(hyperpy.store.__file__).parent
FILES = sorted([*(ROOT / "engine").glob("*.py"), *(ROOT / "sql").glob("*.py")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_in_the_store_asks_for_the_time_of_day(file: Path) -> None:
    asked = {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "now", "utcnow", "today"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in asked:
            assert node.value.id not in ("time", "datetime", "date")
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in ("time", "datetime")


async def test_a_machine_that_slept_for_long_ends_every_lease_once(tmp_path: Path) -> None:
    clock = ManualClock()
    store = await open_store(tmp_path / "store.db", clock=clock)
    for ttl_s in (1, 60, 86_400):
        await store.lease_grant(ttl_s, lease_id=ttl_s)
        await store.put(Put(b"/%d" % ttl_s, b"", lease=ttl_s))
    await store.put(Put(b"/stays", b""))
    watch = await store.watch(*ALL)
    clock.leap(10_000_000)
    ended: list[bytes] = []
    while len(ended) < 3:
        ended += [event.kv.key for event in (await anext(watch)).events]
    assert sorted(ended) == [b"/1", b"/60", b"/86400"]
    assert await store.leases() == []
    with pytest.raises(LeaseNotFound):
        await store.lease_keep_alive(60)
    assert [pair.key for pair in (await store.get(Get(*ALL))).kvs] == [b"/stays"]
    assert await store.revision() == 8
    await store.aclose()


async def test_a_lease_that_was_renewed_before_the_leap_has_its_time_from_then_on(tmp_path: Path) -> None:
    clock = ManualClock()
    store = await open_store(tmp_path / "store.db", clock=clock)
    await store.lease_grant(100, lease_id=7)
    clock.advance(99)
    await store.lease_keep_alive(7)
    clock.advance(99)
    assert (await store.lease_info(7)).remaining_s == 1
    await store.aclose()


async def test_a_clock_that_begins_anew_gives_every_lease_its_whole_time(tmp_path: Path) -> None:
    late, early = ManualClock(), ManualClock()
    late.advance(50_000_000)  # a machine that ran for long, and was started again
    store = await open_store(tmp_path / "store.db", clock=late)
    await store.lease_grant(100, lease_id=7)
    await store.put(Put(b"/a", b"", lease=7))
    late.advance(90)
    await store.aclose()
    store = await open_store(tmp_path / "store.db", clock=early)
    assert (await store.lease_info(7)).remaining_s == 100
    watch = await store.watch(b"/a")
    early.advance(100)
    (event,) = (await anext(watch)).events
    assert event.type.value == "DELETE"
    await store.aclose()


async def test_a_leap_of_the_clock_compacts_no_more_than_a_long_time_would(tmp_path: Path) -> None:
    clock = ManualClock()
    options = Options(keep_revisions=10, keep_s=300, compact_every_s=60)
    store = await open_store(tmp_path / "store.db", options=options, clock=clock)
    for i in range(30):
        await store.put(Put(b"/a", b"%d" % i))
    clock.leap(10_000_000)  # the look that notes how old what is old is
    clock.leap(10_000_000)
    last = (await store.put(Put(b"/b", b""))).revision  # goes behind the compaction
    assert (await store.get(Get(b"/a", revision=last - 11))).count == 1
    with pytest.raises(Compacted):
        await store.get(Get(b"/a", revision=2))
    await store.aclose()
