"""A Pod's ephemeral volumes: a claim each, the Pod's own, made once whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta
from hyperpy.components.controllers.storage import ephemeralvolume

from ..faults import FAULTS, survive

PVC = kinds.PERSISTENT_VOLUME_CLAIM
SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "x"}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": SPEC}
VOLUMES = [
    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": TEMPLATE}},
    {"name": "cache", "ephemeral": {"volumeClaimTemplate": TEMPLATE}},
]


def test_a_pod_that_ends_or_leaves_gets_no_claims(make: Any) -> None:
    pod = make.pod("p", volumes=VOLUMES)
    pod["metadata"]["uid"] = "u"
    assert [name for name, _ in ephemeralvolume.plan(pod)] == ["scratch", "cache"]
    assert ephemeralvolume.plan({**pod, "status": {"phase": "Succeeded"}}) == []
    pod["metadata"]["deletionTimestamp"] = "x"
    assert ephemeralvolume.plan(pod) == []


async def claims(world: Any) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in await world.list(PVC)}


async def test_the_claims_of_a_pod_are_its_own(world: Any, make: Any) -> None:
    await world.start("ephemeral-volume")
    pod = await world.client.create(kinds.POD, make.pod("p", volumes=VOLUMES))

    async def made() -> Any:
        found = await claims(world)
        return found if len(found) == 2 else None

    found = (await world.until(made))["p-scratch"]
    owner = meta.controller_of(found)
    assert owner is not None and (owner["kind"], owner["uid"]) == ("Pod", pod["metadata"]["uid"])
    assert owner["blockOwnerDeletion"] and found["metadata"]["labels"] == {"app": "web"}
    assert found["spec"]["resources"] == SPEC["resources"]


async def test_a_name_that_is_taken_is_told_and_waited_for(world: Any, make: Any) -> None:
    await world.client.create(PVC, {"metadata": {"name": "p-scratch", "namespace": "default"}, "spec": SPEC})
    await world.start("ephemeral-volume")
    await world.client.create(kinds.POD, make.pod("p", volumes=VOLUMES[:1]))
    await world.quiet()
    told = "ephemeral volume scratch: PVC default/p-scratch was not created for pod default/p (pod is not owner)"
    assert await world.events("FailedBinding") == [told]
    await world.client.patch(PVC, "p-scratch", {"metadata": {"finalizers": None}}, namespace="default")
    await world.client.delete(PVC, "p-scratch", namespace="default")

    async def own() -> Any:
        found = (await claims(world)).get("p-scratch")
        return found is not None and meta.controller_of(found)

    assert (await world.until(own))["name"] == "p"


class Ephemeral:
    """A Pod with two ephemeral volumes; one of its claims is deleted while it waits."""

    controllers = ("ephemeral-volume",)
    kinds = (kinds.POD, PVC)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.POD, self._make.pod("p", volumes=VOLUMES))
        await world.until(lambda: self.settled(world))
        try:
            await world.client.patch(PVC, "p-cache", {"metadata": {"finalizers": None}}, namespace="default")
            await world.client.delete(PVC, "p-cache", namespace="default")
        except errors.NotFound:
            pass

    async def settled(self, world: Any) -> bool:
        return sorted(await claims(world)) == ["p-cache", "p-scratch"]

    async def check(self, world: Any) -> None:
        assert world.faulty.done.count(("create", PVC)) <= 3
        assert all(meta.controller_of(each) for each in await world.list(PVC))


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_ends_as_without_the_fault(make: Any, fault: str) -> None:
    await survive(Ephemeral(make), fault)
