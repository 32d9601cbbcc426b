"""The scheduler over the real API: Pods bound, reasons told, Pods woken by what helps, bindings that fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta, paths
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.client import local
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options as ControllerOptions
from hyperpy.components.scheduler.component import Options, Scheduler
from hyperpy.store.engine import memory
from hyperpy.testing.clock import ManualClock

DEADLINE_S = 5.0


class Refusing:
    """A Client whose bindings can be refused.

    Args:
        inner: does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.refuse: Callable[[str], None] = lambda name: None
        self.bindings = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, kind: Kind, obj: Any, **options: Any) -> Any:
        if options.get("subresource") == "binding":
            self.bindings += 1
            self.refuse(options["name"])
        return await self._inner.create(kind, obj, **options)


class World:
    """An API, a scheduler, and the ways of users."""

    def __init__(self, client: Any, clock: ManualClock) -> None:
        self.client = client
        self.clock = clock
        self.refusing = Refusing(client)
        self.tasks: list[asyncio.Task[Any]] = []
        self.informers = Informers(client, clock=clock)

    async def start(self, component: Any) -> None:
        ready = asyncio.Event()
        self.tasks.append(asyncio.create_task(component.run(ready=ready.set), name=component.name))
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()

    async def schedule(self, **options: Any) -> None:
        if not self.tasks:
            self.tasks.append(asyncio.create_task(self.informers.run(), name="informers"))
            await asyncio.sleep(0)
        rng = random.Random(1)
        await self.start(Scheduler(self.refusing, self.informers, Options(**options), clock=self.clock, rng=rng))

    async def stop(self) -> None:
        while self.tasks:
            task = self.tasks.pop()
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()  # type: ignore[misc]

    async def until(self, holds: Callable[[], Any]) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await holds()):
                await self.clock.advance(0.02)
        return found

    async def quiet(self) -> None:
        for _ in range(20):
            await self.clock.advance(0.02)

    async def node(self, name: str, **spec: Any) -> None:
        allocatable = {"cpu": "2", "memory": "4Gi", "pods": "10"}
        status = {"allocatable": allocatable, "capacity": allocatable}
        node = {"metadata": {"name": name}, "status": status, **({"spec": spec} if spec else {})}
        await self.client.create(kinds.NODE, node)

    async def pod(self, name: str, cpu: str = "100m", **spec: Any) -> None:
        container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": cpu}}}
        metadata = {"name": name, "namespace": "default"}
        await self.client.create(kinds.POD, {"metadata": metadata, "spec": {"containers": [container], **spec}})

    async def get(self, name: str) -> Any:
        return await self.client.get(kinds.POD, name, namespace="default")

    def on(self, name: str, node: str) -> Callable[[], Any]:
        async def holds() -> bool:
            return (await self.get(name))["spec"].get("nodeName") == node

        return holds

    def told(self, name: str, text: str) -> Callable[[], Any]:
        async def holds() -> bool:
            condition = meta.condition(await self.get(name), "PodScheduled") or {}
            return condition.get("status") == "False" and text in condition.get("message", "")

        return holds

    async def events(self, reason: str) -> list[str]:
        found = await self.client.list(kinds.EVENT, namespace="default")
        return [event["message"] for event in found.items if event["reason"] == reason]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = ManualClock()
    store = await memory.open_store()
    handler = resources.build(store, kinds.built_in(), CoreConfig(), clock, rng=random.Random(1))

    async def answer(request: Request) -> Response:
        return await handler(request, paths.parse(request.method, request.path, request.query))

    client = local.connect(answer, UserInfo("admin", ("system:masters",)))
    await bootstrap.run(handler)
    await client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "default"}})
    made = World(client, clock)
    yield made
    await made.stop()
    await handler.aclose()
    await store.aclose()


def untainted(**spec: Any) -> dict[str, Any]:
    """Pods that bear the taint of nodes nobody reports for."""
    return {"tolerations": [{"operator": "Exists"}], **spec}


