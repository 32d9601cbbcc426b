"""Preemption over the real API: victims go and are told why, the Pod is promised their room, and gets it."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta

from .world import World, untainted


@pytest.fixture
async def important(world: World) -> World:
    for name, value in (("low", 10), ("high", 1000), ("top", 2000)):
        body = {"metadata": {"name": name}, "value": value}
        await world.client.create(kinds.PRIORITY_CLASS, body)
    await world.node("n1")
    await world.schedule()
    return world


def of(priority: str, **spec: Any) -> dict[str, Any]:
    return untainted(priorityClassName=priority, **spec)


async def gone(world: World, name: str) -> None:
    """Its kubelet reports that a Pod has ended."""
    body = {"status": {"phase": "Failed"}}
    await world.client.patch(kinds.POD, name, body, namespace="default", subresource="status")


async def test_a_pod_gets_the_room_of_a_less_important_one(important: World) -> None:
    world = important
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    await world.pod("big", "1500m", **of("high"))
    await world.until(world.told("big", "0/1 nodes are available: 1 Insufficient cpu."))
    big = await world.get("big")
    assert big["status"]["nominatedNodeName"] == "n1"

    async def deleted() -> bool:
        return meta.is_deleting(await world.get("small"))

    await world.until(deleted)
    condition = meta.condition(await world.get("small"), "DisruptionTarget")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    await world.quiet()
    assert await world.events("Preempted") == [f"Preempted by pod {big['metadata']['uid']} on node n1"]
    assert len(await world.events("FailedScheduling")) == 1, "while the victim ends, nothing is tried in vain"
    await gone(world, "small")
    await world.until(world.on("big", "n1"))


async def test_what_is_promised_is_not_given_to_a_less_important_pod(important: World) -> None:
    world = important
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    await world.pod("big", "1900m", **of("high"))
    await world.until(world.told("big", "Insufficient cpu"))
    await world.pod("thief", "400m", **of("low"))
    await world.until(world.told("thief", "Insufficient cpu"))
    await gone(world, "small")
    await world.until(world.on("big", "n1"))
    await world.quiet()
    assert "nodeName" not in (await world.get("thief"))["spec"]


async def test_a_more_important_pod_takes_over_what_another_was_promised(important: World) -> None:
    world = important
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    await world.pod("big", "1500m", **of("high"))
    await world.until(world.told("big", "Insufficient cpu"))
    await world.pod("bigger", "1500m", **of("top"))
    await world.until(world.told("bigger", "Insufficient cpu"))

    async def handed_over() -> bool:
        promises = [(await world.get(name)).get("status", {}).get("nominatedNodeName") for name in ("big", "bigger")]
        return promises == [None, "n1"]

    await world.until(handed_over)
    await gone(world, "small")
    await world.until(world.on("bigger", "n1"))


async def test_several_victims_go_and_the_pod_is_tried_once_all_have(important: World) -> None:
    world = important
    for name in ("a", "b"):
        await world.pod(name, "900m", **of("low"))
        await world.until(world.on(name, "n1"))
    await world.pod("big", "1900m", **of("high"))
    await world.until(world.told("big", "Insufficient cpu"))
    await world.quiet()
    await gone(world, "a")
    await world.quiet()
    assert len(await world.events("FailedScheduling")) == 1
    await gone(world, "b")
    await world.until(world.on("big", "n1"))


async def test_a_pod_that_never_preempts_waits(important: World) -> None:
    world = important
    polite = {"metadata": {"name": "polite"}, "value": 5000, "preemptionPolicy": "Never"}
    await world.client.create(kinds.PRIORITY_CLASS, polite)
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    await world.pod("big", "1500m", **of("polite"))
    await world.until(
        world.told(
            "big",
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
        )
    )
    assert not meta.is_deleting(await world.get("small"))


async def test_a_new_process_keeps_the_promises_of_the_one_before(important: World) -> None:
    world = important
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    await world.pod("big", "1900m", **of("high"))

    async def promised() -> bool:
        return bool((await world.get("big"))["status"].get("nominatedNodeName"))

    await world.until(promised)
    await world.quiet()
    await world.restart()
    await world.pod("thief", "400m", **of("low"))
    await world.until(world.told("thief", "Insufficient cpu"))
    await world.quiet()
    await gone(world, "small")
    await world.until(world.on("big", "n1"))


async def test_a_victim_that_cannot_be_deleted_is_tried_again(important: World) -> None:
    world = important
    await world.pod("small", "1500m", **of("low"))
    await world.until(world.on("small", "n1"))
    failures = iter([errors.InternalError("the store is slow")])

    def refuse(name: str) -> None:
        for error in failures:
            raise error

    world.refusing.refuse_delete = refuse
    await world.pod("big", "1500m", **of("high"))

    async def deleted() -> bool:
        return meta.is_deleting(await world.get("small"))

    await world.until(deleted)
    await gone(world, "small")
    await world.until(world.on("big", "n1"))
