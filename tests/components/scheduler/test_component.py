"""The scheduler over the real API: Pods bound, reasons told, Pods woken by what helps, bindings that fail."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.client.informer import Informers
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options as ControllerOptions
from hyperpy.components.scheduler.profiles import ProfileSpec

from .world import World, untainted


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
    assert await world.events("FailedScheduling") == [
        "0/1 nodes are available: 1 Insufficient cpu. "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    ]
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
    await world.schedule(profiles=(ProfileSpec("mine"),))
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
