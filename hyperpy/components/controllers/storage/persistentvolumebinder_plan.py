"""What a claim or a volume needs next: a partner, a phase, a word to users. Pure.

    claim    Pending ──a volume is found──▶ Bound ──its volume is gone, or somebody else's──▶ Lost
    volume   Available ──a claim takes it──▶ Bound ──the claim is gone──▶ Released ──Retain: stays; Delete: its
             provisioner deletes it; nobody can do what the policy says──▶ Failed

Reasons and texts are kube-controller-manager's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hyperpy.api import meta, volume_binding
from hyperpy.client.protocol import Obj

#: Provisioners of these names are parts of Kubernetes itself, and none of them is a part of this one.
_INTERNAL = "kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Saying:
    """An event: Normal or Warning, the reason, the message."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """What to do for a claim; all of it may be nothing.

    Args:
        bind_to: the volume to bind it to, in every field that takes part.
        phase: the one to set, without a volume; "" leaves it.
        default_class: the class that it is given because it names none.
        provisioner: who is asked to make a volume.
        saying: what to tell users.
    """

    bind_to: Obj | None = None
    phase: str = ""
    default_class: str = ""
    provisioner: str = ""
    saying: Saying | None = None


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """What to do for a volume.

    Args:
        phase: the one to set; "" leaves it.
        message: of the status, with the phase Failed.
        unbind: take its claim away first.
        look_at_claim: binding goes on at the claim.
        saying: what to tell users about the volume, when the phase changes (or there is none to set).
        claim_saying: what to tell them about the claim.
    """

    phase: str = ""
    message: str = ""
    unbind: bool = False
    look_at_claim: bool = False
    saying: Saying | None = None
    claim_saying: Saying | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is around a claim.

    Args:
        volumes: those that it may get.
        named: the volume that it names, if it does and there is one.
        storage_class: its class, if it has one and there is such a class.
        default_class: the name of the class for claims that name none, or "".
        waiting_pods: the names of its Pods that have no node yet, sorted.
    """

    volumes: Iterable[Obj] = ()
    named: Obj | None = None
    storage_class: Obj | None = None
    default_class: str = ""
    waiting_pods: Sequence[str] = ()


def claim(obj: Obj, around: Surroundings) -> ClaimPlan:
    """What a claim needs."""
    if volume_binding.annotation(obj, volume_binding.BIND_COMPLETED) is not None:
        return _bound_claim(obj, around.named)
    if meta.is_deleting(obj):
        return ClaimPlan()
    if obj["spec"].get("volumeName"):
        return _choosy_claim(obj, around.named)
    delayed = volume_binding.waits_for_consumer(around.storage_class)
    found = volume_binding.best(obj, around.volumes, kept_only=delayed)
    if found is not None:
        return ClaimPlan(bind_to=found)
    if not volume_binding.has_class(obj) and around.default_class:
        return ClaimPlan(default_class=around.default_class)
    return _without_volume(obj, around, delayed=delayed)


