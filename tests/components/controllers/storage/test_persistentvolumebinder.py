"""Claims get volumes, once each; volumes are released; provisioners are asked; all of it survives the three faults."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds

from ..faults import FAULTS, survive

Obj = dict[str, Any]
PV, PVC = kinds.PERSISTENT_VOLUME, kinds.PERSISTENT_VOLUME_CLAIM


def claim(name: str, size: str = "1Gi", **spec: Any) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": body}


def volume(name: str, size: str = "1Gi", **spec: Any) -> Obj:
    body = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": f"/{name}"}}
    return {"metadata": {"name": name}, "spec": body | spec}


def storage_class(name: str, *, later: bool = False, default: bool = False) -> Obj:
    about: Obj = {"name": name}
    if default:
        about["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    mode = "WaitForFirstConsumer" if later else "Immediate"
    return {"metadata": about, "provisioner": "example.com/disk", "volumeBindingMode": mode}


async def get(world: Any, kind: Any, name: str) -> Any:
    try:
        return await world.client.get(kind, name, namespace="default" if kind.namespaced else None)
    except errors.NotFound:
        return None


async def phase(world: Any, kind: Any, name: str, wanted: str) -> Any:
    async def holds() -> Any:
        found = await get(world, kind, name)
        return found if found and found["status"]["phase"] == wanted else None

    return await world.until(holds)


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start("persistentvolume-binder")
    return world


async def test_a_claim_and_a_volume_are_bound_and_say_so(running: Any) -> None:
    await running.client.create(PV, volume("v", "5Gi"))
    await phase(running, PV, "v", "Available")
    await running.client.create(PVC, claim("c"))
    bound = await phase(running, PVC, "c", "Bound")
    assert bound["spec"]["volumeName"] == "v"
    assert bound["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "5Gi"}}
    assert bound["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
    }  # fmt: skip
    there = await phase(running, PV, "v", "Bound")
    reference = there["spec"]["claimRef"]
    assert (reference["kind"], reference["name"], reference["uid"]) == (PVC.kind, "c", bound["metadata"]["uid"])
    assert await running.events("FailedBinding") == []


async def test_a_claim_waits_for_a_volume_and_says_why_once(running: Any) -> None:
    await running.client.create(PVC, claim("c", "3Gi"))
    await running.client.create(PV, volume("small"))
    await running.quiet()
    text = "no persistent volumes available for this claim and no storage class is set"
    assert await running.events("FailedBinding") == [text]
    await running.client.create(PV, volume("large", "4Gi"))
    assert (await phase(running, PVC, "c", "Bound"))["spec"]["volumeName"] == "large"


async def test_a_volume_that_is_kept_for_a_claim_waits_for_it(running: Any) -> None:
    await running.client.create(PV, volume("own", "9Gi", claimRef={"namespace": "default", "name": "c"}))
    await running.client.create(PV, volume("free"))
    await phase(running, PV, "own", "Available")
    await running.client.create(PVC, claim("c"))
    assert (await phase(running, PVC, "c", "Bound"))["spec"]["volumeName"] == "own"
    annotations = (await get(running, PV, "own"))["metadata"].get("annotations") or {}
    assert "pv.kubernetes.io/bound-by-controller" not in annotations


async def test_a_claim_can_ask_for_one_volume(running: Any) -> None:
    await running.client.create(PVC, claim("c", "2Gi", volumeName="v"))
    await running.quiet()
    assert (await get(running, PVC, "c"))["status"]["phase"] == "Pending"
    await running.client.create(PV, volume("v", "1Gi"))
    await running.quiet()
    assert await running.events("VolumeMismatch") == ['Cannot bind to requested volume "v": requested PV is too small']
    await running.client.patch(PV, "v", {"spec": {"capacity": {"storage": "2Gi"}}})
    await phase(running, PVC, "c", "Bound")


async def test_a_volume_is_released_when_its_claim_goes_and_free_when_its_reference_does(running: Any) -> None:
    await running.client.create(PV, volume("v"))
    await running.client.create(PVC, claim("c"))
    await phase(running, PVC, "c", "Bound")
    await running.client.patch(PVC, "c", {"metadata": {"finalizers": None}}, namespace="default")
    await running.client.delete(PVC, "c", namespace="default")
    await phase(running, PV, "v", "Released")
    await running.client.create(PVC, claim("c"))
    await running.quiet()
    assert (await get(running, PVC, "c"))["status"]["phase"] == "Pending"
    await running.client.patch(PV, "v", {"spec": {"claimRef": None}})
    await phase(running, PVC, "c", "Bound")


async def test_a_policy_that_nobody_can_carry_out_fails_with_an_event(running: Any) -> None:
    for name, policy in (("d", "Delete"), ("r", "Recycle")):
        made = volume(name, persistentVolumeReclaimPolicy=policy, claimRef={"namespace": "default", "name": name})
        await running.client.create(PV, made)
        await running.client.create(PVC, claim(name))
        await phase(running, PVC, name, "Bound")
        await running.client.patch(PVC, name, {"metadata": {"finalizers": None}}, namespace="default")
        await running.client.delete(PVC, name, namespace="default")
        await phase(running, PV, name, "Failed")
    assert (await get(running, PV, "r"))["status"]["message"] == "No recycler plugin found for the volume!"
    await running.quiet()
    assert await running.events("VolumeFailedRecycle") == ["No recycler plugin found for the volume!"]
    assert len(await running.events("VolumeFailedDelete")) == 1


async def test_a_bound_claim_whose_volume_is_gone_is_lost(running: Any) -> None:
    await running.client.create(PV, volume("v"))
    await running.client.create(PVC, claim("c"))
    await phase(running, PVC, "c", "Bound")
    await running.client.patch(PV, "v", {"metadata": {"finalizers": None}})
    await running.client.delete(PV, "v")
    lost = await phase(running, PVC, "c", "Lost")
    assert "capacity" not in lost["status"]
    await running.quiet()
    assert len(await running.events("ClaimLost")) == 1


async def test_a_default_class_counts_for_claims_that_came_before_it(running: Any) -> None:
    await running.client.create(PVC, claim("c"))
    await running.client.create(PVC, claim("none", storageClassName=""))
    await running.quiet()
    await running.client.create(kinds.STORAGE_CLASS, storage_class("disk", default=True))

    async def asked() -> Any:
        found = await get(running, PVC, "c")
        return (found["metadata"].get("annotations") or {}).get("volume.kubernetes.io/storage-provisioner")

    assert await running.until(asked) == "example.com/disk"
    assert (await get(running, PVC, "c"))["spec"]["storageClassName"] == "disk"
    assert (await get(running, PVC, "none"))["spec"]["storageClassName"] == ""
    await running.quiet()
    assert len(await running.events("ExternalProvisioning")) == 1


async def test_what_a_provisioner_made_is_bound_and_left_to_it_when_released(running: Any) -> None:
    await running.client.create(kinds.STORAGE_CLASS, storage_class("disk"))
    await running.client.create(PVC, claim("c", storageClassName="disk"))
    uid = (await get(running, PVC, "c"))["metadata"]["uid"]
    made = volume(
        "pvc-1", storageClassName="disk", persistentVolumeReclaimPolicy="Delete",
        claimRef={"namespace": "default", "name": "c", "uid": uid},
    )  # fmt: skip
    made["metadata"] |= {
        "annotations": {"pv.kubernetes.io/provisioned-by": "example.com/disk"},
        "finalizers": ["external-provisioner.volume.kubernetes.io/finalizer"],
    }
    await running.client.create(PV, made)
    assert (await phase(running, PVC, "c", "Bound"))["spec"]["volumeName"] == "pvc-1"
    await running.client.patch(PVC, "c", {"metadata": {"finalizers": None}}, namespace="default")
    await running.client.delete(PVC, "c", namespace="default")
    left = await phase(running, PV, "pvc-1", "Released")
    assert "external-provisioner.volume.kubernetes.io/finalizer" in left["metadata"]["finalizers"]


async def test_a_claim_that_waits_for_its_consumer_says_which_it_is(running: Any, make: Any) -> None:
    await running.client.create(kinds.STORAGE_CLASS, storage_class("local", later=True))
    await running.client.create(PV, volume("v", storageClassName="local"))
    await running.client.create(PVC, claim("c", storageClassName="local"))
    await running.quiet()
    assert await running.events("WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    await running.client.create(kinds.POD, make.pod("p", volumes=volumes))
    await running.quiet()
    assert await running.events("WaitForPodScheduled") == ["waiting for pod p to be scheduled"]
    assert (await get(running, PVC, "c"))["status"]["phase"] == "Pending"
    uid = (await get(running, PVC, "c"))["metadata"]["uid"]
    kept = {"spec": {"claimRef": {"namespace": "default", "name": "c", "uid": uid}}}
    await running.client.patch(PV, "v", kept)
    await phase(running, PVC, "c", "Bound")


async def test_of_two_volumes_for_one_claim_the_spare_one_is_free_again(world: Any) -> None:
    """As when two binders, or a binder and a scheduler, have chosen at once."""
    await world.client.create(PVC, claim("c"))
    about = (await get(world, PVC, "c"))["metadata"]
    reference = {"kind": PVC.kind, "namespace": "default", "name": "c", "uid": about["uid"]}
    by_controller = {"annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}}
    for name in ("v", "w"):
        made = volume(name, claimRef=reference)
        made["metadata"] |= by_controller
        await world.client.create(PV, made)
    await world.start("persistentvolume-binder")
    chosen = (await phase(world, PVC, "c", "Bound"))["spec"]["volumeName"]
    spare = await phase(world, PV, ({"v", "w"} - {chosen}).pop(), "Available")
    assert "claimRef" not in spare["spec"]


class Binding:
    """Three claims, as many volumes; one claim goes, and one comes for which somebody has made a volume."""

    controllers = ("persistentvolume-binder",)
    kinds = (PVC, PV)

    async def act(self, world: Any) -> None:
        for name, size in (("a", "1Gi"), ("b", "2Gi"), ("c", "3Gi")):
            await world.client.create(PV, volume(f"v{name}", size))
            await world.client.create(PVC, claim(name, size))
        await world.until(lambda: self._are(world, PVC, "Bound", "Bound", "Bound"))
        await world.client.patch(PVC, "a", {"metadata": {"finalizers": None}}, namespace="default")
        await world.client.delete(PVC, "a", namespace="default")
        made = await world.client.create(PVC, claim("d", "9Gi"))
        reference = {"namespace": "default", "name": "d", "uid": made["metadata"]["uid"]}
        await world.client.create(PV, volume("vd", "9Gi", claimRef=reference, persistentVolumeReclaimPolicy="Delete"))

    async def settled(self, world: Any) -> bool:
        claims = await self._are(world, PVC, "Bound", "Bound", "Bound")
        return claims and await self._are(world, PV, "Bound", "Bound", "Bound", "Released")

    async def check(self, world: Any) -> None:
        claims = {each["metadata"]["uid"]: each["spec"]["volumeName"] for each in await world.list(PVC)}
        volumes = await world.list(PV)
        owners = {each["metadata"]["name"]: each["spec"]["claimRef"]["uid"] for each in volumes}
        assert len(set(claims.values())) == 3 and all(owners[name] == uid for uid, name in claims.items())
        assert len(set(owners.values())) == 4
        assert await world.events("VolumeFailedDelete") == []  # nobody took the claim of "vd" for gone

    @staticmethod
    async def _are(world: Any, kind: Any, *phases: str) -> bool:
        return sorted(each["status"]["phase"] for each in await world.list(kind)) == sorted(phases)


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_ends_as_without_the_fault(fault: str) -> None:
    await survive(Binding(), fault)
