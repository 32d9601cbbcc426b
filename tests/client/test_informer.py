"""Informers over a scripted server: one cache, in step, through breaks and compaction."""

import asyncio

import pytest

from hyperpy.api import errors, kinds
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import ObjectList, WatchEvent
from hyperpy.testing.clock import ManualClock


def pod(name, revision, *, namespace="d", **spec):
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(revision)}
    return {"metadata": meta, "spec": spec}


class Server:
    """Answers list and watch from what a test puts into it."""

    def __init__(self, *objects, revision="1"):
        self.objects = list(objects)
        self.revision = revision
        self.events = asyncio.Queue()
        self.lists = 0
        self.watches = []

    async def list(self, kind, *, limit=0, continue_token="", **_):
        self.lists += 1
        start = int(continue_token or 0)
        end = start + 2
        token = str(end) if end < len(self.objects) else ""
        return ObjectList(self.objects[start:end], self.revision, token)

    async def watch(self, kind, *, resource_version="", **_):
        self.watches.append(resource_version)
        while True:
            event = await self.events.get()
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
async def start():
    clock = ManualClock()
    entered = []

    async def go(server):
        informers = Informers(server, clock=clock)
        await informers.__aenter__()
        entered.append(informers)
        informer = informers.of(kinds.POD)
        await informer.synced()
        return informer, clock

    yield go
    for informers in entered:
        await informers.__aexit__(None, None, None)


async def test_every_page_of_the_list_is_in_the_cache(start):
    informer, _ = await start(Server(*(pod(f"p{n}", n) for n in range(5))))
    assert sorted(obj["metadata"]["name"] for obj in informer.list()) == [f"p{n}" for n in range(5)]
    assert informer.get("p3", "d")["metadata"]["resourceVersion"] == "3"
    assert informer.list("other") == []


async def test_events_change_the_cache_and_reach_subscribers_in_order(start):
    server = Server(pod("a", 1))
    informer, clock = await start(server)
    seen = []
    informer.subscribe(lambda event, old, new: seen.append((event, new["metadata"]["name"])))
    for event in (
        WatchEvent("ADDED", pod("b", 2)),
        WatchEvent("MODIFIED", pod("a", 3, nodeName="n")),
        WatchEvent("DELETED", pod("b", 4)),
        WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "9"}}),
    ):
        server.events.put_nowait(event)
    await clock.settle()
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert [obj["spec"] for obj in informer.list()] == [{"nodeName": "n"}]


async def test_a_watch_that_ends_goes_on_from_the_last_revision_seen(start):
    server = Server(pod("a", 1))
    _, clock = await start(server)
    server.events.put_nowait(WatchEvent("ADDED", pod("b", 2)))
    server.events.put_nowait(WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "9"}}))
    server.events.put_nowait(None)
    await clock.advance(1)
    assert server.watches[:2] == ["1", "9"]
    assert server.lists == 1


async def test_after_compaction_it_lists_again_and_tells_what_went_missing(start):
    server = Server(pod("a", 1), pod("b", 1))
    informer, clock = await start(server)
    seen = []
    informer.subscribe(lambda event, old, new: seen.append((event, new["metadata"]["name"])))
    seen.clear()
    server.objects, server.revision = [pod("b", 1), pod("c", 7)], "8"
    server.events.put_nowait(errors.Expired("too old resource version"))
    await clock.advance(1)
    assert seen == [("DELETED", "a"), ("ADDED", "c")]
    assert server.watches == ["1", "8"]


async def test_an_object_made_anew_under_its_name_is_told_as_deleted_and_added(start):
    server = Server(pod("a", 1))
    informer, clock = await start(server)
    seen = []
    informer.subscribe(lambda event, old, new: seen.append(event))
    again = pod("a", 5)
    again["metadata"]["uid"] = "another"
    server.events.put_nowait(WatchEvent("MODIFIED", again))
    await clock.settle()
    assert seen == ["ADDED", "DELETED", "ADDED"]


async def test_an_index_follows_changes(start):
    server = Server(pod("a", 1, nodeName="n1"), pod("b", 1, nodeName="n2"))
    informer, clock = await start(server)
    informer.add_index("node", lambda obj: [obj["spec"]["nodeName"]])
    server.events.put_nowait(WatchEvent("MODIFIED", pod("a", 2, nodeName="n2")))
    await clock.settle()
    assert informer.by_index("node", "n1") == []
    assert {obj["metadata"]["name"] for obj in informer.by_index("node", "n2")} == {"a", "b"}


async def test_a_server_that_is_away_is_asked_again_with_growing_pauses(start):
    server = Server()
    informer, clock = await start(server)
    failure = errors.ServiceUnavailable("away")
    for _ in range(3):
        server.events.put_nowait(failure)
    await clock.advance(30)
    server.events.put_nowait(WatchEvent("ADDED", pod("late", 2)))
    await clock.advance(30)
    assert informer.get("late", "d")
