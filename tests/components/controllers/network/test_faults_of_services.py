"""Endpoints and EndpointSlices under the three classic faults."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, meta

from ..faults import FAULTS, survive

SERVICE = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


class _Behind:
    """Three Pods come behind a Service and one goes; a second Service goes altogether."""

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.SERVICE, SERVICE)
        other = {**SERVICE, "metadata": {"name": "other", "namespace": "default"}}
        other = await world.client.create(kinds.SERVICE, other)
        made = [
            await world.client.create(kinds.POD, self._make.pod(f"p{number}", nodeName="n1")) for number in range(3)
        ]
        for number, pod in enumerate(made):
            await world.set_pod(pod, ip=f"10.0.0.{number + 1}")
        await world.until(lambda: self._answers(world, 3))
        await world.client.delete(kinds.POD, "p1", namespace="default")
        await world.let_go(made[1])
        await world.client.delete(kinds.SERVICE, "other", namespace="default")

    async def settled(self, world: Any) -> bool:
        return await self._answers(world, 2)

    async def _answers(self, world: Any, count: int) -> bool:
        raise NotImplementedError


class InEndpoints(_Behind):
    controllers = ("endpoint",)
    kinds = (kinds.SERVICE, kinds.POD, kinds.ENDPOINTS)

    async def settled(self, world: Any) -> bool:
        """The Endpoints of the Service that went are gone too."""
        return await self._answers(world, 2) and len(await self._made(world)) == 1

    async def check(self, world: Any) -> None:
        assert [each["metadata"]["name"] for each in await self._made(world)] == ["web"]

    async def _made(self, world: Any) -> list[Any]:
        return [each for each in await world.list(kinds.ENDPOINTS) if each["metadata"]["name"] != "kubernetes"]

    async def _answers(self, world: Any, count: int) -> bool:
        found = [each for each in await self._made(world) if each["metadata"]["name"] == "web"]
        listed = [
            address["ip"] for each in found for part in each.get("subsets") or () for address in part["addresses"]
        ]
        return len(listed) == len(set(listed)) == count


class InSlices(_Behind):
    controllers = ("endpointslice", "garbagecollector")
    kinds = (kinds.SERVICE, kinds.POD, kinds.ENDPOINT_SLICE)

    async def settled(self, world: Any) -> bool:
        """The slice of the Service that went is gone too: the garbage collector takes it."""
        return await self._answers(world, 2) and not await self._of(world, "other")

    async def check(self, world: Any) -> None:
        assert world.faulty.done.count(("create", kinds.ENDPOINT_SLICE)) <= 2

    async def _answers(self, world: Any, count: int) -> bool:
        slices = await self._of(world, "web")
        listed = [ip for each in slices for endpoint in each.get("endpoints") or () for ip in endpoint["addresses"]]
        return len(listed) == len(set(listed)) == count

    async def _of(self, world: Any, service: str) -> list[Any]:
        found = [(each, meta.controller_of(each)) for each in await world.list(kinds.ENDPOINT_SLICE)]
        return [each for each, owner in found if owner is not None and owner["name"] == service]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [InEndpoints, InSlices])
async def test_it_ends_as_without_the_fault(make: Any, scenario: Any, fault: str) -> None:
    await survive(scenario(make), fault)
