"""Crashes, lost answers, stale caches, missed events, vanished nodes, a second scheduler: every Pod is bound once.

And no node gets more than it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Informers
from hyperpy.components.scheduler.options import LeaderElection
from hyperpy.components.scheduler.profiles import ProfileSpec

from .world import World, untainted

PODS = 6


class Line:
    """A Client that loses requests and answers, and whose watch of Pods can stand still or break.

    Args:
        inner: does the work.

    `fault` strikes at the binding of a number, counted from 1.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.fault = ""
        self.number = 0
        self.bindings = 0
        self.bound: list[str] = []
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.cut = False
        self.away = False
        self.struck = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, kind: Kind, obj: Any, **options: Any) -> Any:
        if options.get("subresource") != "binding":
            return await self._inner.create(kind, obj, **options)
        self.bindings += 1
        mine = self.bindings == self.number
        if mine:
            self.struck.set()
        if mine and self.fault in ("stale-cache", "answer-lost-stale-cache"):
            self.flowing.clear()
        if mine and self.fault == "missed-event":
            self.cut = True
        if mine and self.fault == "request-lost":
            raise errors.ServiceUnavailable("the connection broke")
        if self.struck.is_set() and self.fault == "crash-before":
            await asyncio.get_running_loop().create_future()
        answer = await self._inner.create(kind, obj, **options)
        self.bound.append(options["name"])
        if mine and self.fault.startswith("answer-lost"):
            raise errors.ServiceUnavailable("the connection broke")
        if self.struck.is_set() and self.fault == "crash-after":
            await asyncio.get_running_loop().create_future()
        return answer

    async def get(self, kind: Kind, name: str, **options: Any) -> Any:
        if self.away:
            raise errors.ServiceUnavailable("the server is away")
        return await self._inner.get(kind, name, **options)

    async def watch(self, kind: Kind, **options: Any) -> AsyncIterator[Any]:
        async for event in self._inner.watch(kind, **options):
            if kind is kinds.POD:
                await self.flowing.wait()
                if self.cut:
                    self.cut = False
                    raise errors.Expired("too old resource version")
            yield event


@pytest.fixture
def line(world: World) -> Line:
    made = Line(world.client)
    world.refusing = made  # type: ignore[assignment]
    world.informers = Informers(made, clock=world.clock)  # type: ignore[arg-type]
    return made


async def nodes_of(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pod in (await world.client.list(kinds.POD, namespace="default")).items:
        found.setdefault(pod["spec"].get("nodeName", ""), []).append(pod["metadata"]["name"])
    return found


def full(world: World, each: int) -> Any:
    """Every node has as many Pods as fit; the others wait."""

    async def holds() -> bool:
        found = await nodes_of(world)
        return all(len(found.get(node, ())) == each for node in ("n1", "n2"))

    return holds


async def crowd(world: World, **spec: Any) -> None:
    """More Pods than there is room for: two fit on each of two nodes."""
    for number in range(PODS):
        await world.pod(f"p{number}", "900m", **untainted(**spec))


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("fault", ["request-lost", "answer-lost", "stale-cache", "missed-event"])
async def test_one_fault_at_a_binding(world: World, line: Line, fault: str, number: int) -> None:
    line.fault, line.number = fault, number
    for name in ("n1", "n2"):
        await world.node(name)
    await world.schedule()
    await crowd(world)
    await world.until_set(line.struck)
    await world.quiet()
    line.flowing.set()
    await world.until(full(world, 2))
    await world.quiet()
    assert len(line.bound) == len(set(line.bound)) == 4
    assert await full(world, 2)()


@pytest.mark.parametrize("fault", ["crash-before", "crash-after"])
async def test_a_crash_between_the_decision_and_its_binding(world: World, line: Line, fault: str) -> None:
    line.fault, line.number = fault, 2
    for name in ("n1", "n2"):
        await world.node(name)
    await world.schedule()
    await crowd(world)
    await world.until_set(line.struck)
    await world.quiet()
    await world.stop()
    line.fault = ""
    world.informers = Informers(line, clock=world.clock)  # type: ignore[arg-type]
    await world.schedule()
    await world.until(full(world, 2))
    await world.quiet()
    assert len(line.bound) == len(set(line.bound)) == 4


async def test_while_it_is_not_known_whether_a_pod_is_bound_its_room_is_kept(world: World, line: Line) -> None:
    await world.node("n1")
    line.fault, line.number, line.away = "answer-lost-stale-cache", 1, True
    for name in ("first", "second"):
        await world.pod(name, "1500m", **untainted())
    await world.schedule()
    await world.until_set(line.struck)
    await world.clock.advance(3)
    line.away = False
    await world.clock.advance(10)
    assert line.bound == ["first"]
    line.flowing.set()
    await world.quiet()
    assert line.bound == ["first"]
    assert "Insufficient cpu" in (await world.get("second"))["status"]["conditions"][0]["message"]


async def test_a_node_that_vanishes_while_a_pod_is_bound_to_it(world: World, line: Line) -> None:
    """It is bound to nothing that is not there, or its Pod is somebody else's to remove; the scheduler goes on."""
    await world.node("n1")
    await world.schedule()
    line.fault, line.number = "request-lost", 1
    await world.pod("a", **untainted())
    await world.until_set(line.struck)
    await world.client.delete(kinds.NODE, "n1")
    await world.until(world.told("a", "no nodes available to schedule pods"))
    await world.node("n2")
    await world.until(world.on("a", "n2"))
    assert line.bound == ["a"]


async def test_two_schedulers_share_the_nodes(world: World, line: Line) -> None:
    for name in ("n1", "n2"):
        await world.node(name)
    for name in ("one", "two"):
        await world.schedule(profiles=(ProfileSpec(name),))
    for number in range(PODS):
        await world.pod(f"p{number}", "900m", **untainted(schedulerName=("one", "two")[number % 2]))
        await world.quiet()
    assert await full(world, 2)()
    assert len(line.bound) == len(set(line.bound)) == 4


async def test_of_two_schedulers_with_one_lease_the_second_takes_over(world: World, line: Line) -> None:
    await world.node("n1")
    for _ in range(2):
        await world.schedule(leader_election=LeaderElection(wait=True))
    await world.pod("first", **untainted())
    await world.until(world.on("first", "n1"))
    leader = world.tasks[1]
    leader.cancel()
    await asyncio.wait({leader})
    await world.pod("second", **untainted())
    await world.until(world.on("second", "n1"))
    assert line.bound == ["first", "second"]
