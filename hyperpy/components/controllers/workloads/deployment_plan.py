"""What a Deployment does next: the ReplicaSet to create, those to resize, those to forget. Pure.

The arithmetic is in `rollout`, the revisions in `revisions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.workloads import revisions, rollout


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to one ReplicaSet. `replicas` is its size after it; `annotations` are those that change."""

    replica_set: Obj
    replicas: int
    annotations: Mapping[str, str]
    min_ready_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass of the Deployment controller.

    Args:
        create: the ReplicaSet to create, or None.
        edits: changes to existing ReplicaSets, in the order in which they are to be written.
        forget: ReplicaSets to delete.
        revision: the number the Deployment should carry, or 0 while no present ReplicaSet exists.
    """

    create: Obj | None = None
    edits: tuple[Edit, ...] = ()
    forget: tuple[Obj, ...] = ()
    revision: int = 0


def plan(deployment: Obj, replica_sets: Sequence[Obj], *, busy: AbstractSet[str] = frozenset()) -> Plan:
    """Decide the next step of a Deployment.

    Args:
        replica_sets: those it controls.
        busy: uids of the ReplicaSets that still have Pods, leaving ones too; Recreate waits for them.
    """
    if meta.is_deleting(deployment):
        return Plan()
    limits = rollout.limits_of(deployment)
    new = revisions.find_new(deployment, replica_sets)
    old = [each for each in replica_sets if each is not new]
    revision = revisions.next_revision(old)
    if new is not None:
        revision = max(revision, revisions.revision_of(new))
    paused = bool(deployment["spec"].get("paused"))
    resized = _is_resized(deployment, replica_sets)
    sizes = _sizes(deployment, new, old, limits=limits, busy=busy, resized=resized, paused=paused)
    create = None
    if new is None and not paused and not resized:
        replicas = _initial_size(deployment, old, limits=limits, busy=busy)
        if replicas is not None:
            create = revisions.new_replica_set(deployment, replicas=replicas, revision=revision, limits=limits)
    annotated = (
        {each["metadata"]["name"] for each in replica_sets if each["spec"].get("replicas")} if resized else set()
    )
    edits = _edits(deployment, new, old, sizes=sizes, annotated=annotated, revision=revision, limits=limits)
    at_rest = create is None and not sizes
    forget = revisions.to_forget(deployment, old) if at_rest and (paused or _is_complete(deployment, new, old)) else ()
    return Plan(create, edits, forget, revision if new is not None or create is not None else 0)


def is_rolling(deployment: Obj) -> bool:
    """The strategy is RollingUpdate; else Recreate."""
    return (deployment["spec"].get("strategy") or {}).get("type") != "Recreate"


def _is_resized(deployment: Obj, replica_sets: Sequence[Obj]) -> bool:
    """Whether the Deployment's size changed since its active ReplicaSets were last sized."""
    active = [each for each in replica_sets if each["spec"].get("replicas")]
    if len(active) > 1 and not is_rolling(deployment):
        return False
    wanted = str(deployment["spec"].get("replicas", 1))
    remembered = ((each["metadata"].get("annotations") or {}).get(revisions.DESIRED_REPLICAS) for each in active)
    return any(text is not None and text != wanted for text in remembered)


def _sizes(
    deployment: Obj,
    new: Obj | None,
    old: Sequence[Obj],
    *,
    limits: rollout.Limits,
    busy: AbstractSet[str],
    resized: bool,
    paused: bool,
) -> dict[str, int]:
    """The ReplicaSets that change size now, by name."""
    present = rollout.size_of(new) if new is not None else None
    others = [rollout.size_of(each) for each in old]
    if resized:
        return rollout.scaled(present, others, limits=limits, rolling=is_rolling(deployment))
    if paused:
        return {}
    if is_rolling(deployment):
        return rollout.roll(present, others, limits=limits)
    sizes = {size.name: 0 for size in others if size.replicas}
    if new is not None and present is not None and present.replicas != limits.replicas and _all_gone(old, busy=busy):
        sizes[present.name] = limits.replicas
    return sizes


def _initial_size(deployment: Obj, old: Sequence[Obj], *, limits: rollout.Limits, busy: AbstractSet[str]) -> int | None:
    """The size to create the present ReplicaSet with, or None when it has to wait (Recreate)."""
    if is_rolling(deployment):
        return rollout.grown(None, [rollout.size_of(each) for each in old], limits=limits)
    return limits.replicas if _all_gone(old, busy=busy) else None


def _all_gone(old: Sequence[Obj], *, busy: AbstractSet[str]) -> bool:
    sizes = (rollout.size_of(each) for each in old)
    none_alive = all(size.settled and size.alive == 0 for size in sizes)
    return none_alive and not any(each["metadata"]["uid"] in busy for each in old)


def _is_complete(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> bool:
    if new is None:
        return False
    status = new.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    others = sum((each.get("status") or {}).get("replicas", 0) for each in old)
    return bool(status.get("replicas", 0) == wanted == status.get("availableReplicas", 0) and not others)


def _edits(
    deployment: Obj,
    new: Obj | None,
    old: Sequence[Obj],
    *,
    sizes: Mapping[str, int],
    annotated: AbstractSet[str],
    revision: int,
    limits: rollout.Limits,
) -> tuple[Edit, ...]:
    edits = []
    for each in [*([new] if new is not None else []), *old]:
        name, replicas = each["metadata"]["name"], each["spec"].get("replicas", 1)
        min_ready_s = each["spec"].get("minReadySeconds", 0)
        wanted: dict[str, str] = {}
        if name in sizes or name in annotated:
            wanted.update(revisions.size_annotations(limits))
        if each is new:
            min_ready_s = deployment["spec"].get("minReadySeconds", 0)
            wanted.update(revisions.copied_annotations(deployment))
            wanted.update(revisions.revised_annotations(each, revision=revision))
        annotations = revisions.needs_annotations(each, wanted)
        edit = Edit(each, sizes.get(name, replicas), annotations, min_ready_s)
        if annotations or edit.replicas != replicas or min_ready_s != each["spec"].get("minReadySeconds", 0):
            edits.append(edit)
    return tuple(edits)
