"""What a claim or a volume needs next, by tables."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.components.controllers.storage import persistentvolumebinder_plan as planner
from hyperpy.components.controllers.storage.persistentvolumebinder_plan import (
    ClaimPlan,
    Saying,
    Surroundings,
    VolumePlan,
)

Obj = dict[str, Any]

COMPLETED = {"pv.kubernetes.io/bind-completed": "yes"}
MADE = {"pv.kubernetes.io/provisioned-by": "example.com/disk"}
LATER = {"metadata": {"name": "s"}, "provisioner": "example.com/disk", "volumeBindingMode": "WaitForFirstConsumer"}
AT_ONCE = {**LATER, "volumeBindingMode": "Immediate"}
BY_HAND = {**AT_ONCE, "provisioner": "kubernetes.io/no-provisioner"}


def claim(*, annotations: Any = None, leaving: bool = False, **spec: Any) -> Obj:
    about = {"name": "c", "namespace": "ns", "uid": "u", "annotations": annotations or {}}
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}, **spec}
    return {"metadata": about | ({"deletionTimestamp": "x"} if leaving else {}), "spec": body}


def volume(uid: str | None = None, *, annotations: Any = None, phase: str = "Pending", **spec: Any) -> Obj:
    reference = {} if uid is None else {"claimRef": {"namespace": "ns", "name": "c", "uid": uid}}
    body = {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], **reference, **spec}
    metadata = {"name": "v", "uid": "uid-v", "annotations": annotations or {}}
    return {"metadata": metadata, "spec": body, "status": {"phase": phase}}


FREE = volume()


@pytest.mark.parametrize(
    ("obj", "around", "phase", "reason", "told"),
    [
        pytest.param(
            claim(), {}, "Pending", "Normal FailedBinding",
            "no persistent volumes available for this claim and no storage class is set", id="nothing",
        ),
        pytest.param(claim(leaving=True), {"volumes": [FREE]}, "", "", "", id="leaving"),
        pytest.param(claim(volumeName="v"), {}, "Pending", "", "", id="its-volume-is-not-there-yet"),
        pytest.param(
            claim(volumeName="v"), {"named": volume("other")}, "Pending", "Warning FailedBinding",
            'volume "v" already bound to a different claim.', id="its-volume-is-taken",
        ),
        pytest.param(
            claim(volumeName="v"), {"named": volume(capacity={"storage": "1Gi"})}, "Pending", "Warning VolumeMismatch",
            'Cannot bind to requested volume "v": requested PV is too small', id="its-volume-is-too-small",
        ),
        pytest.param(
            claim(storageClassName="s"), {"storage_class": LATER, "volumes": [volume(storageClassName="s")]},
            "Pending", "Normal WaitForFirstConsumer", "waiting for first consumer to be created before binding",
            id="no-consumer",
        ),
        pytest.param(
            claim(storageClassName="s"), {"storage_class": LATER, "waiting_pods": ["p"]},
            "Pending", "Normal WaitForPodScheduled", "waiting for pod p to be scheduled", id="one-consumer",
        ),
        pytest.param(
            claim(storageClassName="s"), {"storage_class": LATER, "waiting_pods": ["p", "q"]},
            "Pending", "Normal WaitForPodScheduled", "waiting for pods p,q to be scheduled", id="consumers",
        ),
        pytest.param(
            claim(storageClassName="s"), {}, "Pending", "Warning ProvisioningFailed",
            'storageclass.storage.k8s.io "s" not found', id="no-class",
        ),
        pytest.param(
            claim(storageClassName="s"), {"storage_class": BY_HAND}, "Pending", "Warning ProvisioningFailed",
            "no volume plugin matched name: kubernetes.io/no-provisioner", id="no-provisioner",
        ),
        pytest.param(
            claim(annotations=COMPLETED), {}, "Lost", "Warning ClaimLost",
            "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!", id="reference-lost",
        ),
        pytest.param(
            claim(annotations=COMPLETED, volumeName="v"), {}, "Lost", "Warning ClaimLost",
            "Bound claim has lost its PersistentVolume. Data on the volume is lost!", id="volume-lost",
        ),
        pytest.param(
            claim(annotations=COMPLETED, volumeName="v"), {"named": volume("other")}, "Lost", "Warning ClaimMisbound",
            "Two claims are bound to the same volume, this one is bound incorrectly", id="misbound",
        ),
    ],
)  # fmt: skip
def test_a_claim_without_a_volume_says_why(obj: Obj, around: Any, phase: str, reason: str, told: str) -> None:
    plan = planner.claim(obj, Surroundings(**around))
    assert (plan.bind_to, plan.phase) == (None, phase)
    said = plan.saying
    assert (f"{said.type} {said.reason}" if said else "", said.message if said else "") == (reason, told)


KEPT = volume("", storageClassName="s")


@pytest.mark.parametrize(
    ("obj", "around", "found"),
    [
        pytest.param(claim(), {"volumes": [FREE]}, FREE, id="free"),
        pytest.param(claim(storageClassName="s"), {"storage_class": LATER, "volumes": [KEPT]}, KEPT, id="kept"),
        pytest.param(claim(volumeName="v"), {"named": FREE}, FREE, id="asked-for"),
        pytest.param(claim(volumeName="v"), {"named": KEPT}, KEPT, id="asked-for-and-kept"),
        pytest.param(claim(annotations=COMPLETED, volumeName="v"), {"named": FREE}, FREE, id="volume-forgot"),
        pytest.param(claim(annotations=COMPLETED, volumeName="v"), {"named": volume("u")}, volume("u"), id="bound"),
    ],
)
def test_a_claim_gets_its_volume(obj: Obj, around: Any, found: Obj) -> None:
    assert planner.claim(obj, Surroundings(**around)) == ClaimPlan(bind_to=found)


def test_a_claim_that_names_no_class_gets_the_default_one_but_rather_a_volume() -> None:
    assert planner.claim(claim(), Surroundings(default_class="d")) == ClaimPlan(default_class="d")
    assert planner.claim(claim(), Surroundings([FREE], default_class="d")).bind_to is FREE
    assert planner.claim(claim(storageClassName=""), Surroundings(default_class="d")).default_class == ""


@pytest.mark.parametrize(
    ("storage_class", "annotations"),
    [
        pytest.param(AT_ONCE, {}, id="at-once"),
        pytest.param(LATER, {"volume.kubernetes.io/selected-node": "n"}, id="its-node-is-chosen"),
    ],
)
def test_a_provisioner_is_asked_by_name(storage_class: Obj, annotations: Any) -> None:
    around = Surroundings(storage_class=storage_class)
    plan = planner.claim(claim(storageClassName="s", annotations=annotations), around)
    assert plan.provisioner == "example.com/disk" and plan.phase == "Pending"
    assert plan.saying is not None and plan.saying.reason == "ExternalProvisioning"
    assert plan.saying.message.startswith(
        "Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually"
    )


NO_DELETER = 'error getting deleter volume plugin for volume "v": no deletable volume plugin matched'
OWNER = claim(volumeName="v")


@pytest.mark.parametrize(
    ("obj", "owner", "plan"),
    [
        pytest.param(FREE, None, VolumePlan(phase="Available"), id="free"),
        pytest.param(volume(""), None, VolumePlan(phase="Available", look_at_claim=True), id="kept"),
        pytest.param(volume("u"), OWNER, VolumePlan(phase="Bound"), id="bound"),
        pytest.param(volume("u"), claim(), VolumePlan(look_at_claim=True), id="half-bound"),
        pytest.param(
            volume("u"), claim(volumeName="w"), VolumePlan(phase="Available", unbind=True), id="not-needed"
        ),
        pytest.param(
            volume("u", annotations=MADE, persistentVolumeReclaimPolicy="Delete"), claim(volumeName="w"),
            VolumePlan(phase="Released"), id="made-and-not-needed",
        ),
        pytest.param(
            volume("u", persistentVolumeReclaimPolicy="Retain"), None, VolumePlan(phase="Released"), id="retain"
        ),
        pytest.param(
            volume("u", annotations=MADE, persistentVolumeReclaimPolicy="Delete"), None, VolumePlan(phase="Released"),
            id="delete-by-its-provisioner",
        ),
        pytest.param(
            volume("u", csi={"driver": "d"}, persistentVolumeReclaimPolicy="Delete"), None,
            VolumePlan(phase="Released"), id="delete-by-its-driver",
        ),
        pytest.param(
            volume("u", annotations=MADE, persistentVolumeReclaimPolicy="Delete", phase="Failed"), None, VolumePlan(),
            id="its-provisioner-failed",
        ),
        pytest.param(
            volume("u", persistentVolumeReclaimPolicy="Delete"), None,
            VolumePlan("Failed", NO_DELETER, saying=Saying("Warning", "VolumeFailedDelete", NO_DELETER)),
            id="delete-by-nobody",
        ),
        pytest.param(
            volume("u", persistentVolumeReclaimPolicy="Recycle"), None,
            VolumePlan(
                "Failed", "No recycler plugin found for the volume!",
                saying=Saying("Warning", "VolumeFailedRecycle", "No recycler plugin found for the volume!"),
            ),
            id="recycle",
        ),
    ],
)  # fmt: skip
def test_a_volume_by_its_claim(obj: Obj, owner: Obj | None, plan: VolumePlan) -> None:
    assert planner.volume(obj, owner) == plan


def test_a_block_device_made_for_a_file_system_is_told_to_both() -> None:
    plan = planner.volume(volume("u", volumeMode="Block"), claim())
    assert not plan.look_at_claim and plan.saying is not None and plan.claim_saying is not None
    assert plan.saying.message.endswith('PersistentVolumeClaim "c" due to incompatible volumeMode.')
