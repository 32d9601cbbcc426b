"""Budgets are counted as their Pods change, evictions are given back, and conditions nobody meant are taken back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import DeleteOptions

from ..faults import FAULTS, survive

WIDGET = Kind("example.com", "v1", "Widget", "widgets")


def budget(name: str = "b", app: str = "web", **spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": app}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"selector": selector, **spec}}


async def status(world: Any, name: str = "b") -> dict[str, Any]:
    found = await world.client.get(kinds.POD_DISRUPTION_BUDGET, name, namespace="default")
    return found.get("status") or {}


async def allows(world: Any, allowed: int, *, healthy: int | None = None) -> bool:
    found = await status(world)
    right = (found.get("observedGeneration") or 0) > 0 and found["disruptionsAllowed"] == allowed
    return right and (healthy is None or found["currentHealthy"] == healthy)


async def evict(world: Any, name: str) -> Any:
    body = {"metadata": {"name": name, "namespace": "default"}}
    return await world.client.create(kinds.POD, body, name=name, namespace="default", subresource="eviction")


async def ready_pods(world: Any, make: Any, *names: str, **extra: Any) -> list[Any]:
    made = []
    for name in names:
        pod = make.pod(name, nodeName="n")
        pod["metadata"] |= extra
        made.append(await world.client.create(kinds.POD, pod))
        await world.set_pod(made[-1])
    return made


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start("disruption")
    return world


async def test_a_budget_follows_its_pods(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(minAvailable=1))
    await running.until(lambda: allows(running, 0))
    assert await running.events("NoPods") == ["No matching pods found"]
    first, *_ = await ready_pods(running, make, "a", "b", "c")
    await running.until(lambda: allows(running, 2, healthy=3))
    await running.set_pod(first, ready=False)
    await running.until(lambda: allows(running, 1, healthy=2))
    condition = meta.condition({"status": await status(running)}, "DisruptionAllowed")
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "SufficientPods")
    await running.client.patch(kinds.POD_DISRUPTION_BUDGET, "b", {"spec": {"minAvailable": 2}}, namespace="default")
    await running.until(lambda: allows(running, 0))
    found = await status(running)
    assert (found["observedGeneration"], found["conditions"][0]["reason"]) == (2, "InsufficientPods")


async def test_a_counted_budget_is_left_alone(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(minAvailable=1))
    await ready_pods(running, make, "a", "b")
    await running.until(lambda: allows(running, 1))
    running.faulty.done.clear()
    await running.clock.advance(3600)
    assert running.faulty.done == []


async def test_evictions_at_once_never_take_more_than_the_budget_has(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(minAvailable=3))
    names = [f"p{i}" for i in range(5)]
    await ready_pods(running, make, *names)
    await running.until(lambda: allows(running, 2))
    results = await asyncio.gather(*(evict(running, name) for name in names), return_exceptions=True)
    refused = [each for each in results if isinstance(each, errors.TooManyRequests)]
    assert (len(refused), len(results) - len(refused)) == (3, 2)
    await running.until(lambda: allows(running, 0, healthy=3))
    for pod in await running.list(kinds.POD):
        if meta.is_deleting(pod):
            name = pod["metadata"]["name"]
            await running.client.delete(kinds.POD, name, namespace="default", options=DeleteOptions(grace_s=0))
    await ready_pods(running, make, "p8", "p9")
    await running.until(lambda: allows(running, 2, healthy=5))
    assert "disruptedPods" not in await status(running)


async def test_an_eviction_that_deletes_nothing_is_given_back_after_two_minutes(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(minAvailable=1))
    await ready_pods(running, make, "a", "b")
    await running.until(lambda: allows(running, 1))
    granted = {"disruptionsAllowed": 0, "disruptedPods": {"a": meta.timestamp(running.clock.now())}}
    await running.client.patch(
        kinds.POD_DISRUPTION_BUDGET, "b", {"status": granted}, namespace="default", subresource="status"
    )
    await running.until(lambda: allows(running, 0, healthy=1))
    await running.clock.advance(100)
    assert await allows(running, 0, healthy=1)
    await running.clock.advance(30)
    assert await allows(running, 1, healthy=2)
    assert await running.events("NotDeleted") == ["Pod was expected by PDB default/b to be deleted but it wasn't"]


async def test_a_share_is_of_what_the_controllers_want(world: Any, make: Any) -> None:
    await world.start("disruption", "replicaset", "deployment")
    await world.client.create(kinds.POD_DISRUPTION_BUDGET, budget(maxUnavailable="50%"))
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 4))
    await world.client.create(kinds.REPLICA_SET, make.replica_set("other", 3))

    async def all_ready() -> bool:
        found = [each for each in await world.list(kinds.POD) if each["metadata"]["labels"]["app"] == "web"]
        for each in found:
            await world.set_pod(each)
        return len(found) == 4 and await allows(world, 2, healthy=4)

    await world.until(all_ready)
    assert (await status(world))["expectedPods"] == 4
    await world.client.patch(kinds.DEPLOYMENT, "web", {"spec": {"replicas": 8, "paused": True}}, namespace="default")

    async def expects(count: int) -> bool:
        return (await status(world))["expectedPods"] == count

    await world.until(lambda: expects(8))


async def test_pods_without_a_controller_are_told_of(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(maxUnavailable=1))
    await ready_pods(running, make, "a")

    async def told() -> list[str]:
        return list(await running.events("UnmanagedPods"))

    (text,) = await running.until(told)
    assert "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,}" in text
    assert (await status(running))["expectedPods"] == 0


async def define(world: Any) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
    }
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    await world.client.create(kinds.CUSTOM_RESOURCE_DEFINITION, {"metadata": {"name": WIDGET.qualified}, "spec": spec})


def widget(size: int) -> dict[str, Any]:
    about = {"name": "w", "namespace": "default"}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": about, "spec": {"size": size}}


async def test_a_custom_kind_with_a_scale_counts(running: Any, make: Any) -> None:
    await define(running)
    owner = await running.client.create(WIDGET, widget(6))
    reference = meta.owner_reference(WIDGET, owner)
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(minAvailable="50%"))
    await ready_pods(running, make, "a", "b", "c", "d", ownerReferences=[reference])
    await running.until(lambda: allows(running, 1, healthy=4))
    found = await status(running)
    assert (found["expectedPods"], found["desiredHealthy"]) == (6, 3)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        pytest.param(
            {"apiVersion": "batch/v1", "kind": "Job"},
            "jobs.batch does not implement the scale subresource",
            id="no-scale",
        ),
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "ReplicaSet"}, 'found no controllers for pod "a"', id="not-there"
        ),
        pytest.param(
            {"apiVersion": "example.com/v1", "kind": "Gadget"},
            'no matches for kind "Gadget" in version "example.com/v1"',
            id="nobody-s-kind",
        ),
    ],
)
async def test_pods_whose_controllers_do_not_tell_are_not_evicted(
    running: Any, make: Any, reference: dict[str, Any], why: str
) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget(maxUnavailable=1))
    owner = {**reference, "name": "x", "uid": "00000000-0000-0000-0000-000000000000", "controller": True}
    await ready_pods(running, make, "a", ownerReferences=[owner])

    async def told() -> list[str]:
        return list(await running.events("CalculateExpectedPodCountFailed"))

    assert await running.until(told) == [f"Failed to calculate the number of expected pods: {why}"]
    condition = (await status(running))["conditions"][0]
    assert (condition["reason"], condition["message"]) == ("SyncFailed", why)
    with pytest.raises(errors.TooManyRequests) as refusal:
        await evict(running, "a")
    assert refusal.value.details["causes"][0]["message"].endswith(f"because it failed sync: {why}")


async def test_a_pod_under_two_budgets_is_told_of(running: Any, make: Any) -> None:
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget("b", minAvailable=1))
    await ready_pods(running, make, "a")
    await running.client.create(kinds.POD_DISRUPTION_BUDGET, budget("a", minAvailable=1))

    async def told() -> list[str]:
        return list(await running.events("MultiplePodDisruptionBudgets"))

    text = 'Pod "default"/"a" matches multiple PodDisruptionBudgets.  Chose "a" arbitrarily.'
    assert await running.until(told) == [text]


async def test_a_disruption_that_did_not_come_is_taken_back(running: Any, make: Any) -> None:
    await ready_pods(running, make, "a")
    target = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}
    conditions = [{**target, "lastTransitionTime": meta.timestamp(running.clock.now())}]
    await running.client.patch(
        kinds.POD, "a", {"status": {"conditions": conditions}}, namespace="default", subresource="status"
    )

    async def condition() -> Any:
        found = await running.client.get(kinds.POD, "a", namespace="default")
        return meta.condition(found, "DisruptionTarget")

    await running.clock.advance(110)
    assert (await condition())["status"] == "True"
    await running.clock.advance(20)
    after = await condition()
    assert (after["status"], "reason" in after, "message" in after) == ("False", False, False)


class Draining:
    """Pods are evicted one after the other, as their budget allows; each is replaced."""

    controllers = ("disruption", "replicaset")
    kinds = (kinds.POD_DISRUPTION_BUDGET, kinds.POD, kinds.REPLICA_SET)

    def __init__(self, make: Any) -> None:
        self._make = make
        self._least = 99
        self._drained: set[str] = set()

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.REPLICA_SET, self._make.replica_set("web", 2))
        await world.client.create(kinds.POD_DISRUPTION_BUDGET, budget(maxUnavailable=1))
        await world.until(lambda: self._alive(world, 2))
        self._drained = {each["metadata"]["name"] for each in await world.list(kinds.POD)}

    async def settled(self, world: Any) -> bool:
        """Speaks for kubelets, and for whoever drains."""
        await self._alive(world, 2)
        for each in await world.list(kinds.POD):
            name = each["metadata"]["name"]
            if meta.is_deleting(each):
                options = DeleteOptions(grace_s=0)
                await world.client.delete(kinds.POD, name, namespace="default", options=options)
            elif name in self._drained:
                try:
                    await evict(world, name)
                except errors.TooManyRequests:
                    continue
                healthy = [each for each in await world.list(kinds.POD) if not meta.is_deleting(each)]
                self._least = min(self._least, len(healthy))
        left = {each["metadata"]["name"] for each in await world.list(kinds.POD)} & self._drained
        return not left and await allows(world, 1, healthy=2)

    async def check(self, world: Any) -> None:
        found = await status(world)
        assert self._least >= 1
        assert (found["expectedPods"], found["desiredHealthy"], found.get("disruptedPods")) == (2, 1, None)
        assert len(await world.list(kinds.POD)) == 2

    async def _alive(self, world: Any, count: int) -> bool:
        found = await world.list(kinds.POD)
        for each in found:
            if not each.get("status", {}).get("conditions"):
                await world.set_pod(each)
        return len(found) == count


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_drain_ends_whatever_happens(make: Any, fault: str) -> None:
    await survive(Draining(make), fault)
