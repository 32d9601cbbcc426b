"""A Deployment's status: counts, and the conditions Available, Progressing and ReplicaFailure. Pure.

`kubectl rollout status` reads these. Source: the documentation of Deployment, "Deployment status", and the reasons and
messages of kube-controller-manager.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.workloads.rollout import limits_of

NO_DEADLINE = 2**31 - 1
TIMED_OUT = "ProgressDeadlineExceeded"
COMPLETE = "NewReplicaSetAvailable"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


@dataclass(frozen=True, slots=True)
class News:
    """What happened in this pass that users read under Progressing: a reason and its message."""

    reason: str
    message: str
    failed: bool = False


def plan(
    deployment: Obj, new: Obj | None, replica_sets: Sequence[Obj], *, news: News | None, settled: bool, now: float
) -> Obj:
    """The new status.

    Args:
        new: the ReplicaSet of the present template, or None.
        replica_sets: all of the Deployment's.
        news: of this pass, or None.
        settled: nothing was changed in this pass, so completion may be judged.
        now: seconds since the epoch.
    """
    old = deployment.get("status") or {}
    status: Obj = {name: old[name] for name in ("collisionCount", "terminatingReplicas") if name in old}
    status.update(_counts(deployment, new, replica_sets))
    status["observedGeneration"] = deployment["metadata"].get("generation", 0)
    conditions = [dict(condition) for condition in old.get("conditions") or ()]
    _set(conditions, _available(deployment, status), now=now)
    conditions = _with_failure(conditions, new, replica_sets)
    conditions = _with_progress(deployment, status, conditions, new, news=news, settled=settled, now=now)
    status["conditions"] = conditions
    return status


def deadline_in(deployment: Obj, status: Obj, *, now: float) -> float | None:
    """Seconds until a rollout that makes no progress has failed, or None when there is nothing to wait for."""
    deadline_s = deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE)
    progressing = meta.find_condition(status.get("conditions") or (), "Progressing")
    if deadline_s >= NO_DEADLINE or progressing is None or progressing["reason"] in (COMPLETE, TIMED_OUT, PAUSED):
        return None
    # A second more than the deadline: timestamps carry whole seconds.
    return max(0.0, meta.parse_time(progressing["lastUpdateTime"]) + deadline_s - now) + 1


def is_complete(deployment: Obj, status: Obj) -> bool:
    """Every replica is of the present template and available."""
    wanted = deployment["spec"].get("replicas", 1)
    counts = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    return all(count == wanted for count in counts)


def _counts(deployment: Obj, new: Obj | None, replica_sets: Sequence[Obj]) -> dict[str, int]:
    def total(name: str) -> int:
        return sum((each.get("status") or {}).get(name, 0) for each in replica_sets)

    asked = sum(each["spec"].get("replicas", 1) for each in replica_sets)
    available = total("availableReplicas")
    return {
        "replicas": total("replicas"),
        "updatedReplicas": (new.get("status") or {}).get("replicas", 0) if new is not None else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked - available),
    }


def _available(deployment: Obj, status: Obj) -> Obj:
    enough = status["availableReplicas"] >= limits_of(deployment).least_available
    return {
        "type": "Available",
        "status": "True" if enough else "False",
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }


def _with_failure(conditions: list[Obj], new: Obj | None, replica_sets: Sequence[Obj]) -> list[Obj]:
    """A ReplicaSet's own failure is told by the Deployment too, the present one's first."""
    kept = [condition for condition in conditions if condition["type"] != "ReplicaFailure"]
    sources = [*([new] if new is not None else []), *replica_sets]
    for source in sources:
        failure = meta.condition(source, "ReplicaFailure")
        if failure is not None:
            return [*kept, {"lastUpdateTime": failure.get("lastTransitionTime"), **failure}]
    return kept


def _with_progress(
    deployment: Obj,
    status: Obj,
    conditions: list[Obj],
    new: Obj | None,
    *,
    news: News | None,
    settled: bool,
    now: float,
) -> list[Obj]:
    if deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) >= NO_DEADLINE:
        return [condition for condition in conditions if condition["type"] != "Progressing"]
    found = _progress(deployment, status, new, news=news, settled=settled, now=now)
    if found is not None:
        _set(conditions, found, now=now)
    return conditions


def _progress(
    deployment: Obj, status: Obj, new: Obj | None, *, news: News | None, settled: bool, now: float
) -> Obj | None:
    """The Progressing condition to write, or None when the present one stands."""
    present = meta.condition(deployment, "Progressing")
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if deployment["spec"].get("paused"):
        if present is not None and present["reason"] == PAUSED:
            return None
        return _told("Unknown", PAUSED, "Deployment is paused")
    if present is not None and present["reason"] == PAUSED:
        return _told("Unknown", RESUMED, "Deployment is resumed")
    if news is not None:
        return _told("False" if news.failed else "True", news.reason, news.message)
    if present is not None and present["reason"] == COMPLETE and status["replicas"] == status["updatedReplicas"]:
        return None
    if settled and new is not None and is_complete(deployment, status):
        return _told("True", COMPLETE, f"{name} has successfully progressed.")
    if _advanced(deployment.get("status") or {}, status):
        return _told("True", "ReplicaSetUpdated", f"{name} is progressing.")
    if _timed_out(deployment, present, now=now):
        return _told("False", TIMED_OUT, f"{name} has timed out progressing.")
    return None


def _advanced(old: Obj, status: Obj) -> bool:
    def gain(name: str) -> int:
        return int(status[name] - old.get(name, 0))

    shrunk = gain("replicas") - gain("updatedReplicas") < 0
    return gain("updatedReplicas") > 0 or shrunk or gain("readyReplicas") > 0 or gain("availableReplicas") > 0


def _timed_out(deployment: Obj, present: Obj | None, *, now: float) -> bool:
    if present is None or present["reason"] == COMPLETE:
        return False
    if present["reason"] == TIMED_OUT:
        return False
    updated = meta.parse_time(present.get("lastUpdateTime") or present["lastTransitionTime"])
    return bool(updated + deployment["spec"]["progressDeadlineSeconds"] < now)


def _told(status: str, reason: str, message: str) -> Obj:
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def _set(conditions: list[Obj], new: Obj, *, now: float) -> None:
    """Put a condition; its update time changes with each new reason, message or status, or progress."""
    stamp = meta.timestamp(now)
    present = meta.find_condition(conditions, new["type"])
    unchanged = present is not None and all(present.get(name) == value for name, value in new.items())
    if unchanged and new["type"] != "Progressing":
        return
    meta.set_condition(conditions, {**new, "lastUpdateTime": stamp}, now=stamp)
