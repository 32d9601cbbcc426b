"""Leases against a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from store.manual_clock import ManualClock

from hyperpy.store.engine import memory
from hyperpy.store.engine.leases import Leases
from hyperpy.store.protocol import Get, LeaseNotFound, Put
from hyperpy.store.sql import sqlite


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def expired() -> list[int]:
    return []


@pytest.fixture
def leases(clock: ManualClock, expired: list[int]) -> Leases:
    def end(lease_ids: Sequence[int]) -> None:
        for lease_id in lease_ids:
            expired.append(lease_id)
            held.remove(lease_id)

    held = Leases(clock, end)
    return held


def test_each_lease_expires_when_its_own_time_is_over(leases: Leases, clock: ManualClock, expired: list[int]) -> None:
    leases.add(1, 30)
    leases.add(2, 10)
    clock.advance(9.9)
    assert expired == []
    clock.advance(0.2)
    assert expired == [2]
    clock.advance(20)
    assert expired == [2, 1]


def test_a_renewed_lease_starts_its_time_anew(leases: Leases, clock: ManualClock, expired: list[int]) -> None:
    leases.add(1, 10)
    for _ in range(5):
        clock.advance(8)
        assert leases.renew(1).remaining_s == 10
    assert expired == []
    clock.advance(10)
    assert expired == [1]


def test_one_timer_serves_all_leases_and_none_waits_when_there_is_no_lease(leases: Leases, clock: ManualClock) -> None:
    for lease_id in range(1, 50):
        leases.add(lease_id, 10 + lease_id)
    assert clock.armed == 1
    clock.advance(100)
    assert clock.armed == 0


def test_info_tells_what_is_left(leases: Leases, clock: ManualClock) -> None:
    leases.add(1, 10)
    leases.attach(1, b"/b")
    leases.attach(1, b"/a")
    clock.advance(4)
    assert leases.info(1, keys=True).remaining_s == 6
    assert leases.info(1, keys=True).keys == [b"/a", b"/b"]


def test_a_lease_about_to_end_counts_as_gone_until_the_end_is_called_off(leases: Leases) -> None:
    leases.add(1, 10)
    leases.begin_end(1)
    assert 1 not in leases and leases.ids() == [] and leases.taken(1)
    with pytest.raises(LeaseNotFound):
        leases.renew(1)
    leases.cancel_end(1)
    assert 1 in leases


def test_an_end_that_did_not_happen_is_asked_for_again(clock: ManualClock) -> None:
    asked: list[int] = []
    leases = Leases(clock, asked.extend)
    leases.add(1, 10)
    clock.advance(12.5)
    assert asked == [1, 1, 1]


async def test_expiry_deletes_the_keys_of_a_store(clock: ManualClock) -> None:
    store = await memory.open_store(clock=clock)
    lease = await store.lease_grant(10)
    watch = await store.watch(b"/a")
    await store.put(Put(b"/a", b"1", lease=lease.id))
    await anext(watch)
    clock.advance(10)
    await anext(watch)
    assert (await store.get(Get(b"/a"))).count == 0
    assert await store.leases() == []
    await store.aclose()


async def test_leases_and_their_keys_outlive_a_restart_with_their_whole_time(
    tmp_path: Path, clock: ManualClock
) -> None:
    store = await sqlite.open_store(tmp_path / "store.db", clock=clock)
    lease = await store.lease_grant(10)
    ended = await store.lease_grant(10)
    await store.put(Put(b"/a", b"1", lease=lease.id))
    await store.lease_revoke(ended.id)
    clock.advance(8)
    await store.aclose()
    store = await sqlite.open_store(tmp_path / "store.db", clock=clock)
    found = await store.lease_info(lease.id, keys=True)
    assert (found.remaining_s, list(found.keys)) == (10, [b"/a"])
    assert await store.leases() == [lease.id]
    watch = await store.watch(b"/a")
    clock.advance(10)
    assert (await anext(watch)).events[0].type.value == "DELETE"
    await store.aclose()