async def test_pods_are_bound_and_told_of(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("web", **untainted())
    await world.until(world.on("web", "n1"))
    await world.quiet()
    assert await world.events("Scheduled") == ["Successfully assigned default/web to n1"]


async def test_a_pod_without_room_is_told_why_and_gets_the_first_room_there_is(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("big", "1500m", **untainted())
    await world.until(world.on("big", "n1"))
    await world.pod("next", "1", **untainted())
    await world.until(world.told("next", "0/1 nodes are available: 1 Insufficient cpu."))
    condition = meta.condition(await world.get("next"), "PodScheduled")
    assert condition is not None and condition["reason"] == "Unschedulable"
    await world.quiet()
    assert await world.events("FailedScheduling") == ["0/1 nodes are available: 1 Insufficient cpu."]
    await world.client.delete(kinds.POD, "big", namespace="default")
    await world.client.patch(
        kinds.POD, "big", {"status": {"phase": "Succeeded"}}, namespace="default", subresource="status"
    )
    await world.until(world.on("next", "n1"))


async def test_a_change_that_cannot_help_costs_no_attempt(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("choosy", nodeSelector={"disk": "ssd"}, **untainted())
    await world.until(world.told("choosy", "didn't match Pod's node affinity/selector"))
    await world.pod("other", **untainted())
    await world.until(world.on("other", "n1"))
    await world.node("n2")
    await world.quiet()
    assert len(await world.events("FailedScheduling")) == 1
    await world.client.patch(kinds.NODE, "n2", {"metadata": {"labels": {"disk": "ssd"}}})
    await world.until(world.on("choosy", "n2"))


async def test_a_pod_that_waits_for_company_is_woken_by_it(world: World) -> None:
    await world.node("n1")
    await world.client.patch(kinds.NODE, "n1", {"metadata": {"labels": {"zone": "a"}}})
    await world.schedule()
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "zone"}
    rule = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    await world.pod("web", affinity=rule, **untainted())
    await world.until(world.told("web", "didn't match pod affinity rules"))
    await world.pod("db", **untainted())
    await world.client.patch(kinds.POD, "db", {"metadata": {"labels": {"app": "db"}}}, namespace="default")
    await world.until(world.on("web", "n1"))


async def test_gates_hold_a_pod_until_they_open(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("gated", schedulingGates=[{"name": "test.io/hold"}], **untainted())
    await world.quiet()
    assert "nodeName" not in (await world.get("gated"))["spec"]
    await world.client.patch(kinds.POD, "gated", {"spec": {"schedulingGates": []}}, namespace="default")
    await world.until(world.on("gated", "n1"))


async def test_a_refused_binding_frees_the_room_and_is_tried_again(world: World) -> None:
    await world.node("n1")
    await world.schedule()

    def refuse(name: str) -> None:
        raise errors.InternalError("the store is slow")

    world.refusing.refuse = refuse
    await world.pod("first", "1500m", **untainted())
    await world.until(world.told("first", "binding rejected: the store is slow"))
    world.refusing.refuse = lambda name: None
    await world.pod("second", "1500m", **untainted())
    await world.until(world.on("second", "n1"))
    await world.clock.advance(2)
    await world.until(world.told("first", "Insufficient cpu"))


async def test_pods_of_other_schedulers_and_leaving_pods_are_left_alone(world: World) -> None:
    await world.node("n1")
    await world.pod("other", schedulerName="mine", **untainted())
    await world.schedule()
    await world.quiet()
    assert world.refusing.bindings == 0
    await world.schedule(scheduler_name="mine")
    await world.until(world.on("other", "n1"))


async def test_a_full_node_never_gets_a_pod_more_however_fast_they_come(world: World) -> None:
    for name in ("n1", "n2"):
        await world.node(name)
    await world.schedule()
    await asyncio.gather(*(world.pod(f"p{n}", "900m", **untainted()) for n in range(7)))

    async def full() -> Any:
        found = (await world.client.list(kinds.POD, namespace="default")).items
        return sorted(pod["spec"].get("nodeName", "") for pod in found) == ["", "", "", "n1", "n1", "n2", "n2"]

    await world.until(full)


async def test_a_new_process_counts_what_is_bound_already(world: World) -> None:
    await world.node("n1")
    await world.schedule()
    await world.pod("first", "1500m", **untainted())
    await world.until(world.on("first", "n1"))
    await world.stop()
    world.informers = Informers(world.client, clock=world.clock)
    await world.schedule()
    await world.pod("second", "1500m", **untainted())
    await world.until(world.told("second", "Insufficient cpu"))


async def test_a_deployment_ends_as_pods_on_nodes(world: World) -> None:
    """Deployment, ReplicaSet, Pods, nodes: the loops and the scheduler know each other through the API alone."""
    for name in ("n1", "n2"):
        await world.node(name)
    await world.schedule()
    options = ControllerOptions(controllers=("deployment", "replicaset"))
    await world.start(Controllers(world.client, world.informers, options, clock=world.clock, rng=random.Random(2)))
    template = {"metadata": {"labels": {"app": "web"}}, "spec": untainted(containers=[{"name": "c", "image": "x"}])}
    spec = {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    await world.client.create(kinds.DEPLOYMENT, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})

    async def placed() -> Any:
        found = (await world.client.list(kinds.POD, namespace="default")).items
        return sorted(pod["spec"].get("nodeName", "") for pod in found) == ["n1", "n1", "n2", "n2"]

    await world.until(placed)
