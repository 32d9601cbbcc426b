"""StatefulSets over the real API: order, names, storage, revisions, and the three classic faults."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, meta, pods
from hyperpy.components.controllers.upkeep import history
from hyperpy.components.controllers.workloads import statefulset_plan, statefulset_pods

from ..conftest import template
from ..faults import FAULTS, survive

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def stateful_set(replicas: int = 3, image: str = "one", **spec: Any) -> dict[str, Any]:
    body = {
        "replicas": replicas,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": template("db", image),
        **spec,
    }
    return {"metadata": {"name": "db", "namespace": "default"}, "spec": body}


async def get(world: Any) -> Any:
    return await world.client.get(kinds.STATEFUL_SET, "db", namespace="default")


async def names(world: Any) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in await world.list(kinds.POD))


async def images(world: Any) -> list[str]:
    found = sorted(await world.list(kinds.POD), key=lambda pod: pod["metadata"]["name"])
    return [pod["spec"]["containers"][0]["image"] for pod in found]


async def serve(world: Any) -> None:
    """Speak for kubelets: what is there becomes ready."""
    for pod in await world.list(kinds.POD):
        if pods.is_active(pod) and not pods.is_ready(pod):
            await world.set_pod(pod)


async def step(world: Any) -> None:
    await serve(world)
    await world.clock.advance(0.5)


async def until_at_rest(world: Any, replicas: int, image: str) -> Any:
    for _ in range(60):
        await step(world)
        status = (await get(world)).get("status") or {}
        if await images(world) == [image] * replicas and status.get("readyReplicas", 0) == replicas:
            await world.clock.advance(0.5)
            return (await get(world))["status"]
    raise AssertionError(f"not at rest: {await names(world)} {status}")


async def patch(world: Any, **spec: Any) -> None:
    await world.client.patch(kinds.STATEFUL_SET, "db", {"spec": spec}, namespace="default")


async def test_pods_come_one_after_the_other_and_go_the_other_way(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set())
    await world.clock.advance(2)
    assert await names(world) == ["db-0"], "the next waits until this one works"
    await step(world)
    assert await names(world) == ["db-0", "db-1"]
    status = await until_at_rest(world, 3, "one")
    assert status["currentRevision"] == status["updateRevision"]
    assert (status["replicas"], status["currentReplicas"], status["availableReplicas"]) == (3, 3, 3)
    first = (await world.list(kinds.POD))[0]
    own = first["metadata"]["labels"]
    assert (own[statefulset_pods.NAME_LABEL], own[statefulset_pods.INDEX_LABEL]) == ("db-0", "0")
    assert (first["spec"]["hostname"], first["spec"]["subdomain"]) == ("db-0", "db")
    await patch(world, replicas=1)
    seen = [await names(world)]
    while seen[-1] != ["db-0"]:
        await asyncio.sleep(0)
        if await names(world) != seen[-1]:
            seen.append(await names(world))
    assert seen == [["db-0", "db-1", "db-2"], ["db-0", "db-1"], ["db-0"]]
    assert "create Pod db-2 in StatefulSet db successful" in await world.events("SuccessfulCreate")
    assert "delete Pod db-2 in StatefulSet db successful" in await world.events("SuccessfulDelete")


async def test_parallel_ones_come_and_go_together(world: Any) -> None:
    await world.start("statefulset")
    wanted = stateful_set(podManagementPolicy="Parallel", ordinals={"start": 5})
    await world.client.create(kinds.STATEFUL_SET, wanted)
    await world.clock.advance(1)
    assert await names(world) == ["db-5", "db-6", "db-7"]
    await patch(world, replicas=0)
    await world.clock.advance(1)
    assert await names(world) == []


async def test_an_update_goes_from_the_highest_to_the_lowest_and_waits_for_each(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set())
    before = await until_at_rest(world, 3, "one")
    await patch(world, template=template("db", "two"))
    await world.clock.advance(2)
    assert await images(world) == ["one", "one", "two"]
    status = (await get(world))["status"]
    assert status["currentRevision"] == before["currentRevision"] != status["updateRevision"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 1)
    await step(world)
    await world.clock.advance(2)
    assert await images(world) == ["one", "two", "two"]
    after = await until_at_rest(world, 3, "two")
    assert after["currentRevision"] == after["updateRevision"] != before["currentRevision"]


async def test_a_partition_keeps_the_lower_ones_as_they_were_also_when_they_are_made_anew(world: Any) -> None:
    await world.start("statefulset")
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await world.client.create(kinds.STATEFUL_SET, stateful_set(updateStrategy=strategy))
    await until_at_rest(world, 3, "one")
    await patch(world, template=template("db", "two"))
    for _ in range(6):
        await step(world)
    assert await images(world) == ["one", "one", "two"]
    await world.client.delete(kinds.POD, "db-0", namespace="default")
    for _ in range(6):
        await step(world)
    assert await images(world) == ["one", "one", "two"]
    strategy["rollingUpdate"] = {"partition": 0}
    await patch(world, updateStrategy=strategy)
    await until_at_rest(world, 3, "two")


async def test_on_delete_leaves_pods_until_they_are_deleted_by_hand(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set(updateStrategy={"type": "OnDelete"}))
    await until_at_rest(world, 3, "one")
    await patch(world, template=template("db", "two"))
    for _ in range(4):
        await step(world)
    assert await images(world) == ["one"] * 3
    await world.client.delete(kinds.POD, "db-1", namespace="default")
    for _ in range(4):
        await step(world)
    assert await images(world) == ["one", "two", "one"]


async def test_going_back_uses_the_old_revision_again_and_old_ones_are_forgotten(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set(1, revisionHistoryLimit=1))
    first = await until_at_rest(world, 1, "one")
    for image in ("two", "one"):
        await patch(world, template=template("db", image))
        last = await until_at_rest(world, 1, image)
    assert last["updateRevision"] == first["updateRevision"]
    revisions = history.in_order(await world.list(kinds.CONTROLLER_REVISION))
    assert [each["revision"] for each in revisions] == [2, 3]
    assert history.template_of(revisions[-1])["spec"]["containers"][0]["image"] == "one"
    for image in ("three", "four", "five"):
        await patch(world, template=template("db", image))
        await until_at_rest(world, 1, image)
    assert len(await world.list(kinds.CONTROLLER_REVISION)) == 2


async def test_min_ready_seconds_make_the_next_one_wait(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set(2, minReadySeconds=30))
    await world.clock.advance(1)
    pod = await world.client.get(kinds.POD, "db-0", namespace="default")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": meta.timestamp(world.clock.now())}
    await world.client.patch(
        kinds.POD, "db-0", {"status": {"phase": "Running", "conditions": [ready]}}, namespace="default",
        subresource="status",
    )  # fmt: skip
    assert pod
    await world.clock.advance(25)
    assert await names(world) == ["db-0"] and not (await get(world))["status"].get("availableReplicas")
    await world.clock.advance(10)
    assert await names(world) == ["db-0", "db-1"]


async def test_a_pod_that_has_ended_is_made_anew(world: Any) -> None:
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set(2))
    await until_at_rest(world, 2, "one")
    before = await world.client.get(kinds.POD, "db-0", namespace="default")
    await world.set_pod(before, phase="Failed", ready=False)
    await until_at_rest(world, 2, "one")
    after = await world.client.get(kinds.POD, "db-0", namespace="default")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert await world.events("RecreatingFailedPod")


class TestClaims:
    async def claims(self, world: Any) -> list[str]:
        return sorted(each["metadata"]["name"] for each in await world.list(kinds.PERSISTENT_VOLUME_CLAIM))

    async def test_each_pod_has_its_own_and_finds_it_again(self, world: Any) -> None:
        await world.start("statefulset", "garbagecollector", "pvc-protection")
        await world.client.create(kinds.STATEFUL_SET, stateful_set(2, volumeClaimTemplates=[CLAIM]))
        await until_at_rest(world, 2, "one")
        assert await self.claims(world) == ["data-db-0", "data-db-1"]
        pod = await world.client.get(kinds.POD, "db-1", namespace="default")
        assert pod["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
        await patch(world, replicas=0)
        await world.clock.advance(5)
        await world.quiet()
        assert await self.claims(world) == ["data-db-0", "data-db-1"]
        assert all(
            "ownerReferences" not in each["metadata"] for each in await world.list(kinds.PERSISTENT_VOLUME_CLAIM)
        )

    async def test_retention_when_scaled_deletes_those_of_pods_that_go(self, world: Any) -> None:
        policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
        wanted = stateful_set(3, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
        await world.start("statefulset", "garbagecollector", "pvc-protection")
        await world.client.create(kinds.STATEFUL_SET, wanted)
        await until_at_rest(world, 3, "one")
        await patch(world, replicas=1)

        async def one() -> bool:
            await serve(world)
            return await self.claims(world) == ["data-db-0"]

        await world.until(one)
        await world.client.delete(kinds.POD, "db-0", namespace="default")
        await until_at_rest(world, 1, "one")
        assert await self.claims(world) == ["data-db-0"]

    async def test_retention_when_deleted_deletes_all_with_the_set(self, world: Any) -> None:
        policy = {"whenScaled": "Retain", "whenDeleted": "Delete"}
        wanted = stateful_set(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
        await world.start("statefulset", "garbagecollector", "pvc-protection")
        await world.client.create(kinds.STATEFUL_SET, wanted)
        await until_at_rest(world, 2, "one")
        await world.client.delete(kinds.STATEFUL_SET, "db", namespace="default")

        async def none() -> bool:
            return not await self.claims(world) and not await names(world)

        await world.until(none)


async def test_only_orphans_with_a_name_of_the_set_are_taken_in(world: Any, make: Any) -> None:
    for name in ("db-0", "other"):
        await world.client.create(kinds.POD, make.pod(name, "db"))
    await world.start("statefulset")
    await world.client.create(kinds.STATEFUL_SET, stateful_set(1))
    await world.quiet()
    adopted = await world.client.get(kinds.POD, "db-0", namespace="default")
    assert meta.controller_of(adopted)["name"] == "db"
    assert adopted["metadata"]["labels"][statefulset_pods.INDEX_LABEL] == "0"
    assert meta.controller_of(await world.client.get(kinds.POD, "other", namespace="default")) is None


class Life:
    """Two Pods with claims come, are updated, and one goes."""

    controllers = ("statefulset",)
    kinds = (kinds.STATEFUL_SET, kinds.POD, kinds.PERSISTENT_VOLUME_CLAIM, kinds.CONTROLLER_REVISION)

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.STATEFUL_SET, stateful_set(2, volumeClaimTemplates=[CLAIM]))
        await world.until(lambda: self._rests(world, 2, "one"))
        await patch(world, template=template("db", "two"))
        await world.until(lambda: self._rests(world, 2, "two"))
        await patch(world, replicas=1)

    async def settled(self, world: Any) -> bool:
        status = (await get(world)).get("status") or {}
        rests = await self._rests(world, 1, "two")
        return rests and status.get("currentRevision") == status.get("updateRevision") and status["replicas"] == 1

    async def check(self, world: Any) -> None:
        assert await names(world) == ["db-0"]
        claims = [each["metadata"]["name"] for each in await world.list(kinds.PERSISTENT_VOLUME_CLAIM)]
        assert sorted(claims) == ["data-db-0", "data-db-1"]
        assert len(await world.list(kinds.CONTROLLER_REVISION)) == 2
        assert world.faulty.done.count(("create", kinds.POD)) <= 4
        assert world.faulty.done.count(("delete", kinds.POD)) <= 3

    async def _rests(self, world: Any, replicas: int, image: str) -> bool:
        await serve(world)
        ready = [pods.is_ready(pod) for pod in await world.list(kinds.POD)]
        return await images(world) == [image] * replicas and all(ready)


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_lives_as_without_the_fault(fault: str) -> None:
    await survive(Life(), fault)


@given(data=st.data(), replicas=st.integers(0, 5), start=st.integers(0, 2), parallel=st.booleans())
def test_whatever_happens_to_pods_the_set_ends_complete_and_in_order(
    data: st.DataObject, replicas: int, start: int, parallel: bool
) -> None:
    """The planner against a plain model of Pods: any of them may become ready, fail or vanish at any time."""
    spec: dict[str, Any] = {"replicas": replicas, "ordinals": {"start": start}}
    if parallel:
        spec["podManagementPolicy"] = "Parallel"
    owner = {"metadata": {"name": "db", "namespace": "n"}, "spec": spec}
    there: dict[str, dict[str, Any]] = {}

    def pod(name: str, revision: str, state: str) -> dict[str, Any]:
        ready = {"type": "Ready", "status": str(state == "ready"), "lastTransitionTime": "2020-01-01T00:00:00Z"}
        phase = {"failed": "Failed", "pending": "Pending"}.get(state, "Running")
        metadata = {"name": name, "labels": {history.LABEL: revision}}
        return {"metadata": metadata, "status": {"phase": phase, "conditions": [ready]}}

    def take_step() -> statefulset_plan.Plan:
        plan = statefulset_plan.plan(owner, list(there.values()), current="old", update="new", now=2e9)
        if not parallel:
            assert len(plan.create) + len(plan.delete) <= 1
            for ordinal, _ in plan.create:
                lower = [f"db-{each}" for each in range(start, ordinal)]
                assert all(name in there and pods.is_ready(there[name]) for name in lower)
        for gone in plan.delete:
            del there[gone["metadata"]["name"]]
        for ordinal, revision in plan.create:
            there[f"db-{ordinal}"] = pod(f"db-{ordinal}", revision, "pending")
        return plan

    for _ in range(data.draw(st.integers(0, 25))):
        take_step()
        if there and data.draw(st.booleans()):
            name = data.draw(st.sampled_from(sorted(there)))
            state = data.draw(st.sampled_from(["ready", "failed", "unready", "gone"]))
            if state == "gone":
                del there[name]
            else:
                there[name] = pod(name, data.draw(st.sampled_from(["old", "new"])), state)
    for _ in range(60):
        for name, each in list(there.items()):
            if each["status"]["phase"] != "Failed":
                there[name] = pod(name, each["metadata"]["labels"][history.LABEL], "ready")
        plan = take_step()
    assert plan.done
    assert sorted(there) == sorted(f"db-{number}" for number in range(start, start + replicas))
    assert {each["metadata"]["labels"][history.LABEL] for each in there.values()} <= {"new"}
