"""Scheduler and binder together: Pods get volumes where they go, wait for provisioners, and are woken by what helps."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options as ControllerOptions
from hyperpy.components.scheduler import component

from .world import World, untainted

Obj = dict[str, Any]
PV, PVC = kinds.PERSISTENT_VOLUME, kinds.PERSISTENT_VOLUME_CLAIM
SELECTED = "volume.kubernetes.io/selected-node"


async def binder(world: World) -> None:
    options = ControllerOptions(controllers=("persistentvolume-binder", "ephemeral-volume"))
    await world.start(Controllers(world.client, world.informers, options, clock=world.clock, rng=random.Random(2)))


async def node(world: World, name: str) -> None:
    await world.node(name)
    await world.client.patch(kinds.NODE, name, {"metadata": {"labels": {"kubernetes.io/hostname": name}}})


async def storage_class(world: World, name: str, provisioner: str = "kubernetes.io/no-provisioner") -> None:
    body = {"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer"}
    await world.client.create(kinds.STORAGE_CLASS, body)


async def claim(world: World, name: str, cls: str = "local", size: str = "1Gi") -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": cls,
    }  # fmt: skip
    await world.client.create(PVC, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def volume(world: World, name: str, host: str, cls: str = "local", **spec: Any) -> None:
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
    body = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": cls,
        "local": {"path": f"/{name}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}},
    }  # fmt: skip
    await world.client.create(PV, {"metadata": {"name": name}, "spec": body | spec})


async def pod(world: World, name: str, *claims: str) -> None:
    volumes = [{"name": f"v{n}", "persistentVolumeClaim": {"claimName": each}} for n, each in enumerate(claims)]
    await world.pod(name, **untainted(volumes=volumes))


async def get_claim(world: World, name: str) -> Obj:
    return await world.client.get(PVC, name, namespace="default")


def selected(world: World, name: str) -> Callable[[], Any]:
    async def holds() -> Any:
        return ((await get_claim(world, name))["metadata"].get("annotations") or {}).get(SELECTED)

    return holds


@pytest.fixture
async def running(world: World) -> World:
    await node(world, "n1")
    await node(world, "n2")
    await world.schedule()
    await binder(world)
    await storage_class(world, "local")
    await storage_class(world, "made", "example.com/disk")
    return world


async def test_a_pod_and_its_claim_go_where_the_volume_is(running: World) -> None:
    await volume(running, "disk", "n2")
    await claim(running, "data")
    await pod(running, "web", "data")
    await running.until(running.on("web", "n2"))
    bound = await get_claim(running, "data")
    assert bound["status"]["phase"] == "Bound" and bound["spec"]["volumeName"] == "disk"
    assert await running.events("FailedScheduling") == []


async def test_a_pod_whose_claim_is_missing_is_woken_by_it_and_by_its_volume(running: World) -> None:
    await pod(running, "web", "data")
    await running.until(running.told("web", '0/2 nodes are available: persistentvolumeclaim "data" not found.'))
    await claim(running, "data")
    await running.until(running.told("web", "2 node(s) didn't find available persistent volumes to bind"))
    await volume(running, "disk", "n1")
    await running.until(running.on("web", "n1"))


async def test_a_claim_that_does_not_wait_is_bound_before_its_pod_is_placed(running: World) -> None:
    await claim(running, "data", cls="")
    await pod(running, "web", "data")
    await running.until(running.told("web", "pod has unbound immediate PersistentVolumeClaims"))
    await volume(running, "disk", "n2", cls="")
    await running.until(running.on("web", "n2"))


async def test_two_pods_never_get_one_volume(running: World) -> None:
    for name in ("a", "b", "c"):
        await claim(running, name)
        await pod(running, name, name)
    await running.until(running.told("c", "didn't find available persistent volumes to bind"))
    await volume(running, "one", "n1")
    await volume(running, "two", "n2")

    async def placed() -> Any:
        found = (await running.client.list(kinds.POD, namespace="default")).items
        return sorted(each["spec"].get("nodeName", "") for each in found) == ["", "n1", "n2"]

    await running.until(placed)
    await running.quiet()
    claims = (await running.client.list(PVC, namespace="default")).items
    assert sorted(each["spec"].get("volumeName", "") for each in claims) == ["", "one", "two"]


async def test_a_provisioner_is_asked_for_a_volume_on_the_chosen_node(running: World) -> None:
    await claim(running, "data", "made")
    await pod(running, "web", "data")
    chosen = await running.until(selected(running, "data"))
    await running.quiet()
    assert "nodeName" not in (await running.get("web"))["spec"]
    uid = (await get_claim(running, "data"))["metadata"]["uid"]
    reference = {"namespace": "default", "name": "data", "uid": uid}
    await volume(running, "pvc-1", chosen, "made", claimRef=reference)
    await running.until(running.on("web", chosen))


async def test_a_provisioner_that_cannot_has_another_node_tried(running: World) -> None:
    await claim(running, "data", "made")
    await pod(running, "web", "data")
    chosen = await running.until(selected(running, "data"))
    other = "n1" if chosen == "n2" else "n2"
    full = {"status": {"allocatable": {"pods": "0"}}}
    await running.client.patch(kinds.NODE, chosen, full, subresource="status")
    await running.client.patch(PVC, "data", {"metadata": {"annotations": {SELECTED: None}}}, namespace="default")
    failed = 'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "data"'
    await running.until(running.told("web", failed))

    async def again() -> Any:
        return await selected(running, "data")() == other

    await running.until(again)


async def test_a_wait_for_a_provisioner_has_an_end(running: World) -> None:
    await claim(running, "data", "made")
    await pod(running, "web", "data")
    await running.until(selected(running, "data"))
    await running.clock.advance(601)
    await running.until(running.told("web", "binding volumes: context deadline exceeded"))


async def test_a_pod_that_is_deleted_while_it_waits_leaves_its_room(running: World) -> None:
    for number in range(2):
        await claim(running, f"data{number}", "made")
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": f"data{number}"}}]
        await running.pod(f"big{number}", "1500m", **untainted(volumes=volumes))
        await running.until(selected(running, f"data{number}"))
    await running.pod("next", "1500m", **untainted())
    await running.until(running.told("next", "2 Insufficient cpu"))
    await running.client.delete(kinds.POD, "big0", namespace="default")

    async def placed() -> Any:
        return (await running.get("next"))["spec"].get("nodeName")

    await running.until(placed)


async def test_pods_that_wait_for_provisioners_do_not_hold_up_the_others(running: World) -> None:
    for number in range(component.BINDINGS // 4):
        await node(running, f"more{number}")
    for number in range(component.BINDINGS + 1):
        await claim(running, f"data{number}", "made")
        await pod(running, f"waits{number}", f"data{number}")
        await running.until(selected(running, f"data{number}"))
    await running.pod("free", **untainted())

    async def placed() -> Any:
        return (await running.get("free"))["spec"].get("nodeName")

    await running.until(placed)


async def test_a_refused_write_of_a_volume_gives_it_back(running: World) -> None:
    await volume(running, "disk", "n1")
    await claim(running, "data")
    refused = 0

    async def update(kind: Any, obj: Obj, **options: Any) -> Any:
        nonlocal refused
        if kind is PV and not refused:
            refused += 1
            raise errors.InternalError("the store is slow")
        return await running.client.update(kind, obj, **options)

    running.refusing.update = update
    await pod(running, "web", "data")
    await running.until(running.told("web", "binding rejected: the store is slow"))
    await running.clock.advance(2)
    await running.until(running.on("web", "n1"))
    assert refused == 1


async def test_an_ephemeral_volume_is_bound_where_its_pod_goes(running: World) -> None:
    await volume(running, "disk", "n2")
    spec = {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "local",
    }  # fmt: skip
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}]
    await running.pod("web", **untainted(volumes=volumes))
    await running.until(running.on("web", "n2"))
    assert (await get_claim(running, "web-scratch"))["spec"]["volumeName"] == "disk"
