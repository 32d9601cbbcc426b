"""Deployment loop over the real API: a rollout from end to end, pause, undo, Recreate, history, and three faults."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.api.kinds import Kind
from hyperpy.components.controllers.upkeep.template_hash import template_hash
from hyperpy.components.controllers.workloads import deployment_plan, deployment_status, revisions

LOOPS = ("deployment", "replicaset")
HASH = "pod-template-hash"


class Kubelets:
    """Speaks for kubelets: starts every Pod, and ends those that are being deleted."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ready = True
        self.slow: set[str] = set()

    async def step(self) -> None:
        for pod in await self.world.list(kinds.POD):
            image = pod["spec"]["containers"][0]["image"]
            if not pods.is_ready(pod) and not meta.is_deleting(pod) and self.ready and image not in self.slow:
                await self.world.set_pod(pod)


async def present(world: Any) -> Any:
    return await world.client.get(kinds.DEPLOYMENT, "web", namespace="default")


async def sizes(world: Any) -> dict[str, int]:
    """Replicas by image, of sets that want any."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in await world.list(kinds.REPLICA_SET)
        if each["spec"]["replicas"]
    }


async def rolled_out(world: Any, kubelets: Kubelets) -> Any:
    """The Deployment when `kubectl rollout status` would call it done."""

    async def done() -> Any:
        await kubelets.step()
        found = await present(world)
        status, wanted = found.get("status", {}), found["spec"]["replicas"]
        counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
        progressing = meta.condition(found, "Progressing") or {}
        current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        return (
            found if current and counts == [wanted] * 3 and progressing["reason"] == "NewReplicaSetAvailable" else None
        )

    return await world.until(done)


async def set_image(world: Any, image: str) -> None:
    containers = [{"name": "main", "image": image}]
    body = {"spec": {"template": {"spec": {"containers": containers}}}}
    await world.client.patch(kinds.DEPLOYMENT, "web", body, namespace="default")


@pytest.fixture
async def rollout(world: Any, make: Any) -> Any:
    """A Deployment of three, rolled out."""
    kubelets = Kubelets(world)
    await world.start(*LOOPS)
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 3, "v1"))
    await rolled_out(world, kubelets)
    return kubelets


async def test_a_rollout_replaces_every_pod_and_tells_of_it(world: Any, rollout: Kubelets) -> None:
    found = await present(world)
    assert found["metadata"]["annotations"][revisions.REVISION] == "1"
    await set_image(world, "v2")
    found = await rolled_out(world, rollout)
    assert await sizes(world) == {"v2": 3}
    assert found["metadata"]["annotations"][revisions.REVISION] == "2"
    assert meta.condition(found, "Available")["status"] == "True"  # type: ignore[index]
    await world.quiet()
    names = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["metadata"]["name"]
        for each in await world.list(kinds.REPLICA_SET)
    }
    told = await world.events("ScalingReplicaSet")
    assert told[0] == f"Scaled up replica set {names['v1']} from 0 to 3"
    assert told[-1] == f"Scaled down replica set {names['v1']} from 1 to 0"


async def test_undo_brings_the_old_set_back_under_a_new_number(world: Any, rollout: Kubelets) -> None:
    await set_image(world, "v2")
    await rolled_out(world, rollout)
    await set_image(world, "v1")
    await rolled_out(world, rollout)
    sets = {each["spec"]["replicas"]: each for each in await world.list(kinds.REPLICA_SET)}
    assert len(sets) == 2
    annotations = sets[3]["metadata"]["annotations"]
    assert (annotations[revisions.REVISION], annotations[revisions.REVISION_HISTORY]) == ("3", "1")


async def test_a_broken_image_stops_the_rollout_and_the_deadline_tells(world: Any, rollout: Kubelets) -> None:
    rollout.slow.add("broken")
    await set_image(world, "broken")

    async def stuck() -> bool:
        return await sizes(world) == {"v1": 3, "broken": 1}

    await world.until(stuck)
    await world.quiet()
    await world.clock.advance(605)

    async def failed() -> Any:
        progressing = meta.condition(await present(world), "Progressing") or {}
        return progressing.get("reason") == deployment_status.TIMED_OUT and progressing["status"] == "False"

    await world.until(failed)
    assert await sizes(world) == {"v1": 3, "broken": 1}


async def test_a_paused_deployment_waits_and_still_scales(world: Any, rollout: Kubelets) -> None:
    await world.client.patch(kinds.DEPLOYMENT, "web", {"spec": {"paused": True}}, namespace="default")
    await set_image(world, "v2")
    await world.client.patch(kinds.DEPLOYMENT, "web", {"spec": {"replicas": 5}}, namespace="default")

    async def scaled() -> bool:
        return await sizes(world) == {"v1": 5}

    await world.until(scaled)
    await world.quiet()
    assert meta.condition(await present(world), "Progressing")["reason"] == "DeploymentPaused"  # type: ignore[index]
    await world.client.patch(kinds.DEPLOYMENT, "web", {"spec": {"paused": None}}, namespace="default")
    await rolled_out(world, rollout)
    assert await sizes(world) == {"v2": 5}


async def test_recreate_waits_until_the_last_old_pod_is_gone(world: Any, make: Any) -> None:
    kubelets = Kubelets(world)
    await world.start(*LOOPS)
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 2, "v1", strategy={"type": "Recreate"}))
    await rolled_out(world, kubelets)
    for pod in await world.list(kinds.POD):
        held = {"metadata": {"finalizers": ["test.io/held"]}}
        await world.client.patch(kinds.POD, pod["metadata"]["name"], held, namespace="default")
    await set_image(world, "v2")

    async def leaving() -> bool:
        found = await world.list(kinds.POD)
        return len(found) == 2 and all(map(meta.is_deleting, found))

    await world.until(leaving)
    await world.quiet()
    assert await sizes(world) == {}
    for pod in await world.list(kinds.POD):
        free = {"metadata": {"finalizers": None}}
        await world.client.patch(kinds.POD, pod["metadata"]["name"], free, namespace="default")
    await rolled_out(world, kubelets)
    assert await sizes(world) == {"v2": 2}


async def test_history_beyond_its_limit_is_forgotten(world: Any, rollout: Kubelets) -> None:
    await world.client.patch(kinds.DEPLOYMENT, "web", {"spec": {"revisionHistoryLimit": 1}}, namespace="default")
    for image in ("v2", "v3", "v4"):
        await set_image(world, image)
        await rolled_out(world, rollout)

    async def short() -> bool:
        return len(await world.list(kinds.REPLICA_SET)) == 2

    await world.until(short)


async def test_a_taken_name_is_a_collision_and_not_a_dead_end(world: Any, make: Any) -> None:
    wanted = make.deployment("web", 2, "v1")
    name = await world.client.create(kinds.DEPLOYMENT, wanted)
    hashed = template_hash(name["spec"]["template"], collisions=0)
    stranger = make.replica_set("stranger", 0)
    stranger["metadata"]["name"] = f"web-{hashed}"
    await world.client.create(kinds.REPLICA_SET, stranger)
    await world.start(*LOOPS)
    found = await rolled_out(world, Kubelets(world))
    assert found["status"]["collisionCount"] == 1


@pytest.mark.parametrize("writes", range(1, 7))
async def test_a_crash_after_any_write_of_a_rollout_leaves_no_mess(world: Any, rollout: Kubelets, writes: int) -> None:
    done = 0

    def crash(verb: str, kind: Kind) -> None:
        nonlocal done
        done += 1
        if done >= writes:
            raise errors.ServiceUnavailable("the connection broke")

    await world.quiet()
    world.faulty.after = crash
    await set_image(world, "v2")

    async def crashed() -> bool:
        await rollout.step()
        return done >= writes

    await world.until(crashed)
    await world.stop()
    world.faulty.after = lambda verb, kind: None
    await world.start(*LOOPS)
    await rolled_out(world, rollout)
    await world.quiet()
    assert await sizes(world) == {"v2": 3}
    assert len([pod for pod in await world.list(kinds.POD) if pods.is_active(pod)]) == 3
    assert len(await world.list(kinds.REPLICA_SET)) == 2


async def test_events_missed_in_the_middle_of_a_rollout_do_not_stop_it(world: Any, rollout: Kubelets) -> None:
    world.faulty.cut |= {"pods", "replicasets", "deployments"}
    await set_image(world, "v2")
    await rolled_out(world, rollout)
    assert await sizes(world) == {"v2": 3}


def test_the_name_of_a_revision_depends_on_the_template_alone() -> None:
    one = template_hash({"spec": {"a": 1, "b": 2}}, collisions=0)
    assert one == template_hash({"spec": {"b": 2, "a": 1}}, collisions=0)
    assert one != template_hash({"spec": {"a": 1, "b": 2}}, collisions=1)
    assert one != template_hash({"spec": {"a": 1, "b": 3}}, collisions=0)


def test_a_deployment_on_its_way_out_plans_nothing(make: Any) -> None:
    wanted = make.deployment("web", 3)
    wanted["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    assert deployment_plan.plan(wanted, []) == deployment_plan.Plan()
