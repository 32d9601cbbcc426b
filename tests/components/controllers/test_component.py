"""The component: which controllers run, who leads, and that options that cannot be are refused by name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.client.informer import Informers
from hyperpy.client.leader import LeaseTimes
from hyperpy.components.controllers import table
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options
from hyperpy.components.supervisor import StartFailure

from .nodes.test_nodes import lease

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


async def settled_cluster(world: Any, make: Any) -> None:
    """Two nodes with every kind of workload, all of it as it should be; a Job that has ended and one that runs."""
    for name in ("n1", "n2"):
        await world.client.create(kinds.NODE, make.node(name))
    service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    await world.client.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": "default"}, "spec": service})
    await world.client.create(kinds.RESOURCE_QUOTA, {
        "metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "99"}},
    })  # fmt: skip
    await world.client.create(kinds.DEPLOYMENT, make.deployment("web", 2))
    stateful = {**make.replica_set("db", 2)["spec"], "serviceName": "web"}
    daemon = {name: value for name, value in make.replica_set("agent", 0)["spec"].items() if name != "replicas"}
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}}}
    for kind, name, spec in (
        (kinds.STATEFUL_SET, "db", stateful),
        (kinds.DAEMON_SET, "agent", daemon),
        (kinds.JOB, "ended", job),
        (kinds.JOB, "running", job),
        (kinds.CRON_JOB, "yearly", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}),
        (kinds.POD_DISRUPTION_BUDGET, "web", {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}),
    ):
        await world.client.create(kind, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})

    async def all_run() -> bool:
        found = await world.list(kinds.POD)
        for number, pod in enumerate(found):
            if not (pod["status"].get("conditions") or ()):
                over = pod["metadata"]["name"].startswith("ended")
                phase = "Succeeded" if over else "Running"
                await world.set_pod(pod, phase=phase, ready=not over, ip="" if over else f"10.0.0.{number + 1}")
        ended = await world.client.get(kinds.JOB, "ended", namespace="default")
        return len(found) == 8 and bool(ended["status"].get("completionTime"))

    await world.until(all_run)
    await world.clock.advance(60)


async def test_a_settled_cluster_costs_no_write_and_no_timer_in_an_hour(world: Any, make: Any) -> None:
    await world.start()
    await settled_cluster(world, make)
    await world.stop()
    await world.start("*", "-nodelifecycle")  # which looks at Leases, and nobody renews them here
    await world.clock.advance(60)
    writes: list[tuple[str, str]] = []
    world.faulty.before = lambda verb, kind: writes.append((verb, kind.plural))
    woken = world.clock.wakes
    await world.clock.advance(3600)
    assert writes == []
    assert world.clock.wakes == woken


async def test_nodes_that_give_signs_of_life_cost_no_write(world: Any, make: Any) -> None:
    await world.start()
    await settled_cluster(world, make)
    for name in ("n1", "n2"):
        await lease(world, name)
    await world.clock.advance(60)
    writes: list[tuple[str, str]] = []
    world.faulty.before = lambda verb, kind: writes.append((verb, kind.plural))
    for _ in range(60):
        for name in ("n1", "n2"):
            await lease(world, name)
        await world.clock.advance(10)
    assert writes == []


async def test_the_lease_has_the_name_and_the_time_that_options_say(world: Any) -> None:
    times = LeaseTimes(lease_s=30, renew_s=20, retry_s=5)
    await world.start(
        "ttl", leader_elect=True, identity="me", lease_times=times, lease_name="mine", lease_namespace="default"
    )

    async def held() -> Any:
        return await world.list(kinds.LEASE)

    (lease,) = await world.until(held)
    assert lease["metadata"]["name"] == "mine" and lease["spec"]["leaseDurationSeconds"] == 30


async def test_as_many_keys_are_worked_on_at_once_as_options_say(world: Any, make: Any) -> None:
    await world.start("ttl", workers={"ttl-controller": 7})
    running = [task.get_name() for task in asyncio.all_tasks()]
    assert len([name for name in running if name.removeprefix("ttl-controller/").isdecimal()]) == 7


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
