"""DaemonSets over the real API: one Pod a node, nodes that come and go, updates in place and with surge, the faults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, pods
from hyperpy.components.controllers.upkeep import history
from hyperpy.components.controllers.workloads import daemonset_nodes, daemonset_plan

from ..conftest import template
from ..faults import FAULTS, survive


def daemon_set(image: str = "one", *, pod: Any = None, **spec: Any) -> dict[str, Any]:
    made = template("agent", image)
    made["spec"] |= pod or {}
    body = {"selector": {"matchLabels": {"app": "agent"}}, "template": made, **spec}
    return {"metadata": {"name": "agent", "namespace": "default"}, "spec": body}


async def get(world: Any) -> Any:
    return await world.client.get(kinds.DAEMON_SET, "agent", namespace="default")


async def patch(world: Any, **spec: Any) -> None:
    await world.client.patch(kinds.DAEMON_SET, "agent", {"spec": spec}, namespace="default")


async def alive(world: Any) -> list[Any]:
    return [pod for pod in await world.list(kinds.POD) if pods.is_active(pod)]


async def places(world: Any) -> list[str]:
    return sorted(daemonset_nodes.node_of(pod) for pod in await alive(world))


async def images(world: Any) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for pod in await alive(world))


async def serve(world: Any) -> None:
    for pod in await alive(world):
        if not pods.is_ready(pod):
            await world.set_pod(pod)


async def nodes(world: Any, make: Any, *names: str, taints: Any = None) -> None:
    """Nodes that are ready: the taint of new ones is gone."""
    for name in names:
        await world.client.create(kinds.NODE, make.node(name))
        await world.client.patch(kinds.NODE, name, {"spec": {"taints": taints}})


def placed(world: Any, *names: str) -> Any:
    async def holds() -> bool:
        await serve(world)
        return await places(world) == sorted(names)

    return holds


async def test_every_node_gets_one_also_a_later_one_and_one_that_is_gone_keeps_none(world: Any, make: Any) -> None:
    await nodes(world, make, "n1", "n2")
    await world.start("daemonset", "podgc")
    await world.client.create(kinds.DAEMON_SET, daemon_set())
    await world.until(placed(world, "n1", "n2"))
    await nodes(world, make, "n3")
    await world.until(placed(world, "n1", "n2", "n3"))
    await world.quiet()
    status = (await get(world))["status"]
    assert status["desiredNumberScheduled"] == status["numberReady"] == status["updatedNumberScheduled"] == 3
    assert not status.get("numberMisscheduled") and status["observedGeneration"] == 1
    pod = (await alive(world))[0]
    assert pod["metadata"]["labels"][daemonset_nodes.TEMPLATE_GENERATION] == "1"
    keys = {(each["key"], each["effect"]) for each in pod["spec"]["tolerations"]}
    assert ("node.kubernetes.io/unschedulable", "NoSchedule") in keys and len(keys) == 6


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, ["n2"]),
        ({"nodeName": "n1"}, ["n1"]),
        ({"tolerations": [{"operator": "Exists"}]}, ["n1", "n2", "n3"]),
        ({}, ["n1", "n2"]),
    ],
    ids=["selector", "name", "bears everything", "taint"],
)
async def test_only_nodes_that_fit_get_one(world: Any, make: Any, pod: Any, expected: list[str]) -> None:
    await nodes(world, make, "n1", "n2")
    await nodes(world, make, "n3", taints=[{"key": "special", "value": "x", "effect": "NoSchedule"}])
    await world.client.patch(kinds.NODE, "n2", {"metadata": {"labels": {"disk": "ssd"}}})
    await world.start("daemonset")
    await world.client.create(kinds.DAEMON_SET, daemon_set(pod=pod))
    await world.until(placed(world, *expected))


async def test_a_node_that_fits_no_more_loses_its_pod_but_a_new_taint_for_scheduling_does_not(
    world: Any, make: Any
) -> None:
    await nodes(world, make, "n1", "n2")
    for name in ("n1", "n2"):
        await world.client.patch(kinds.NODE, name, {"metadata": {"labels": {"disk": "ssd"}}})
    await world.start("daemonset")
    await world.client.create(kinds.DAEMON_SET, daemon_set(pod={"nodeSelector": {"disk": "ssd"}}))
    await world.until(placed(world, "n1", "n2"))
    taint = {"key": "special", "value": "x", "effect": "NoSchedule"}
    await world.client.patch(kinds.NODE, "n1", {"spec": {"taints": [taint]}})
    await world.client.patch(kinds.NODE, "n2", {"metadata": {"labels": {"disk": "hdd"}}})
    await world.until(placed(world, "n1"))
    await world.quiet()
    status = (await get(world))["status"]
    assert status["numberMisscheduled"] == 1 and not status.get("desiredNumberScheduled")


async def test_an_update_leaves_no_more_nodes_without_than_allowed(world: Any, make: Any) -> None:
    names = [f"n{number}" for number in range(6)]
    await nodes(world, make, *names)
    await world.start("daemonset")
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    await world.client.create(kinds.DAEMON_SET, daemon_set(updateStrategy=strategy))
    await world.until(placed(world, *names))
    await world.quiet()
    await patch(world, template=template("agent", "two"))
    fewest = 6
    for _ in range(200):
        await world.clock.advance(0.05)
        fewest = min(fewest, sum(pods.is_ready(pod) for pod in await alive(world)))
        found = await alive(world)
        waiting = [pod for pod in found if not pods.is_ready(pod)]
        if waiting:
            await world.set_pod(waiting[0])
        elif await images(world) == ["two"] * 6:
            break
    assert await images(world) == ["two"] * 6
    assert fewest == 4
    await world.quiet()
    assert (await get(world))["status"]["updatedNumberScheduled"] == 6


async def test_with_surge_the_old_one_goes_when_the_new_one_works(world: Any, make: Any) -> None:
    names = ["n1", "n2", "n3"]
    await nodes(world, make, *names)
    await world.start("daemonset")
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await world.client.create(kinds.DAEMON_SET, daemon_set(updateStrategy=strategy))
    await world.until(placed(world, *names))
    await world.quiet()
    await patch(world, template=template("agent", "two"))
    most = 0
    for _ in range(200):
        await world.clock.advance(0.05)
        found = await alive(world)
        ready = {daemonset_nodes.node_of(pod) for pod in found if pods.is_ready(pod)}
        assert ready == set(names), "a node was without one"
        most = max(most, len(found))
        await serve(world)
        if await images(world) == ["two"] * 3:
            break
    assert await images(world) == ["two"] * 3
    assert most == 4


async def test_on_delete_replaces_what_is_deleted_by_hand(world: Any, make: Any) -> None:
    await nodes(world, make, "n1", "n2")
    await world.start("daemonset")
    await world.client.create(kinds.DAEMON_SET, daemon_set(updateStrategy={"type": "OnDelete"}))
    await world.until(placed(world, "n1", "n2"))
    await patch(world, template=template("agent", "two"))
    await world.quiet()
    assert await images(world) == ["one", "one"]
    await world.client.delete(kinds.POD, (await alive(world))[0]["metadata"]["name"], namespace="default")
    await world.until(placed(world, "n1", "n2"))
    assert await images(world) == ["one", "two"]


async def test_a_pod_that_has_failed_is_replaced_later_and_later(world: Any, make: Any) -> None:
    await nodes(world, make, "n1")
    await world.start("daemonset")
    await world.client.create(kinds.DAEMON_SET, daemon_set())
    waits = []
    for _ in range(5):
        await world.until(placed(world, "n1"))
        (pod,) = await alive(world)
        await world.set_pod(pod, phase="Failed", ready=False)
        begun = world.clock.now()
        while not await alive(world):
            await world.clock.advance(0.25)
        waits.append(world.clock.now() - begun)
    assert [round(wait) for wait in waits] == [0, 1, 2, 4, 8]
    assert await world.events("FailedDaemonPod")


async def test_revisions_are_kept_for_going_back(world: Any, make: Any) -> None:
    await nodes(world, make, "n1")
    await world.start("daemonset")
    await world.client.create(kinds.DAEMON_SET, daemon_set(revisionHistoryLimit=1))
    for image in ("one", "two", "three", "one"):
        await patch(world, template=template("agent", image))

        async def updated(image: str = image) -> bool:
            await serve(world)
            return await images(world) == [image]

        await world.until(updated)
        await world.quiet()
    revisions = history.in_order(await world.list(kinds.CONTROLLER_REVISION))
    assert [history.template_of(each)["spec"]["containers"][0]["image"] for each in revisions] == ["three", "one"]


class Life:
    """Two nodes get a Pod each, the image changes, a third node comes."""

    controllers = ("daemonset",)
    kinds = (kinds.DAEMON_SET, kinds.POD, kinds.NODE, kinds.CONTROLLER_REVISION)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await nodes(world, self._make, "n1", "n2")
        await world.client.create(kinds.DAEMON_SET, daemon_set())
        await world.until(placed(world, "n1", "n2"))
        await patch(world, template=template("agent", "two"))
        await world.until(lambda: self._runs(world, "n1", "n2"))
        await nodes(world, self._make, "n3")

    async def settled(self, world: Any) -> bool:
        status = (await get(world)).get("status") or {}
        return await self._runs(world, "n1", "n2", "n3") and status.get("numberAvailable") == 3

    async def check(self, world: Any) -> None:
        assert len(await world.list(kinds.POD)) == 3
        assert len(await world.list(kinds.CONTROLLER_REVISION)) == 2
        assert world.faulty.done.count(("create", kinds.POD)) <= 5

    async def _runs(self, world: Any, *names: str) -> bool:
        return await placed(world, *names)() and await images(world) == ["two"] * len(names)


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_lives_as_without_the_fault(make: Any, fault: str) -> None:
    await survive(Life(make), fault)


@given(data=st.data(), size=st.integers(1, 6), surge=st.booleans())
def test_an_update_never_goes_below_its_floor_and_ends(data: st.DataObject, size: int, surge: bool) -> None:
    """The planner against a plain model of Pods that become ready whenever they like."""
    limit = data.draw(st.integers(1, size))
    rolling = {"maxSurge": limit, "maxUnavailable": 0} if surge else {"maxUnavailable": limit}
    owner = {
        "metadata": {"name": "agent", "namespace": "n"},
        "spec": {"template": {"spec": {}}, "updateStrategy": {"rollingUpdate": rolling}},
    }
    names = [f"n{number}" for number in range(size)]
    machines = [{"metadata": {"name": name}} for name in names]
    serial = iter(range(10_000))

    def pod(node: str, revision: str, ready: bool) -> dict[str, Any]:
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2020-01-01T00:00:00Z"}
        number = next(serial)
        return {
            "metadata": {
                "name": f"p{number:05d}", "uid": str(number), "labels": {history.LABEL: revision},
                "creationTimestamp": f"{number:05d}",
            },
            "spec": {"nodeName": node},
            "status": {"phase": "Running", "conditions": [condition]},
        }  # fmt: skip

    there = [pod(name, "old", True) for name in names]
    floor = size if surge else size - limit
    for step in range(60):
        plan = daemonset_plan.plan(owner, there, machines, update="new", now=2e9)
        there = [each for each in there if each not in plan.delete]
        served = {each["spec"]["nodeName"] for each in there if pods.is_ready(each)}
        assert len(served) >= floor
        assert len(there) <= size + (limit if surge else 0)
        there += [pod(name, "new", False) for name in plan.create]
        for each in there:
            if step > 30 or data.draw(st.booleans()):
                each["status"]["conditions"][0]["status"] = "True"
        if all(each["metadata"]["labels"][history.LABEL] == "new" for each in there) and len(there) == size:
            break
    assert {each["metadata"]["labels"][history.LABEL] for each in there} == {"new"} and len(there) == size
