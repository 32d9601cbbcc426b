"""ReplicaSets, ReplicationControllers and Deployments under the three classic faults, at every write."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, meta, pods

from ..faults import FAULTS, survive


class Scaling:
    """A ReplicaSet grows to three Pods and shrinks to one."""

    controllers = ("replicaset",)
    kinds = (kinds.POD, kinds.REPLICA_SET)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.REPLICA_SET, self._make.replica_set("web", 3))
        await world.until(lambda: self._alive(world, 3))
        await world.client.patch(kinds.REPLICA_SET, "web", {"spec": {"replicas": 1}}, namespace="default")

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.REPLICA_SET, "web", namespace="default")
        return bool(await self._alive(world, 1)) and found["status"].get("replicas") == 1

    async def check(self, world: Any) -> None:
        assert len(await world.list(kinds.POD)) == 1
        assert world.faulty.done.count(("create", kinds.POD)) <= 3
        assert world.faulty.done.count(("delete", kinds.POD)) <= 2

    async def _alive(self, world: Any, count: int) -> bool:
        return len([pod for pod in await world.list(kinds.POD) if pods.is_active(pod)]) == count


class OldScaling:
    """A ReplicationController grows to three Pods and shrinks to one; one Pod of its labels was there before."""

    controllers = ("replicationcontroller",)
    kinds = (kinds.POD, kinds.REPLICATION_CONTROLLER)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.POD, self._make.pod("first"))
        body = {"replicas": 3, "selector": {"app": "web"}, "template": self._make.template("web")}
        await world.client.create(
            kinds.REPLICATION_CONTROLLER, {"metadata": {"name": "web", "namespace": "default"}, "spec": body}
        )
        await world.until(lambda: self._alive(world, 3))
        await world.client.patch(kinds.REPLICATION_CONTROLLER, "web", {"spec": {"replicas": 1}}, namespace="default")

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.REPLICATION_CONTROLLER, "web", namespace="default")
        return await self._alive(world, 1) and found["status"].get("replicas") == 1

    async def check(self, world: Any) -> None:
        assert len(await world.list(kinds.POD)) == 1
        assert world.faulty.done.count(("create", kinds.POD)) <= 2
        assert world.faulty.done.count(("delete", kinds.POD)) <= 2

    async def _alive(self, world: Any, count: int) -> bool:
        owned = [meta.controller_of(pod) for pod in await world.list(kinds.POD) if pods.is_active(pod)]
        return len(owned) == count and all(owned)


class Rollout:
    """A Deployment of two Pods gets a new image."""

    controllers = ("deployment", "replicaset")
    kinds = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.DEPLOYMENT, self._make.deployment("web", 2, image="one"))
        await world.until(lambda: self._runs(world, "one"))
        image = [{"name": "main", "image": "two"}]
        body = {"spec": {"template": {"spec": {"containers": image}}}}
        await world.client.patch(kinds.DEPLOYMENT, "web", body, namespace="default")

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.DEPLOYMENT, "web", namespace="default")
        status = found.get("status") or {}
        return await self._runs(world, "two") and status.get("updatedReplicas") == status.get("readyReplicas") == 2

    async def check(self, world: Any) -> None:
        sets = await world.list(kinds.REPLICA_SET)
        assert sorted(each["spec"]["replicas"] for each in sets) == [0, 2]
        assert {meta.controller_of(each)["name"] for each in sets} == {"web"}
        assert len(await world.list(kinds.POD)) == 2
        assert world.faulty.done.count(("create", kinds.POD)) <= 4

    async def _runs(self, world: Any, image: str) -> bool:
        """Speaks for kubelets: what is new becomes ready."""
        found = await world.list(kinds.POD)
        for pod in found:
            if not pod.get("status", {}).get("conditions"):
                await world.set_pod(pod)
        ready = [pod for pod in found if pods.is_active(pod) and pods.is_ready(pod)]
        return [pod["spec"]["containers"][0]["image"] for pod in ready] == [image, image] and len(found) == 2


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", [Scaling, OldScaling, Rollout])
async def test_it_ends_as_without_the_fault(make: Any, scenario: Any, fault: str) -> None:
    await survive(scenario(make), fault)
