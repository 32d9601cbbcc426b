"""The component: which controllers run, who leads, and that options that cannot be are refused by name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.client.informer import Informers
from hyperpy.components.controllers import table
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options
from hyperpy.components.supervisor import StartFailure

BY_DEFAULT = [row for row in table.CONTROLLERS if row.by_default]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["*"], len(BY_DEFAULT), id="all"),
        pytest.param(["*", "-nodelifecycle"], len(BY_DEFAULT) - 1, id="all-but-one-by-its-old-name"),
        pytest.param(["deployment", "replicaset-controller"], 2, id="two"),
        pytest.param([], 0, id="none"),
    ],
)
def test_controllers_are_chosen_by_name(names: list[str], expected: int) -> None:
    assert len(table.chosen(names)) == expected


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(table.UnknownController, match='there is no controller "jobs"; there are namespace-controller'):
        table.chosen(["*", "-jobs"])


@pytest.mark.parametrize(
    "options", [Options(controllers=("nonsense",)), Options(cluster_cidr="10.244.0.0/30")], ids=["name", "network"]
)
async def test_an_option_that_cannot_be_is_a_start_failure(world: Any, options: Options) -> None:
    with pytest.raises(StartFailure):
        Controllers(world.client, Informers(world.client), options)


async def test_of_two_candidates_one_works_and_the_other_takes_over(world: Any, make: Any) -> None:
    await world.start("replicaset", leader_elect=True, identity="one")
    first = list(world.tasks)
    world.tasks.clear()
    await world.start("replicaset", leader_elect=True, identity="two")
    second = list(world.tasks)

    async def holder() -> str:
        leases = await world.list(kinds.LEASE, "kube-system")
        return leases[0]["spec"]["holderIdentity"] if leases else ""

    async def one_leads() -> bool:
        return await holder() == "one"

    async def two_leads() -> bool:
        return await holder() == "two"

    await world.until(one_leads)
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 2))

    async def made() -> bool:
        return len(await world.list(kinds.POD)) == 2

    await world.until(made)
    world.tasks = first
    await world.stop()
    world.tasks = second
    await world.clock.advance(5)
    await world.until(two_leads)
    await world.client.delete(kinds.POD, (await world.list(kinds.POD))[0]["metadata"]["name"], namespace="default")
    await world.until(made)


async def test_idle_loops_wait_and_write_nothing(world: Any, make: Any) -> None:
    await world.start()
    await world.client.create(kinds.NODE, make.node("n1"))
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 2))

    async def made() -> bool:
        return len(await world.list(kinds.POD)) == 2

    await world.until(made)
    await world.quiet()
    writes: list[tuple[str, str]] = []
    world.faulty.before = lambda verb, kind: writes.append((verb, kind.plural))
    for _ in range(3):
        await world.clock.advance(9)
    await asyncio.sleep(0)
    assert writes == []


async def test_controllers_begin_among_objects_that_are_known_already(world: Any, make: Any) -> None:
    await world.client.create(kinds.NODE, make.node("n1"))
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 1))
    names = (
        "namespaces",
        "nodes",
        "pods",
        "replicasets",
        "deployments",
        "daemonsets",
        "statefulsets",
        "clusterroles",
        "services",
        "jobs",
        "cronjobs",
    )
    await world.start(known=[kind for kind in kinds.built_in() if kind.plural in names])

    async def made() -> bool:
        return len(await world.list(kinds.POD)) == 1

    await world.until(made)
