"""Networks of nodes, eviction by taints, and Pods whose nodes have gone, under the three classic faults."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from hyperpy.api import kinds, meta

from ..faults import FAULTS, survive


class Networks:
    """Four nodes for three networks: the last gets that of one which leaves."""

    controllers = ("nodeipam",)
    kinds = (kinds.NODE,)
    options: ClassVar = {"cluster_cidr": "10.0.0.0/22", "service_cidr": "10.0.3.0/24"}

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        for number in range(4):
            await world.client.create(kinds.NODE, self._make.node(f"n{number}"))

        async def all_given() -> bool:
            return len(await self._networks(world)) == 3

        await world.until(all_given)
        poor = [each for each in await world.list(kinds.NODE) if not each.get("spec", {}).get("podCIDR")]
        leaving = next(name for name in ("n0", "n1") if name not in {each["metadata"]["name"] for each in poor})
        await world.client.delete(kinds.NODE, leaving)

    async def settled(self, world: Any) -> bool:
        return len(await world.list(kinds.NODE)) == len(await self._networks(world)) == 3

    async def check(self, world: Any) -> None:
        assert sorted(await self._networks(world)) == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]

    async def _networks(self, world: Any) -> list[str]:
        return [each["spec"]["podCIDR"] for each in await world.list(kinds.NODE) if each.get("spec", {}).get("podCIDR")]


class Eviction:
    """A node gets a NoExecute taint: one Pod leaves at once, one after its time, one bears it; a new one leaves too."""

    controllers = ("taint-eviction",)
    kinds = (kinds.NODE, kinds.POD)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.NODE, self._make.node("n1"))
        bears = {"key": "k", "operator": "Exists"}
        for name, tolerations in (
            ("at-once", []),
            ("later", [{**bears, "effect": "NoExecute", "tolerationSeconds": 3}]),
            ("stays", [bears]),
        ):
            await world.client.create(kinds.POD, self._make.pod(name, nodeName="n1", tolerations=tolerations))
        taint = {"key": "k", "effect": "NoExecute"}
        await world.client.patch(kinds.NODE, "n1", {"spec": {"taints": [taint]}})
        await world.client.create(kinds.POD, self._make.pod("new", nodeName="n1"))

    async def settled(self, world: Any) -> bool:
        """Speaks for the kubelet, which lets Pods go."""
        found = await world.list(kinds.POD)
        for pod in found:
            if meta.is_deleting(pod):
                await world.let_go(pod)
        return [each["metadata"]["name"] for each in found] == ["stays"]

    async def check(self, world: Any) -> None:
        assert world.faulty.done.count(("delete", kinds.POD)) <= 4


class Orphaned:
    """A node goes for good: its Pods go after a while, those of its neighbour stay; a Pod without a node that was
    deleted goes too, and of three that have ended the oldest."""

    controllers = ("podgc",)
    kinds = (kinds.NODE, kinds.POD)
    options: ClassVar = {"terminated_pod_threshold": 2}

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        for name in ("n1", "n2"):
            await world.client.create(kinds.NODE, self._make.node(name))
            await world.client.create(kinds.POD, self._make.pod(f"on-{name}", nodeName=name))
        unborn = self._make.pod("unborn")
        unborn["metadata"]["finalizers"] = ["test.io/held"]
        await world.client.create(kinds.POD, unborn)
        for number in range(3):
            ended = await world.client.create(kinds.POD, self._make.pod(f"ended-{number}", nodeName="n2"))
            await world.set_pod(ended, phase="Succeeded", ready=False)
            await world.clock.advance(1)
        await world.client.delete(kinds.NODE, "n1")
        await world.clock.advance(60)

    async def settled(self, world: Any) -> bool:
        found = {each["metadata"]["name"] for each in await world.list(kinds.POD)}
        return found == {"on-n2", "unborn", "ended-1", "ended-2"}

    async def check(self, world: Any) -> None:
        assert world.faulty.done.count(("delete", kinds.POD)) <= 3


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [Networks, Eviction, Orphaned])
async def test_it_ends_as_without_the_fault(make: Any, scenario: Any, fault: str) -> None:
    await survive(scenario(make), fault)
