"""Quotas, and claims and volumes that are in use, under the three classic faults."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta

from ..faults import FAULTS, survive
from .test_storage_protection import CLAIM, VOLUME, gone


class Counted:
    """A quota is charged for three Pods; one goes, one ends, and the limit changes."""

    controllers = ("resourcequota",)
    kinds = (kinds.RESOURCE_QUOTA, kinds.POD)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "3"}}}
        await world.client.create(kinds.RESOURCE_QUOTA, quota)
        await world.until(lambda: self._status(world))
        made = [await world.client.create(kinds.POD, self._make.pod(name)) for name in ("a", "b", "c")]
        await world.client.delete(kinds.POD, "a", namespace="default")
        await world.set_pod(made[1], phase="Succeeded", ready=False)
        await world.client.patch(kinds.RESOURCE_QUOTA, "q", {"spec": {"hard": {"pods": "2"}}}, namespace="default")

    async def settled(self, world: Any) -> bool:
        return await self._status(world) == {"hard": {"pods": "2"}, "used": {"pods": "1"}}

    async def check(self, world: Any) -> None:
        await world.client.create(kinds.POD, self._make.pod("d"))
        with pytest.raises(errors.Forbidden, match="exceeded quota"):
            await world.client.create(kinds.POD, self._make.pod("e"))

    async def _status(self, world: Any) -> Any:
        return (await world.client.get(kinds.RESOURCE_QUOTA, "q", namespace="default")).get("status")


class InUse:
    """A claim that a Pod uses and a volume that is bound are deleted: they stay, and go when nothing holds them."""

    controllers = ("pvc-protection", "pv-protection")
    kinds = (kinds.PERSISTENT_VOLUME_CLAIM, kinds.PERSISTENT_VOLUME, kinds.POD)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.PERSISTENT_VOLUME, VOLUME)
        await world.client.patch(kinds.PERSISTENT_VOLUME, "v", {"status": {"phase": "Bound"}}, subresource="status")
        await world.client.create(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
        spare = {**CLAIM, "metadata": {"name": "spare", "namespace": "default"}}
        await world.client.create(kinds.PERSISTENT_VOLUME_CLAIM, spare)
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
        await world.client.create(kinds.POD, self._make.pod("p", nodeName="n1", volumes=volumes))
        await world.client.delete(kinds.PERSISTENT_VOLUME_CLAIM, "c", namespace="default")
        await world.client.delete(kinds.PERSISTENT_VOLUME_CLAIM, "spare", namespace="default")
        await world.client.delete(kinds.PERSISTENT_VOLUME, "v")
        await world.until(lambda: gone(world, kinds.PERSISTENT_VOLUME_CLAIM, "spare", "default"))
        assert not await gone(world, kinds.PERSISTENT_VOLUME_CLAIM, "c", "default"), "a Pod uses it"
        assert not await gone(world, kinds.PERSISTENT_VOLUME, "v"), "it is bound"
        await world.client.delete(kinds.POD, "p", namespace="default")
        await world.client.patch(kinds.PERSISTENT_VOLUME, "v", {"status": {"phase": "Released"}}, subresource="status")

    async def settled(self, world: Any) -> bool:
        for pod in await world.list(kinds.POD):
            if meta.is_deleting(pod):
                await world.let_go(pod)
        return not await world.list(kinds.PERSISTENT_VOLUME_CLAIM) and not await world.list(kinds.PERSISTENT_VOLUME)

    async def check(self, world: Any) -> None:
        assert not await world.list(kinds.POD)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [Counted, InUse])
async def test_it_ends_as_without_the_fault(make: Any, scenario: Any, fault: str) -> None:
    await survive(scenario(make), fault)
