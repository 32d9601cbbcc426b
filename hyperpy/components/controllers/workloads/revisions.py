"""A Deployment's revisions: which ReplicaSet is the present one, its name and number, which old ones to forget. Pure.

Source: the documentation of Deployment, "Pod-template-hash label", "Rolling Back" and "Clean up Policy".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hyperpy.api import kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep.template_hash import template_hash
from hyperpy.components.controllers.workloads.rollout import MAX_REPLICAS, Limits

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
_HISTORY_BYTES = 2000
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
}


def find_new(deployment: Obj, replica_sets: Sequence[Obj]) -> Obj | None:
    """The ReplicaSet whose template is the Deployment's; of several the oldest."""
    wanted = deployment["spec"]["template"]
    same = [each for each in replica_sets if without_hash(each["spec"]["template"]) == without_hash(wanted)]
    return min(same, key=_age, default=None)


def without_hash(template: Obj) -> Obj:
    """A Pod template without the label that only tells revisions apart, and without empty metadata."""
    described = template.get("metadata") or {}
    labels = {name: value for name, value in (described.get("labels") or {}).items() if name != HASH_LABEL}
    kept = {name: value for name, value in {**described, "labels": labels}.items() if value}
    return {**template, "metadata": kept}


def new_replica_set(deployment: Obj, *, replicas: int, revision: int, limits: Limits) -> Obj:
    """The ReplicaSet of the Deployment's present template, to be created."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount") or 0
    template = spec["template"]
    hashed = template_hash(template, collisions=collisions)
    described = template.get("metadata") or {}
    labels = {**(described.get("labels") or {}), HASH_LABEL: hashed}
    selector = spec["selector"]
    set_spec: Obj = {
        "replicas": replicas,
        "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed}},
        "template": {**template, "metadata": {**described, "labels": labels}},
    }
    if spec.get("minReadySeconds"):
        set_spec["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": kinds.REPLICA_SET.api_version,
        "kind": kinds.REPLICA_SET.kind,
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {
                **copied_annotations(deployment),
                **size_annotations(limits),
                REVISION: str(revision),
            },
            "ownerReferences": [meta.owner_reference(kinds.DEPLOYMENT, deployment)],
        },
        "spec": set_spec,
    }


def copied_annotations(deployment: Obj) -> dict[str, str]:
    """The Deployment's annotations that its present ReplicaSet carries too."""
    annotations = deployment["metadata"].get("annotations") or {}
    return {name: value for name, value in annotations.items() if name not in _NOT_COPIED}


def size_annotations(limits: Limits) -> dict[str, str]:
    """What a ReplicaSet remembers of the size it is a share of."""
    return {DESIRED_REPLICAS: str(limits.replicas), MAX_REPLICAS: str(limits.most)}


def revision_of(obj: Obj) -> int:
    """The revision number an object carries, or 0."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else 0


def next_revision(old: Sequence[Obj]) -> int:
    """The number of the present revision: one more than every other."""
    return max((revision_of(each) for each in old), default=0) + 1


def revised_annotations(replica_set: Obj, *, revision: int) -> dict[str, str]:
    """The annotations that change when a ReplicaSet becomes revision `revision`; what it was joins its history."""
    before = revision_of(replica_set)
    if before >= revision:
        return {}
    changes = {REVISION: str(revision)}
    if before:
        history = (replica_set["metadata"].get("annotations") or {}).get(REVISION_HISTORY, "")
        entries = [*filter(None, history.split(",")), str(before)]
        while len(",".join(entries)) > _HISTORY_BYTES:
            entries.pop(0)
        changes[REVISION_HISTORY] = ",".join(entries)
    return changes


def to_forget(deployment: Obj, old: Sequence[Obj]) -> tuple[Obj, ...]:
    """Old ReplicaSets beyond `revisionHistoryLimit`, of those that are empty and at rest."""
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    kept = [each for each in old if not meta.is_deleting(each)]
    surplus = max(0, len(kept) - limit)
    oldest = sorted(kept, key=lambda each: (revision_of(each), _age(each)))[:surplus]
    return tuple(each for each in oldest if _is_empty(each))


def needs_annotations(replica_set: Obj, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the wanted annotations that the ReplicaSet does not carry yet."""
    present = replica_set["metadata"].get("annotations") or {}
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def _is_empty(replica_set: Obj) -> bool:
    status = replica_set.get("status") or {}
    settled = status.get("observedGeneration", 0) >= replica_set["metadata"].get("generation", 0)
    return settled and not status.get("replicas") and not replica_set["spec"].get("replicas")


def _age(replica_set: Obj) -> tuple[str, str]:
    return replica_set["metadata"].get("creationTimestamp", ""), replica_set["metadata"]["name"]
