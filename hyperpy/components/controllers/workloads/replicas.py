"""How many Pods to create or delete so that N are alive, and the status that tells it. Pure.

ReplicaSet and ReplicationController are this same promise with different selectors, so they share this planner.
Source: the API reference of ReplicaSetStatus and of ReplicationControllerStatus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep import pod_ranking

#: At most so many creations or deletions in one pass; the next pass goes on. Source: kube-controller-manager.
BURST = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass of a replica controller.

    Args:
        create: Pods to create.
        delete: Pods to delete, in order.
        counts: the number fields of the status, as seen before this pass.
        recheck_s: when a Pod becomes available merely by time passing, or None.
    """

    create: int
    delete: tuple[Obj, ...]
    counts: Mapping[str, int]
    recheck_s: float | None


def plan(owner: Obj, owned: Sequence[Obj], *, neighbours: Callable[[], Sequence[Obj]], now: float) -> Plan:
    """Compare what is wanted with what is there.

    Args:
        owner: a ReplicaSet or ReplicationController.
        owned: the Pods it controls; finished and leaving ones may be among them and do not count.
        neighbours: finds the active Pods of the same application, which decide from where to delete; asked when
            something is to be deleted.
    """
    active = [pod for pod in owned if pods.is_active(pod)]
    wanted = owner["spec"].get("replicas", 1)
    surplus = len(active) - wanted
    delete: tuple[Obj, ...] = ()
    if surplus > 0:
        ranked = pod_ranking.first_to_delete(active, neighbours=neighbours(), now=now)
        delete = tuple(ranked[: min(surplus, BURST)])
    waits = _waits_for_availability(owner, active, now=now)
    return Plan(
        create=min(max(-surplus, 0), BURST),
        delete=delete,
        counts=_counts(owner, active, waits),
        recheck_s=min((wait for wait in waits if wait > 0), default=None),
    )


def available_in(pod: Obj, *, min_ready_s: int, now: float) -> float | None:
    """Seconds until the Pod counts as available: 0 when it does, None when it is not even ready."""
    ready = meta.condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    since = ready.get("lastTransitionTime")
    if not min_ready_s or not since:
        return float(min_ready_s)
    return max(0.0, meta.parse_time(since) + min_ready_s - now)


def status(owner: Obj, counts: Mapping[str, int], *, failure: tuple[str, str] | None, now: str) -> Obj:
    """The new status of the owner.

    Args:
        counts: from the plan.
        failure: reason and message of what could not be done in this pass, or None.
        now: a timestamp.
    """
    old = owner.get("status") or {}
    conditions = list(old.get("conditions") or ())
    if failure is None:
        conditions = [entry for entry in conditions if entry.get("type") != "ReplicaFailure"]
    else:
        reason, message = failure
        broken = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": message}
        meta.set_condition(conditions, broken, now=now)
    new: Obj = {**{k: v for k, v in old.items() if k != "conditions"}, **counts}
    new["observedGeneration"] = owner["metadata"].get("generation", 0)
    if conditions:
        new["conditions"] = conditions
    return new


def _waits_for_availability(owner: Obj, active: Sequence[Obj], *, now: float) -> list[float]:
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    waits = (available_in(pod, min_ready_s=min_ready_s, now=now) for pod in active)
    return [wait for wait in waits if wait is not None]


def _counts(owner: Obj, active: Sequence[Obj], waits: Sequence[float]) -> dict[str, int]:
    template_labels = (owner["spec"].get("template", {}).get("metadata") or {}).get("labels") or {}
    return {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(template_labels.items() <= labels.items() for labels in map(_labels, active)),
        "readyReplicas": len(waits),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }


def _labels(pod: Obj) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}


def is_same_status(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether two statuses say the same; a field that is missing says 0 or nothing."""
    return {k: v for k, v in old.items() if v} == {k: v for k, v in new.items() if v}
