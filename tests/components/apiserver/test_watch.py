"""Watches: what streams show, when they end, and that nobody is slowed by a reader that does not read."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.apiserver.config import CoreConfig

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_changes_after_a_list_arrive_in_order(cluster, make_config_map):
    start = (await cluster.json("GET", CONFIG_MAPS))["metadata"]["resourceVersion"]
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion={start}")
    created = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    await cluster.client.update(kinds.CONFIG_MAP, {**created, "data": {"a": "2"}})
    await cluster.client.delete(kinds.CONFIG_MAP, "one", namespace="default")
    assert await watch.take(3) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    await watch.aclose()


async def test_history_is_replayed_when_the_feed_is_ahead(cluster, make_config_map):
    start = (await cluster.json("GET", CONFIG_MAPS))["metadata"]["resourceVersion"]
    first = await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion={start}")
    for name in ("one", "two"):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map(name))
    assert await first.take(2) == [("ADDED", "one"), ("ADDED", "two")]
    late = await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion={start}")
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("three"))
    assert await late.take(3) == [("ADDED", "one"), ("ADDED", "two"), ("ADDED", "three")]
    await first.aclose()
    await late.aclose()


async def test_a_watch_without_a_version_begins_with_what_is_there(cluster, make_config_map):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("old"))
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("new"))
    assert await watch.take(2) == [("ADDED", "old"), ("ADDED", "new")]
    await watch.aclose()


async def test_initial_events_end_with_an_annotated_bookmark(cluster, make_config_map):
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("old"))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    watch = await cluster.lines(f"{CONFIG_MAPS}?{query}")
    assert await watch.take(1) == [("ADDED", "old")]
    bookmark = await watch.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["kind"] == "ConfigMap"
    await watch.aclose()


async def test_initial_events_without_bookmarks_are_refused(cluster):
    with pytest.raises(errors.Invalid, match="sendInitialEvents is forbidden unless allowWatchBookmarks"):
        await cluster.send("GET", f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")


async def test_an_object_that_stops_matching_is_deleted_for_a_selecting_watcher(cluster, make_config_map):
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&labelSelector=color=red")
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    for color in ("red", "red", "blue"):
        patch = {"metadata": {"labels": {"color": color}}, "data": {"a": color + "x"}}
        await cluster.client.patch(kinds.CONFIG_MAP, "one", patch, namespace="default")
        await cluster.client.patch(kinds.CONFIG_MAP, "one", {"data": {"a": color}}, namespace="default")
    added, *_, deleted = [await watch.next() for _ in range(5)]
    assert (added["type"], deleted["type"]) == ("ADDED", "DELETED")
    assert deleted["object"]["data"] == {"a": "red"}
    assert int(deleted["object"]["metadata"]["resourceVersion"]) > int(added["object"]["metadata"]["resourceVersion"])
    await watch.aclose()


async def test_other_namespaces_and_kinds_are_not_seen(cluster, make_config_map):
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("elsewhere", "kube-system"))
    await cluster.client.create(kinds.SECRET, {"metadata": {"name": "s", "namespace": "default"}})
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("here"))
    assert await watch.take(1) == [("ADDED", "here")]
    await watch.aclose()


async def test_bookmarks_come_with_the_clock(cluster):
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion=1")
    await cluster.clock.advance(61)
    event = await watch.next()
    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"]["resourceVersion"] == str(await cluster.store.revision())
    await watch.aclose()


async def test_a_compacted_version_gives_one_expired_error_event(cluster, make_config_map):
    for name in ("one", "two", "three"):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map(name))
    await cluster.store.compact(await cluster.store.revision())
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion=2")
    event = await watch.next()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 2 (")
    with pytest.raises(StopAsyncIteration):
        await watch.next()


async def test_a_version_that_has_not_happened_is_a_timeout(cluster):
    with pytest.raises(errors.Timeout, match="Too large resource version: 999999"):
        await cluster.send("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=999999")


async def test_a_watch_that_was_never_read_can_be_closed(cluster):
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
    await watch.aclose()
    with pytest.raises(StopAsyncIteration):
        await watch.next()


async def test_table_watches_say_their_columns_once(cluster, make_config_map):
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1", accept=accept)
    other = await cluster.lines(f"{CONFIG_MAPS}?watch=1", accept=accept)
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("two"))
    for stream in (watch, other):
        first, second = await stream.next(), await stream.next()
        assert first["object"]["kind"] == second["object"]["kind"] == "Table"
        assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert second["object"]["columnDefinitions"] is None
        assert second["object"]["rows"][0]["cells"][0] == "two"
        await stream.aclose()


async def test_a_thousand_watchers_share_the_bytes_of_an_event(cluster, make_config_map):
    watches = [await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion=1") for _ in range(50)]
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
    chunks = [await watch.stream.__anext__() for watch in watches]
    assert len({id(chunk) for chunk in chunks}) == 1
    for watch in watches:
        await watch.aclose()


class TestASlowReader:
    @pytest.fixture
    def config(self) -> CoreConfig:
        return CoreConfig(watch_queue=3)

    async def test_is_cut_off_with_410_and_slows_nobody(self, cluster, make_config_map):
        slow = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
        quick = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
        for number in range(6):
            await cluster.client.create(kinds.CONFIG_MAP, make_config_map(f"c{number}"))
            assert await quick.take(1) == [("ADDED", f"c{number}")]
        event = await slow.next()
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        with pytest.raises(StopAsyncIteration):
            await slow.next()
        await quick.aclose()

    async def test_that_waits_is_woken_by_a_change(self, cluster, make_config_map):
        watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
        waiting = asyncio.create_task(watch.next())
        await asyncio.sleep(0)
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        assert (await waiting)["type"] == "ADDED"
        await watch.aclose()


class TestAReaderOfLargeObjects:
    @pytest.fixture
    def config(self) -> CoreConfig:
        return CoreConfig(watch_queue_bytes=200_000)

    async def test_is_cut_off_by_their_bytes(self, cluster, make_config_map):
        slow = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
        quick = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
        for number in range(3):
            large = {**make_config_map(f"c{number}"), "data": {"a": "x" * 90_000}}
            await cluster.client.create(kinds.CONFIG_MAP, large)
            assert await quick.take(1) == [("ADDED", f"c{number}")]
        event = await slow.next()
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        await quick.aclose()

    async def test_that_is_behind_gets_them_in_parts(self, cluster, make_config_map):
        start = await cluster.store.revision()
        for number in range(4):
            large = {**make_config_map(f"c{number}"), "data": {"a": "x" * 90_000}}
            await cluster.client.create(kinds.CONFIG_MAP, large)
        watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&resourceVersion={start}")
        chunks = [await watch.stream.__anext__() for _ in range(4)]
        assert [chunk.count(b"\n") for chunk in chunks] == [1, 1, 1, 1]
        await watch.aclose()


class TestTheEndOfItsTime:
    @pytest.fixture
    def config(self) -> CoreConfig:
        return CoreConfig(watch_timeout_s=0)

    async def test_ends_a_watch_after_what_is_there(self, cluster, make_config_map):
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))
        watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&timeoutSeconds=0")
        assert await watch.take(1) == [("ADDED", "one")]
        with pytest.raises(StopAsyncIteration):
            await watch.next()

    async def test_is_a_bookmark_to_go_on_from(self, cluster):
        watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1&allowWatchBookmarks=1")
        event = await watch.next()
        assert event["type"] == "BOOKMARK"
        assert event["object"]["metadata"]["resourceVersion"] == str(await cluster.store.revision())
        with pytest.raises(StopAsyncIteration):
            await watch.next()


async def test_closing_the_core_ends_its_watches(cluster):
    watch = await cluster.lines(f"{CONFIG_MAPS}?watch=1")
    await cluster.handler.aclose()
    with pytest.raises(StopAsyncIteration):
        await watch.next()
