"""The kubelet's conditions of a Pod, beside which those of others are left alone. Pure.

Source: "Pod conditions" and "Pod readiness"; reasons and messages as kubectl describe shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta
from hyperpy.api.pods import is_sidecar

Obj = dict[str, Any]

OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def conditions(pod: Obj, status: Obj, *, has_address: bool, now: float) -> list[Obj]:
    """All conditions as they should stand.

    Args:
        status: the new status so far: phase and container statuses are read.
        has_address: the sandbox is up and has its network.
    """
    old = (pod.get("status") or {}).get("conditions") or ()
    over = status["phase"] in ("Succeeded", "Failed")
    fresh = [
        _condition("PodReadyToStartContainers", has_address and not over),
        _initialized(pod, status),
        _ready(pod, status, old),
        _containers_ready(pod, status),
        _condition("PodScheduled", True),
    ]
    kept = [dict(entry) for entry in old if entry.get("type") not in OWN]
    return kept + [_settled(pod, entry, old, now=now) for entry in fresh]


def as_shown(pod: Obj, shown: Obj) -> Obj:
    """The Pod with the status last shown of it, which the API may not have yet, and the conditions of others."""
    others = [c for c in (pod.get("status") or {}).get("conditions") or () if c.get("type") not in OWN]
    own = [c for c in shown["conditions"] if c["type"] in OWN]
    return {**pod, "status": {**shown, "conditions": others + own}}


def _condition(kind: str, true: bool, reason: str = "", message: str = "") -> Obj:
    entry: Obj = {"type": kind, "status": "True" if true else "False", "lastProbeTime": None}
    if reason:
        entry["reason"] = reason
    if message:
        entry["message"] = message
    return entry


def _settled(pod: Obj, entry: Obj, old: Sequence[Obj], *, now: float) -> Obj:
    """With the time of its last transition: the old one while its status stays."""
    before = meta.find_condition(old, entry["type"])
    same = before is not None and before.get("status") == entry["status"]
    since = before.get("lastTransitionTime") if same and before is not None else None
    settled = {**entry, "lastTransitionTime": since or meta.timestamp(now)}
    if "generation" in pod["metadata"]:
        settled["observedGeneration"] = pod["metadata"]["generation"]
    return settled


def _initialized(pod: Obj, status: Obj) -> Obj:
    if status["phase"] == "Succeeded":
        return _condition("Initialized", True, "PodCompleted")
    specs = {c["name"]: c for c in pod["spec"].get("initContainers") or ()}
    missing = [s["name"] for s in status.get("initContainerStatuses") or () if not _init_passed(specs[s["name"]], s)]
    if missing and not _has_begun(status):
        return _condition("Initialized", False, "ContainersNotInitialized", _listed("incomplete status", missing))
    return _condition("Initialized", True)


def _init_passed(container: Obj, status: Obj) -> bool:
    return bool(status["started"] if is_sidecar(container) else status["ready"])


def _has_begun(status: Obj) -> bool:
    return any("waiting" not in s["state"] or s["lastState"] for s in status["containerStatuses"])


def _containers_ready(pod: Obj, status: Obj) -> Obj:
    if status["phase"] == "Succeeded":
        return _condition("ContainersReady", False, "PodCompleted")
    if status["phase"] == "Failed":
        return _condition("ContainersReady", False, "PodFailed")
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)}
    watched = [*(s for s in status.get("initContainerStatuses") or () if s["name"] in sidecars)]
    unready = [s["name"] for s in [*watched, *status["containerStatuses"]] if not s["ready"]]
    if unready:
        return _condition("ContainersReady", False, "ContainersNotReady", _listed("unready status", unready))
    return _condition("ContainersReady", True)


def _ready(pod: Obj, status: Obj, old: Sequence[Obj]) -> Obj:
    containers = _containers_ready(pod, status)
    if containers["status"] != "True":
        return {**containers, "type": "Ready"}
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        found = meta.find_condition(old, kind)
        if found is None or found.get("status") != "True":
            what = f'the status of pod readiness gate "{kind}" is not "True", but {found and found.get("status")}'
            if found is None:
                what = f'corresponding condition of pod readiness gate "{kind}" does not exist.'
            return _condition("Ready", False, "ReadinessGatesNotReady", what)
    return _condition("Ready", True)


def _listed(what: str, names: Sequence[str]) -> str:
    return f"containers with {what}: [{' '.join(names)}]"
