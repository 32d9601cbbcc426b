"""How long kubelets may keep Secrets and ConfigMaps, by the size of the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.components.controllers.nodes.ttl import ANNOTATION, step_for

from ..faults import FAULTS, survive


@pytest.mark.parametrize(
    ("nodes", "before", "after"),
    [(1, 0, 0), (100, 0, 0), (101, 0, 1), (95, 1, 1), (89, 1, 0), (5000, 0, 4), (20_000, 0, 5), (3, 5, 0)],
)
def test_steps_overlap(nodes: int, before: int, after: int) -> None:
    assert step_for(nodes, before) == after


async def ttls(world: Any) -> set[str]:
    return {(node["metadata"].get("annotations") or {}).get(ANNOTATION, "") for node in await world.list(kinds.NODE)}


class Growing:
    """A cluster grows past a hundred nodes."""

    controllers = ("ttl",)
    kinds = (kinds.NODE,)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        for number in range(101):
            await world.client.create(kinds.NODE, self._make.node(f"n{number}"))

    async def settled(self, world: Any) -> bool:
        return await ttls(world) == {"15"}

    async def check(self, world: Any) -> None:
        assert await self.settled(world)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_cluster_that_grows_tells_every_node(make: Any, fault: str) -> None:
    await survive(Growing(make), fault)
