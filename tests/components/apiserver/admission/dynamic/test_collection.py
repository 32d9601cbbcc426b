"""The configurations in force: read when something has changed, and not otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperpy.api.kinds import CONFIG_MAP, Kind
from hyperpy.components.apiserver.admission.dynamic.collection import Collection
from hyperpy.components.apiserver.registry.metrics import WriteMetrics
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.instruments import Instruments
from hyperpy.store.protocol import Range

MAPS = "/api/v1/namespaces/default/configmaps"


class Counting(Objects):
    """Counts how often everything is read."""

    reads = 0

    async def everything(self, kind: Kind, namespace: str | None = None) -> Range:
        self.reads += 1
        return await super().everything(kind, namespace)


@pytest.fixture
async def objects(cluster: Any) -> Counting:
    """A cluster without any ConfigMap."""
    for each in (await cluster.json("GET", "/api/v1/configmaps"))["items"]:
        about = each["metadata"]
        await cluster.json("DELETE", f"/api/v1/namespaces/{about['namespace']}/configmaps/{about['name']}")
    return Counting(cluster.store, WriteMetrics(Instruments()))


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def collection(cluster: Any, objects: Counting, made: list[str]) -> Collection[str]:
    def make(obj: dict[str, Any]) -> str:
        made.append(obj["metadata"]["name"])
        return str(obj["metadata"]["name"])

    core = cluster.handler.core
    return Collection(CONFIG_MAP, objects=objects, feeds=core.feeds, clock=cluster.clock, make=make)


async def until(collection: Collection[str], wanted: list[str]) -> None:
    async with asyncio.timeout(5):
        while sorted(await collection.items()) != wanted:
            await asyncio.sleep(0)


async def test_nothing_is_read_while_nothing_changes(collection: Collection[str], objects: Counting):
    for _ in range(5):
        assert await collection.items() == ()
    assert objects.reads == 1


async def test_first_askers_share_the_first_read(collection: Collection[str], objects: Counting):
    await asyncio.gather(*(collection.items() for _ in range(5)))
    assert objects.reads == 1


async def test_changes_are_followed_and_only_what_changed_is_made_anew(
    cluster: Any, collection: Collection[str], objects: Counting, made: list[str], make_config_map: Any
):
    await cluster.json("POST", MAPS, make_config_map("a"))
    await until(collection, ["a"])
    await cluster.json("POST", MAPS, make_config_map("b"))
    await until(collection, ["a", "b"])
    await cluster.json("DELETE", f"{MAPS}/a")
    await until(collection, ["b"])
    assert made == ["a", "b"]
    assert objects.reads == 3


async def test_own_write_is_seen_without_waiting_for_the_feed(
    cluster: Any, collection: Collection[str], objects: Counting, make_config_map: Any
):
    await collection.items()
    collection.touched()
    await cluster.json("POST", MAPS, make_config_map("a"))
    assert await collection.items() == ("a",)
    before = objects.reads
    await collection.items()
    assert objects.reads == before + 1, "another write may still be on its way"
    await cluster.clock.advance(10)
    await until(collection, ["a"])
    before = objects.reads
    await collection.items()
    assert objects.reads == before


async def test_feed_that_ended_is_joined_again(cluster: Any, collection: Collection[str], make_config_map: Any):
    await collection.items()
    await cluster.handler.core.feeds.aclose()
    await cluster.json("POST", MAPS, make_config_map("a"))
    await until(collection, ["a"])