def _bound_claim(obj: Obj, named: Obj | None) -> ClaimPlan:
    """It was bound once. What it has lost does not come back."""
    if not obj["spec"].get("volumeName"):
        return _lost("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
    if named is None:
        return _lost("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    reference = named["spec"].get("claimRef")
    if reference is None or reference.get("uid") == obj["metadata"]["uid"]:
        return ClaimPlan(bind_to=named)
    text = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lost("ClaimMisbound", text)


def _lost(reason: str, message: str) -> ClaimPlan:
    return ClaimPlan(phase="Lost", saying=Saying("Warning", reason, message))


def _choosy_claim(obj: Obj, named: Obj | None) -> ClaimPlan:
    """It names the volume that it wants."""
    if named is None:
        return ClaimPlan(phase="Pending")
    if volume_binding.is_kept_for(named, obj):
        return ClaimPlan(bind_to=named)
    name = named["metadata"]["name"]
    if named["spec"].get("claimRef") is not None:
        text = f'volume "{name}" already bound to a different claim.'
        return ClaimPlan(phase="Pending", saying=Saying("Warning", "FailedBinding", text))
    problem = volume_binding.mismatch(named, obj)
    if not problem:
        return ClaimPlan(bind_to=named)
    text = f'Cannot bind to requested volume "{name}": {problem}'
    return ClaimPlan(phase="Pending", saying=Saying("Warning", "VolumeMismatch", text))


def _without_volume(obj: Obj, around: Surroundings, *, delayed: bool) -> ClaimPlan:
    if delayed and volume_binding.annotation(obj, volume_binding.SELECTED_NODE) is None:
        return ClaimPlan(phase="Pending", saying=_waits_for(around.waiting_pods))
    name = volume_binding.class_of(obj)
    if not name:
        text = "no persistent volumes available for this claim and no storage class is set"
        return ClaimPlan(phase="Pending", saying=Saying("Normal", "FailedBinding", text))
    if around.storage_class is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        return ClaimPlan(phase="Pending", saying=Saying("Warning", "ProvisioningFailed", text))
    provisioner: str = around.storage_class["provisioner"]
    if provisioner.startswith(_INTERNAL):
        text = f"no volume plugin matched name: {provisioner}"
        return ClaimPlan(phase="Pending", saying=Saying("Warning", "ProvisioningFailed", text))
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    said = Saying("Normal", "ExternalProvisioning", text)
    return ClaimPlan(phase="Pending", provisioner=provisioner, saying=said)


def _waits_for(pods: Sequence[str]) -> Saying:
    if not pods:
        text = "waiting for first consumer to be created before binding"
        return Saying("Normal", "WaitForFirstConsumer", text)
    text = f"waiting for pod{'s' if len(pods) > 1 else ''} {','.join(pods)} to be scheduled"
    return Saying("Normal", "WaitForPodScheduled", text)


def volume(obj: Obj, owner: Obj | None) -> VolumePlan:
    """What a volume needs.

    Args:
        owner: the claim that its claimRef names, with the same uid, or None: there is none.
    """
    reference = obj["spec"].get("claimRef")
    if reference is None:
        return VolumePlan(phase="Available")
    if not reference.get("uid"):
        return VolumePlan(phase="Available", look_at_claim=True)
    if owner is None:
        return _released(obj)
    chosen = owner["spec"].get("volumeName")
    if chosen == obj["metadata"]["name"]:
        return VolumePlan(phase="Bound")
    if chosen:
        made = volume_binding.annotation(obj, volume_binding.PROVISIONED_BY) is not None
        unneeded = made and obj["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        return _released(obj) if unneeded else VolumePlan(phase="Available", unbind=True)
    if volume_binding.same_mode(obj, owner):
        return VolumePlan(look_at_claim=True)
    name, own = owner["metadata"]["name"], obj["metadata"]["name"]
    text = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{name}" due to incompatible volumeMode.'
    said = f'Cannot bind PersistentVolume "{own}" to requested PersistentVolumeClaim due to incompatible volumeMode.'
    return VolumePlan(
        saying=Saying("Warning", "VolumeMismatch", text), claim_saying=Saying("Warning", "VolumeMismatch", said)
    )


def _released(obj: Obj) -> VolumePlan:
    """Its claim is gone. What then, is the reclaim policy's."""
    policy = obj["spec"].get("persistentVolumeReclaimPolicy")
    if policy == "Recycle":
        return _failed("VolumeFailedRecycle", "No recycler plugin found for the volume!")
    if policy == "Delete":
        provisioner = volume_binding.annotation(obj, volume_binding.PROVISIONED_BY) or ""
        if provisioner.startswith(_INTERNAL):
            return _failed("VolumeFailedDelete", f"no volume plugin matched name: {provisioner}")
        if not provisioner and obj["spec"].get("csi") is None:
            name = obj["metadata"]["name"]
            text = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
            return _failed("VolumeFailedDelete", text)
    failed = (obj.get("status") or {}).get("phase") == "Failed"  # whoever tries to delete it says so
    return VolumePlan() if failed else VolumePlan(phase="Released")


def _failed(reason: str, message: str) -> VolumePlan:
    return VolumePlan(phase="Failed", message=message, saying=Saying("Warning", reason, message))
