"""The v2 key space in a file: indexes, races, ends of nodes, restarts; and where we differ from etcd 3.4 knowingly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from store.etcd_server.v2.asking import WallClock, ask, shown, told, waiter
from store.manual_clock import ManualClock

from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.keyspace import V2KeySpace, open_keyspace


@asynccontextmanager
async def opened(file: Path, wall: WallClock, clock: ManualClock) -> AsyncIterator[V2KeySpace]:
    keyspace = await open_keyspace(file, now=wall, clock=clock)
    yield keyspace
    await keyspace.aclose()


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def keyspace(tmp_path: Path, wall: WallClock, clock: ManualClock) -> AsyncIterator[V2KeySpace]:
    async with opened(tmp_path / "v2.db", wall, clock) as keyspace:
        yield keyspace


async def test_an_index_is_one_change(keyspace: V2KeySpace) -> None:
    assert (await ask(keyspace, "PUT", "/a/b/c", value=1)).index == 2
    with pytest.raises(Refused) as refused:
        await ask(keyspace, "PUT", "/a/b", value=1)
    assert (refused.value.code, refused.value.index) == (Code.NOT_FILE, 2)
    assert (await ask(keyspace, "DELETE", "/a", recursive="true")).index == 3
    assert (await ask(keyspace, "GET", "/")).body == b'{"action":"get","node":{"dir":true}}\n'


async def test_keys_in_order_are_named_by_their_index_however_many_ask_at_once(keyspace: V2KeySpace) -> None:
    answers = await asyncio.gather(*(ask(keyspace, "POST", "/q", value=i) for i in range(50)))
    keys = [json.loads(answer.body)["node"]["key"] for answer in answers]
    assert keys == [f"/q/{index:020d}" for index in range(2, 52)]
    assert [node["value"] for node in (await shown(keyspace, "/q"))["nodes"]] == [str(i) for i in range(50)]


async def test_of_many_that_swap_at_once_one_wins(keyspace: V2KeySpace) -> None:
    await ask(keyspace, "PUT", "/a", value="old")
    swaps = (ask(keyspace, "PUT", "/a", value=i, prevValue="old") for i in range(20))
    results = await asyncio.gather(*swaps, return_exceptions=True)
    assert sum(not isinstance(result, Refused) for result in results) == 1
    assert (await shown(keyspace, "/a"))["value"] == "0"


async def test_a_file_that_becomes_a_directory_and_back_leaves_no_trace(tmp_path: Path, keyspace: V2KeySpace) -> None:
    await ask(keyspace, "PUT", "/a", value=1, ttl=100)
    await ask(keyspace, "PUT", "/a", dir="true")
    await ask(keyspace, "PUT", "/a/b", value=1)
    await ask(keyspace, "DELETE", "/a", recursive="true")
    await ask(keyspace, "PUT", "/a", value=2)
    assert await shown(keyspace, "/a") == {"key": "/a", "value": "2", "modifiedIndex": 6, "createdIndex": 6}


async def test_a_node_goes_when_its_time_is_over(keyspace: V2KeySpace, wall: WallClock, clock: ManualClock) -> None:
    await ask(keyspace, "PUT", "/d", dir="true", ttl=10)
    await ask(keyspace, "PUT", "/d/x", value=1)
    await ask(keyspace, "PUT", "/d/y", value=1, ttl=10)
    assert (await shown(keyspace, "/d"))["ttl"] == 10
    below, above = await waiter(keyspace, "/d/x"), await waiter(keyspace, "/", recursive="true", stream="true")
    wall.seconds += 10
    clock.advance(10)
    event = await told(below)
    assert event["action"] == "expire"
    assert event["node"] == {"key": "/d", "dir": True, "modifiedIndex": 5, "createdIndex": 2}
    assert event["prevNode"]["expiration"] == "2023-11-14T22:13:30Z"
    assert await told(above) == event
    with pytest.raises(Refused) as refused:
        await shown(keyspace, "/d/x")
    assert refused.value.cause == "/d"
    assert (await ask(keyspace, "PUT", "/next", value=1)).index == 6  # /d/y went with /d, not once more
    assert keyspace.statistics.expired == 1


async def test_many_nodes_that_end_together_all_go(keyspace: V2KeySpace, wall: WallClock, clock: ManualClock) -> None:
    await asyncio.gather(*(ask(keyspace, "PUT", f"/{i}", value=1, ttl=5) for i in range(150)))
    waiting = await waiter(keyspace, "/", recursive="true", stream="true")
    wall.seconds += 5
    clock.advance(5)
    assert sorted([(await told(waiting))["node"]["key"] for _ in range(150)]) == sorted(f"/{i}" for i in range(150))
    assert "nodes" not in await shown(keyspace, "/")
    assert keyspace.statistics.expired == 150


async def test_a_new_time_to_live_replaces_the_old_one(
    keyspace: V2KeySpace, wall: WallClock, clock: ManualClock
) -> None:
    await ask(keyspace, "PUT", "/longer", value=1, ttl=5)
    await ask(keyspace, "PUT", "/for-ever", value=1, ttl=5)
    await ask(keyspace, "PUT", "/last", value=1, ttl=6)
    await ask(keyspace, "PUT", "/longer", prevExist="true", refresh="true", ttl=100)
    await ask(keyspace, "PUT", "/for-ever", prevExist="true", value=2)
    waiting = await waiter(keyspace, "/", recursive="true")
    wall.seconds += 6
    clock.advance(6)
    assert (await told(waiting))["node"]["key"] == "/last"
    assert [node["key"] for node in (await shown(keyspace, "/"))["nodes"]] == ["/for-ever", "/longer"]
    assert (await shown(keyspace, "/longer"))["value"] == "1"


async def test_a_wall_clock_that_is_set_forward_is_seen_within_a_minute(
    keyspace: V2KeySpace, wall: WallClock, clock: ManualClock
) -> None:
    await ask(keyspace, "PUT", "/a", value=1, ttl=100_000)
    waiting = await waiter(keyspace, "/a")
    wall.seconds += 100_000
    clock.advance(60)
    assert (await told(waiting))["action"] == "expire"


async def test_a_wall_clock_that_is_set_back_ends_nothing_early(
    keyspace: V2KeySpace, wall: WallClock, clock: ManualClock
) -> None:
    await ask(keyspace, "PUT", "/a", value=1, ttl=10)
    wall.seconds -= 1000
    clock.advance(10)
    await ask(keyspace, "PUT", "/b", value=1, ttl=5)  # wakes the timer too, which finds nothing to end but this
    waiting = await waiter(keyspace, "/", recursive="true")
    wall.seconds += 5
    clock.advance(5)
    assert (await told(waiting))["node"]["key"] == "/b"
    assert (await shown(keyspace, "/a"))["ttl"] == 1005


async def test_ends_history_and_index_outlive_a_restart(tmp_path: Path, wall: WallClock, clock: ManualClock) -> None:
    file = tmp_path / "v2.db"
    async with opened(file, wall, clock) as keyspace:
        await ask(keyspace, "PUT", "/short", value=1, ttl=5)
        await ask(keyspace, "PUT", "/long", value=1, ttl=50)
    wall.seconds += 20
    async with opened(file, wall, clock) as keyspace:
        assert (await told(await waiter(keyspace, "/short", waitIndex=3)))["action"] == "expire"
        assert (await shown(keyspace, "/long"))["ttl"] == 30
        past = [await told(await waiter(keyspace, "/", recursive="true", waitIndex=index)) for index in (2, 3, 4)]
        assert [(event["action"], event["node"]["key"]) for event in past] == [
            *(("set", "/short"), ("set", "/long"), ("expire", "/short")),
        ]
        assert (await ask(keyspace, "PUT", "/new", value=1)).index == 5


async def test_a_restart_keeps_the_thousand_newest_events_after_compaction_too(
    tmp_path: Path, wall: WallClock, clock: ManualClock
) -> None:
    file = tmp_path / "v2.db"
    async with opened(file, wall, clock) as keyspace:
        await asyncio.gather(*(ask(keyspace, "PUT", "/a", value=i) for i in range(1200)))
        clock.advance(60)
        assert (await ask(keyspace, "PUT", "/a", value="last")).index == 1202
    for _ in range(2):
        async with opened(file, wall, clock) as keyspace:
            assert (await told(await waiter(keyspace, "/a", waitIndex=203)))["node"]["modifiedIndex"] == 203
            with pytest.raises(Refused) as refused:
                await waiter(keyspace, "/a", waitIndex=202)
            assert refused.value.cause == "the requested history has been cleared [203/202]"


async def test_a_waiter_below_a_directory_that_goes_is_told_though_its_own_path_is_empty(keyspace: V2KeySpace) -> None:
    """etcd tells it when it asks from the past only, and then those at /foobar of /foo too."""
    await ask(keyspace, "PUT", "/foo/a", value=1)
    now, other = await waiter(keyspace, "/foo/b"), await waiter(keyspace, "/foobar")
    await ask(keyspace, "DELETE", "/foo", recursive="true")
    assert (await told(now))["action"] == "delete"
    assert (await told(await waiter(keyspace, "/foo/b", waitIndex=3)))["action"] == "delete"
    await ask(keyspace, "PUT", "/foobar", value=1)
    assert (await told(other))["action"] == "set"


async def test_hidden_changes_of_the_past_are_hidden_too(keyspace: V2KeySpace) -> None:
    """etcd shows them to those that ask from the past, and hides them from those that waited."""
    await ask(keyspace, "PUT", "/d/_hidden", value=1)
    await ask(keyspace, "PUT", "/d/shown", value=1)
    event = await told(await waiter(keyspace, "/d", recursive="true", waitIndex=2))
    assert event["node"]["key"] == "/d/shown"
