"""ReplicaSet and ReplicationController loops over the real API: numbers, adoption, events, and three classic faults."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, pods
from hyperpy.api.kinds import Kind


async def alive(world: Any) -> list[dict[str, Any]]:
    return [pod for pod in await world.list(kinds.POD) if pods.is_active(pod)]


def count_is(world: Any, count: int) -> Any:
    async def holds() -> bool:
        return len(await alive(world)) == count

    return holds


async def test_a_replicaset_makes_its_pods_and_tells_of_it(world: Any, make: Any) -> None:
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 3))
    await world.until(count_is(world, 3))
    made = await alive(world)
    assert {pod["metadata"]["ownerReferences"][0]["name"] for pod in made} == {"web"}
    assert all(pod["metadata"]["name"].startswith("web-") and pod["metadata"]["generateName"] == "web-" for pod in made)

    async def status() -> Any:
        found = (await world.client.get(kinds.REPLICA_SET, "web", namespace="default")).get("status", {})
        return found.get("replicas") == 3 and found["observedGeneration"] == 1

    await world.until(status)
    await world.quiet()
    assert len(await world.events("SuccessfulCreate")) == 3


async def test_scaling_down_deletes_the_surplus(world: Any, make: Any) -> None:
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 4))
    await world.until(count_is(world, 4))
    keep = (await alive(world))[0]
    await world.set_pod(keep)
    await world.client.patch(kinds.REPLICA_SET, "web", {"spec": {"replicas": 1}}, namespace="default")
    await world.until(count_is(world, 1))
    assert (await alive(world))[0]["metadata"]["name"] == keep["metadata"]["name"]
    await world.quiet()
    assert len(await world.events("SuccessfulDelete")) == 3


async def test_orphans_that_fit_are_adopted_and_strangers_are_released(world: Any, make: Any) -> None:
    await world.client.create(kinds.POD, make.pod("orphan"))
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 2))
    await world.until(count_is(world, 2))
    orphan = await world.client.get(kinds.POD, "orphan", namespace="default")
    assert orphan["metadata"]["ownerReferences"][0]["controller"] is True
    await world.client.patch(kinds.POD, "orphan", {"metadata": {"labels": {"app": "other"}}}, namespace="default")
    await world.until(count_is(world, 3))
    orphan = await world.client.get(kinds.POD, "orphan", namespace="default")
    assert "ownerReferences" not in orphan["metadata"]


async def test_a_replicationcontroller_keeps_the_same_promise(world: Any, make: Any) -> None:
    await world.start("replicationcontroller")
    spec = {"replicas": 2, "selector": {"app": "old"}, "template": make.template("old")}
    await world.client.create(
        kinds.REPLICATION_CONTROLLER, {"metadata": {"name": "old", "namespace": "default"}, "spec": spec}
    )
    await world.until(count_is(world, 2))
    await world.client.delete(kinds.POD, (await alive(world))[0]["metadata"]["name"], namespace="default")
    await world.until(count_is(world, 2))


async def test_a_refused_pod_is_told_as_a_condition_until_it_works(world: Any, make: Any) -> None:
    def refuse(verb: str, kind: Kind) -> None:
        if (verb, kind) == ("create", kinds.POD):
            raise errors.Forbidden("exceeded quota: small")

    world.faulty.before = refuse
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 5))

    async def condition() -> Any:
        found = await world.client.get(kinds.REPLICA_SET, "web", namespace="default")
        return found.get("status", {}).get("conditions")

    assert (await world.until(condition))[0]["reason"] == "FailedCreate"
    world.faulty.before = lambda verb, kind: None
    await world.clock.advance(10)
    await world.until(count_is(world, 5))

    async def healed() -> bool:
        return not await condition()

    await world.until(healed)


@pytest.mark.parametrize("lost", ["before", "after"], ids=["request-lost", "answer-lost"])
async def test_a_crash_in_the_middle_of_creating_ends_with_exactly_n(world: Any, make: Any, lost: str) -> None:
    created = 0

    def crash(verb: str, kind: Kind) -> None:
        nonlocal created
        created += (verb, kind) == ("create", kinds.POD)
        if created >= 3:
            raise errors.ServiceUnavailable("the connection broke")

    setattr(world.faulty, lost, crash)
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 6))

    async def crashed() -> bool:
        return created >= 3

    await world.until(crashed)
    await world.stop()
    setattr(world.faulty, lost, lambda verb, kind: None)
    await world.start("replicaset")
    await world.until(count_is(world, 6))
    await world.quiet()
    assert len(await alive(world)) == 6
    assert all("deletionTimestamp" not in pod["metadata"] for pod in await world.list(kinds.POD))


async def test_an_answer_that_got_lost_makes_no_second_pod(world: Any, make: Any) -> None:
    """The process lives on: the Pod may be there or not, and the expectation finds out."""

    def lose(verb: str, kind: Kind) -> None:
        if (verb, kind) == ("create", kinds.POD):
            world.faulty.after = lambda verb, kind: None
            raise errors.ServiceUnavailable("the connection broke")

    world.faulty.after = lose
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 1))
    await world.until(count_is(world, 1))
    for _ in range(4):
        await world.clock.advance(10)
    assert len(await world.list(kinds.POD)) == 1


async def test_a_stale_cache_makes_no_second_pod(world: Any, make: Any) -> None:
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 2))
    await world.until(count_is(world, 2))
    await world.quiet()
    world.faulty.flowing.clear()
    await world.client.delete(kinds.POD, (await alive(world))[0]["metadata"]["name"], namespace="default")
    for _ in range(5):
        await world.clock.advance(7)
    world.faulty.flowing.set()
    await world.until(count_is(world, 2))
    await world.quiet()
    assert len(await alive(world)) == 2


async def test_a_missed_event_is_made_good_by_the_next_list(world: Any, make: Any) -> None:
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 2))
    await world.until(count_is(world, 2))
    await world.quiet()
    world.faulty.cut.add("pods")
    world.faulty.flowing.clear()
    for pod in await alive(world):
        await world.client.delete(kinds.POD, pod["metadata"]["name"], namespace="default")
    world.faulty.flowing.set()
    await world.until(count_is(world, 2))


async def test_where_nothing_can_be_made_any_more_one_refusal_is_enough(world: Any, make: Any) -> None:
    await world.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
    await world.client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "team"}})
    await world.start("replicaset")
    rs = make.replica_set("web", 3)
    rs["metadata"]["namespace"] = "team"
    await world.client.create(kinds.REPLICA_SET, rs)

    async def made() -> Any:
        found = await world.list(kinds.POD, "team")
        return found if len(found) == 3 else None

    found = await world.until(made)
    await world.quiet()
    asked: list[str] = []
    world.faulty.before = lambda verb, kind: asked.append(verb) if kind == kinds.POD else None
    await world.client.delete(kinds.NAMESPACE, "team")
    for pod in found:
        await world.client.delete(kinds.POD, pod["metadata"]["name"], namespace="team")
        await world.quiet()
    assert not await world.list(kinds.POD, "team")
    assert asked == ["create"]


async def test_changes_of_many_pods_are_told_in_few_statuses(world: Any, make: Any) -> None:
    await world.start("replicaset")
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 120))
    await world.until(count_is(world, 120))
    await world.quiet()
    before = len([verb for verb, kind in world.faulty.done if verb == "update" and kind == kinds.REPLICA_SET])
    for pod in await alive(world):
        await world.set_pod(pod)

    async def told() -> Any:
        found = await world.client.get(kinds.REPLICA_SET, "web", namespace="default")
        return found["status"].get("readyReplicas") == 120

    await world.until(told)
    statuses = [verb for verb, kind in world.faulty.done if verb == "update" and kind == kinds.REPLICA_SET]
    assert len(statuses) - before <= 2
