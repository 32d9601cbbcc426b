"""Which volume a claim can have, and how the two say that they belong together. Pure.

A volume names its claim in `spec.claimRef`, a claim its volume in `spec.volumeName`; only both together are a binding,
and the annotation `bind-completed` says that it was made. A claimRef without a uid keeps the volume for a claim of that
name. Source: Concepts, "Persistent Volumes"; the annotations in "Well-Known Labels, Annotations and Taints".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from hyperpy.api import labels, meta, node_selection, quantity
from hyperpy.api.kinds import PERSISTENT_VOLUME_CLAIM
from hyperpy.api.node_selection import NodeSelection

Obj = dict[str, Any]

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CLASS_BETA = "volume.beta.kubernetes.io/storage-class"
WAIT_FOR_CONSUMER = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


class PodClaim(NamedTuple):
    """A claim that a Pod uses.

    Args:
        name: of the claim, in the Pod's namespace.
        volume: of the Pod's volume.
        ephemeral: it is made for this Pod, and must be its own.
    """

    name: str
    volume: str
    ephemeral: bool


def claims_of(pod: Obj) -> Iterator[PodClaim]:
    """The claims that a Pod names, and those that are made for its ephemeral volumes."""
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim") is not None:
            yield PodClaim(volume["persistentVolumeClaim"].get("claimName") or "", volume["name"], False)
        elif volume.get("ephemeral") is not None:
            yield PodClaim(f"{pod['metadata']['name']}-{volume['name']}", volume["name"], True)


def not_for_pod(claim: Obj, pod: Obj) -> str:
    """Why a claim is not the one of a Pod's ephemeral volume: somebody else made it; "" when it is."""
    owner = meta.controller_of(claim)
    if owner is not None and owner["uid"] == pod["metadata"]["uid"]:
        return ""
    return f"PVC {meta.key(claim)} was not created for pod {meta.key(pod)} (pod is not owner)"


def annotation(obj: Obj, name: str) -> str | None:
    """An annotation of an object, or None."""
    found: str | None = (obj["metadata"].get("annotations") or {}).get(name)
    return found


def class_of(obj: Obj) -> str:
    """The storage class of a claim or a volume, "" for none."""
    return annotation(obj, CLASS_BETA) or (obj.get("spec") or {}).get("storageClassName") or ""


def has_class(claim: Obj) -> bool:
    """Whether a claim says which class it wants, be it none."""
    return annotation(claim, CLASS_BETA) is not None or claim["spec"].get("storageClassName") is not None


def wanted(claim: Obj) -> str:
    """The size that a claim asks for."""
    return ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage") or "0"


def capacity(volume: Obj) -> str:
    """The size of a volume."""
    return (volume["spec"].get("capacity") or {}).get("storage") or "0"


def waits_for_consumer(storage_class: Obj | None) -> bool:
    """Whether claims of a class are bound where their first Pod goes, and not before."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == WAIT_FOR_CONSUMER


def is_kept_for(volume: Obj, claim: Obj) -> bool:
    """Whether a volume names this claim."""
    reference, about = volume["spec"].get("claimRef"), claim["metadata"]
    return (
        reference is not None
        and (reference.get("namespace"), reference.get("name")) == (about["namespace"], about["name"])
        and reference.get("uid") in (None, "", about["uid"])
    )


def is_bound(claim: Obj) -> bool:
    """Whether a claim was bound, to a volume that it still names."""
    return bool(claim["spec"].get("volumeName")) and annotation(claim, BIND_COMPLETED) is not None


def mismatch(volume: Obj, claim: Obj, *, of_any_class: bool = False) -> str:
    """Why a claim cannot have a volume, were it free, in the words of events; "" when it can."""
    now, asked = volume["spec"], claim["spec"]
    if meta.is_deleting(volume):
        return f'the volume is marked for deletion "{volume["metadata"]["name"]}"'
    if quantity.compare(capacity(volume), wanted(claim)) < 0:
        return "requested PV is too small"
    if not of_any_class and class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if not _same(now, asked, "volumeMode", "Filesystem"):
        return "incompatible volumeMode"
    if not _same(now, asked, "volumeAttributesClassName", ""):
        return "volumeAttributesClassName does not match"
    if not set(asked.get("accessModes") or ()) <= set(now.get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def same_mode(volume: Obj, claim: Obj) -> bool:
    """Whether both are file systems, or both block devices."""
    return _same(volume["spec"], claim["spec"], "volumeMode", "Filesystem")


def candidates(claim: Obj, volumes: Iterable[Obj]) -> list[Obj]:
    """The volumes that a claim can have, the best first, wherever they are.

    A volume that is kept for the claim comes alone, and whatever its class; else those that nobody has, with as few
    access modes beside the wanted ones as may be, and as small as may be.
    """
    selector = labels.from_selector(claim["spec"].get("selector") or {})
    fit: list[Obj] = []
    for volume in volumes:
        if is_kept_for(volume, claim):
            if not mismatch(volume, claim, of_any_class=True):
                return [volume]
        elif (
            volume["spec"].get("claimRef") is None
            and not mismatch(volume, claim)
            and selector.matches(volume["metadata"].get("labels") or {})
        ):
            fit.append(volume)
    return sorted(fit, key=_rank)


def best(claim: Obj, volumes: Iterable[Obj], *, kept_only: bool = False) -> Obj | None:
    """The volume for a claim, or None.

    Args:
        kept_only: only one that is kept for it: the scheduler chooses among the others.
    """
    found = candidates(claim, volumes)
    if not found or (kept_only and not is_kept_for(found[0], claim)):
        return None
    return found[0]


def selection(volume: Obj) -> NodeSelection | None:
    """The nodes that can use a volume, or None: all."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return None if required is None else node_selection.of_selector(required)


