"""Several profiles in one scheduler, and several schedulers beside each other."""

from __future__ import annotations

import pytest

from hyperpy.api import kinds
from hyperpy.components.scheduler.arrangement import Choice, PluginSet
from hyperpy.components.scheduler.options import LeaderElection
from hyperpy.components.scheduler.plugins.default_binder import DefaultBinder
from hyperpy.components.scheduler.plugins.priority_sort import PrioritySort
from hyperpy.components.scheduler.profile import Profile, Use
from hyperpy.components.scheduler.profiles import ProfileError, Profiles, ProfileSpec

from .world import World, untainted


class NewestFirst:
    name = "NewestFirst"

    def sort_key(self, pod: object, queued_at: float) -> float:
        return -queued_at


#: Packs nodes full, instead of using them evenly.
PACKING = ProfileSpec(
    "packing",
    {"score": PluginSet((Choice("NodeResourcesFit"),), frozenset({"*"}))},
    {"InterPodAffinity": {"hard_weight": 3}},
)


async def test_each_pod_is_decided_on_by_the_profile_that_it_names(world: World) -> None:
    await world.node("n1")
    await world.schedule(profiles=(ProfileSpec(), PACKING))
    await world.pod("usual", **untainted())
    await world.pod("packed", schedulerName="packing", **untainted())
    await world.pod("foreign", schedulerName="other", **untainted())
    await world.until(world.on("usual", "n1"))
    await world.until(world.on("packed", "n1"))
    await world.quiet()
    assert "nodeName" not in (await world.get("foreign"))["spec"]
    events = await world.client.list(kinds.EVENT, namespace="default")
    assert {
        event["involvedObject"]["name"]: event["source"]["component"]
        for event in events.items
        if event["reason"] == "Scheduled"
    } == {"usual": "default-scheduler", "packed": "packing"}


async def test_schedulers_beside_each_other_take_their_own_pods_and_leases(world: World) -> None:
    await world.node("n1")
    for name in ("one", "two"):
        await world.schedule(profiles=(ProfileSpec(name),), leader_election=LeaderElection(wait=True, name=name))
    await world.pod("a", schedulerName="one", **untainted())
    await world.pod("b", schedulerName="two", **untainted())
    await world.until(world.on("a", "n1"))
    await world.until(world.on("b", "n1"))
    leases = await world.client.list(kinds.LEASE, namespace="kube-system")
    assert {lease["metadata"]["name"] for lease in leases.items} >= {"one", "two"}


def test_profiles_that_sort_one_queue_differently_are_refused() -> None:
    first = Profile("first", [Use(PrioritySort()), Use(DefaultBinder())])
    second = Profile("second", [Use(NewestFirst()), Use(DefaultBinder())])
    with pytest.raises(ProfileError, match="second: it sorts the queue by NewestFirst, first by PrioritySort"):
        Profiles([first, second])
    with pytest.raises(ProfileError, match="same schedulerName"):
        Profiles([first, first])
