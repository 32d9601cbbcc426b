"""The Pods of a StatefulSet and their claims: names, identity, storage. Pure.

Source: Concepts, "StatefulSets": "Pod Identity", "Stable Storage", "PersistentVolumeClaim retention".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hyperpy.api import kinds, meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep import history, pod_control
from hyperpy.components.controllers.workloads import replicas

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]+)")
_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}


def name_of(owner: Obj, ordinal: int) -> str:
    """The name of the Pod with an ordinal."""
    return f"{owner['metadata']['name']}-{ordinal}"


def ordinal_of(owner: Obj, pod: Obj) -> int | None:
    """A Pod's ordinal; None when its name is not that of a Pod of this set."""
    found = _NAME.fullmatch(pod["metadata"]["name"])
    if found is None or found[1] != owner["metadata"]["name"] or (len(found[2]) > 1 and found[2][0] == "0"):
        return None
    return int(found[2])


def first_ordinal(owner: Obj) -> int:
    """Where the numbers begin."""
    return int((owner["spec"].get("ordinals") or {}).get("start") or 0)


def revision_of(pod: Obj) -> str:
    """The name of the revision that a Pod was made from."""
    return str((pod["metadata"].get("labels") or {}).get(history.LABEL, ""))


def is_running_and_ready(pod: Obj) -> bool:
    """Whether it works now."""
    return pods.phase(pod) == "Running" and pods.is_ready(pod)


def available_in(owner: Obj, pod: Obj, *, now: float) -> float | None:
    """Seconds until it counts as available: 0 when it does, None when it does not even work."""
    if pods.phase(pod) != "Running":
        return None
    return replicas.available_in(pod, min_ready_s=owner["spec"].get("minReadySeconds", 0), now=now)


def pod(owner: Obj, ordinal: int, revision: Obj) -> Obj:
    """The Pod with an ordinal, as a revision describes it."""
    name = name_of(owner, ordinal)
    described = {**owner, "spec": {**owner["spec"], "template": history.template_of(revision)}}
    made = pod_control.from_template(described, kinds.STATEFUL_SET, name=name)
    metadata = made["metadata"]
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        **identity(owner, ordinal),
        history.LABEL: revision["metadata"]["name"],
    }
    spec = {**made["spec"], "hostname": name}
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    claimed = claims(owner, ordinal)
    if claimed:
        own = [{"name": each, "persistentVolumeClaim": {"claimName": claimed[each]}} for each in claimed]
        spec["volumes"] = own + [each for each in spec.get("volumes") or () if each["name"] not in claimed]
    return {**made, "spec": spec}


def identity(owner: Obj, ordinal: int) -> dict[str, str]:
    """Labels that say which one it is."""
    return {NAME_LABEL: name_of(owner, ordinal), INDEX_LABEL: str(ordinal)}


def lacks_identity(owner: Obj, ordinal: int, found: Obj) -> bool:
    """Whether a Pod (an adopted one) does not carry its labels."""
    own = found["metadata"].get("labels") or {}
    return any(own.get(name) != value for name, value in identity(owner, ordinal).items())


# -- claims


def claims(owner: Obj, ordinal: int) -> dict[str, str]:
    """The names of a Pod's claims, by the names of their templates."""
    return {
        template["metadata"]["name"]: f"{template['metadata']['name']}-{name_of(owner, ordinal)}"
        for template in owner["spec"].get("volumeClaimTemplates") or ()
    }


def claim(owner: Obj, ordinal: int, template: Obj) -> Obj:
    """A claim of a Pod, to be created."""
    described, matched = template["metadata"], (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    metadata: Obj = {
        "name": claims(owner, ordinal)[described["name"]],
        "namespace": owner["metadata"]["namespace"],
        "labels": {**(described.get("labels") or {}), **matched},
    }
    if described.get("annotations"):
        metadata["annotations"] = described["annotations"]
    if owners := claim_owners(owner, None, condemned=False):
        metadata["ownerReferences"] = owners
    return {
        "apiVersion": kinds.PERSISTENT_VOLUME_CLAIM.api_version,
        "kind": kinds.PERSISTENT_VOLUME_CLAIM.kind,
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }


def claim_owners(owner: Obj, holder: Obj | None, *, condemned: bool) -> list[Obj]:
    """Whose end ends a claim, by the retention policy.

    Args:
        holder: the Pod that uses it, when there is one.
        condemned: the Pod goes because the set shrinks.
    """
    policy = {**_RETAIN, **(owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {})}
    if condemned and policy["whenScaled"] == "Delete":
        return [meta.owner_reference(kinds.POD, holder, controller=False, block=False)] if holder is not None else []
    if policy["whenDeleted"] == "Delete" and not meta.is_deleting(owner):
        return [meta.owner_reference(kinds.STATEFUL_SET, owner, controller=False, block=False)]
    return []


def corrected_owners(owner: Obj, found: Obj, wanted: Sequence[Obj]) -> list[Obj] | None:
    """The owner references that a claim should have; None when it has them. Those of others stay."""
    present = found["metadata"].get("ownerReferences") or []
    name = owner["metadata"]["name"]

    def is_ours(reference: Obj) -> bool:
        if reference["kind"] == kinds.STATEFUL_SET.kind:
            return bool(reference["name"] == name)
        return bool(reference["kind"] == kinds.POD.kind and reference["name"].rpartition("-")[0] == name)

    if any(reference.get("controller") for reference in present if not is_ours(reference)):
        return None  # somebody else sees to it
    corrected = [*(reference for reference in present if not is_ours(reference)), *wanted]
    uids = {reference["uid"] for reference in present}
    return None if uids == {reference["uid"] for reference in corrected} else corrected