def bound_volume(volume: Obj, claim: Obj) -> Obj:
    """A volume that names a claim; the same one if it does already."""
    about = claim["metadata"]
    reference = volume["spec"].get("claimRef") or {}
    kept = is_kept_for(volume, claim)
    if kept and reference.get("uid") == about["uid"]:
        return volume
    named = {
        "apiVersion": PERSISTENT_VOLUME_CLAIM.api_version, "kind": PERSISTENT_VOLUME_CLAIM.kind,
        "namespace": about["namespace"], "name": about["name"], "uid": about["uid"],
        "resourceVersion": about.get("resourceVersion"),
    }  # fmt: skip
    bound = {**volume, "spec": {**volume["spec"], "claimRef": {key: value for key, value in named.items() if value}}}
    return bound if kept else annotated(bound, {BOUND_BY_CONTROLLER: "yes"})


def unbound_volume(volume: Obj) -> Obj:
    """A volume that names no claim any more; one that its user keeps for a claim stays kept."""
    spec = dict(volume["spec"])
    if annotation(volume, BOUND_BY_CONTROLLER) is None:
        spec["claimRef"] = {name: value for name, value in spec["claimRef"].items() if name != "uid"}
        return {**volume, "spec": spec}
    del spec["claimRef"]
    others = {name: value for name, value in volume["metadata"]["annotations"].items() if name != BOUND_BY_CONTROLLER}
    return {**volume, "metadata": {**volume["metadata"], "annotations": others}, "spec": spec}


def bound_claim(claim: Obj, volume: Obj) -> Obj:
    """A claim that names a volume, and says that the binding was made; the same one if it does already."""
    name = volume["metadata"]["name"]
    says = {BIND_COMPLETED: "yes"}
    if claim["spec"].get("volumeName") == name:
        return claim if annotation(claim, BIND_COMPLETED) is not None else annotated(claim, says)
    return annotated({**claim, "spec": {**claim["spec"], "volumeName": name}}, says | {BOUND_BY_CONTROLLER: "yes"})


def annotated(obj: Obj, new: dict[str, str]) -> Obj:
    """An object with more annotations."""
    about = obj["metadata"]
    return {**obj, "metadata": {**about, "annotations": {**(about.get("annotations") or {}), **new}}}


def hostnames(volume: Obj) -> Collection[str] | None:
    """The only hosts that can use a volume, where it names them; None when it does not say so by host."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required") or {}
    hosts: set[str] = set()
    for term in required.get("nodeSelectorTerms") or ():
        named = [each for each in term.get("matchExpressions") or () if each.get("key") == "kubernetes.io/hostname"]
        if not named or named[0].get("operator") != "In":
            return None
        hosts.update(named[0].get("values") or ())
    return hosts or None


def _rank(volume: Obj) -> tuple[Any, ...]:
    modes = len(volume["spec"].get("accessModes") or ())
    return modes, quantity.parse(capacity(volume)), volume["metadata"]["name"]


def _same(left: Obj, right: Obj, field: str, default: str) -> bool:
    return bool((left.get(field) or default) == (right.get(field) or default))
