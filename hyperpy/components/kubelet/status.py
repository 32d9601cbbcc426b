"""Pod.status from what the runtime has: phase, container states, addresses. Pure.

Source: "Pod Lifecycle" and the API reference of PodStatus; reasons are the ones kubectl users know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperpy.api import meta
from hyperpy.api.pods import is_sidecar
from hyperpy.api.qos import qos_class
from hyperpy.components.kubelet import conditions
from hyperpy.components.kubelet.memory import Memory, Trouble
from hyperpy.components.kubelet.plan import is_over, old_status
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.runtime.protocol import Container, State

Obj = dict[str, Any]

LOST = (
    "ContainerStatusUnknown",
    "The container could not be located when the pod was terminated",
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a status tells of the node.

    Args:
        runtime: the prefix of container ids (`docker`).
        host_ips: the node's addresses, the main one first.
    """

    runtime: str
    host_ips: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at a Pod. `waiting` is the planner's; `finished`: the worker has killed all and starts nothing more."""

    pod: Obj
    view: PodView
    memory: Memory
    now: float
    waiting: Mapping[str, Trouble] = field(default_factory=dict)
    finished: bool = False


def status(facts: Facts, where: Surroundings) -> Obj:
    """The whole status as it should stand in the API."""
    pod, memory = facts.pod, facts.memory
    old = pod.get("status") or {}
    init = [_container(facts, where, c, init=True) for c in pod["spec"].get("initContainers") or ()]
    main = [_container(facts, where, c) for c in pod["spec"].get("containers") or ()]
    extra = [_container(facts, where, c) for c in pod["spec"].get("ephemeralContainers") or ()]
    phase = _phase(facts, init, main)
    new: Obj = {
        "phase": phase,
        "hostIP": where.host_ips[0],
        "hostIPs": [{"ip": ip} for ip in where.host_ips],
        "startTime": old.get("startTime") or meta.timestamp(memory.first_seen),
        "qosClass": old.get("qosClass") or qos_class(pod),
        "containerStatuses": sorted(main, key=lambda s: str(s["name"])),
    }
    if "generation" in pod["metadata"]:
        new["observedGeneration"] = pod["metadata"]["generation"]
    if init:
        new["initContainerStatuses"] = init
    if extra:
        new["ephemeralContainerStatuses"] = extra
    if memory.failure is not None:
        new["reason"], new["message"] = memory.failure.reason, memory.failure.message
    elif phase in ("Succeeded", "Failed") and old.get("phase") == phase:
        new.update({key: old[key] for key in ("reason", "message") if key in old})
    new.update(_addresses(facts, where))
    new["conditions"] = conditions.conditions(pod, new, has_address="podIP" in new, now=facts.now)
    return new


def _addresses(facts: Facts, where: Surroundings) -> Obj:
    if facts.pod["spec"].get("hostNetwork"):
        ips = list(where.host_ips) if facts.view.sandboxes else []
    elif facts.view.ip is not None:
        ips = [facts.view.ip]
    else:
        ips = []
    return {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]} if ips else {}


def _container(facts: Facts, where: Surroundings, container: Obj, *, init: bool = False) -> Obj:
    """The status of one container; `history` is its attempts, newest first."""
    name = container["name"]
    history = [c for c in facts.view.history(name) if c.state is not State.CREATED]
    latest = history[0] if history else None
    fresh = next((c for c in facts.view.history(name) if c.state is State.CREATED), None)
    state, last = _states(facts, where, name, history)
    running = "running" in state
    started = running and latest is not None and latest.id in facts.memory.started
    ready = started and latest is not None and latest.id in facts.memory.ready
    if init and not is_sidecar(container):
        ready = latest is not None and latest.state is State.EXITED and latest.exit_code == 0
    shown = fresh or latest
    return {
        "name": name,
        "image": (shown.image if shown else "") or container.get("image", ""),
        "imageID": shown.image_id if shown else "",
        **({"containerID": _id(where, latest)} if latest else {}),
        "ready": ready,
        "started": started,
        "restartCount": _restart_count(facts, name, latest),
        "state": state,
        "lastState": last,
    }


def _restart_count(facts: Facts, name: str, latest: Container | None) -> int:
    if latest is not None:
        return latest.attempt
    old = old_status(facts.pod, name)
    return int(old.get("restartCount", 0)) if old else 0


def _states(facts: Facts, where: Surroundings, name: str, history: Sequence[Container]) -> tuple[Obj, Obj]:
    """The present state and the one before it."""
    latest = history[0] if history else None
    previous = _terminated(facts, where, history[1]) if len(history) > 1 else {}
    if latest is None:
        return _never_started(facts, name), {}
    if latest.state is State.RUNNING:
        return {"running": {"startedAt": _time(latest.started_at_ns)}}, previous
    ended = _terminated(facts, where, latest)
    trouble = facts.waiting.get(name)
    if trouble is not None and not facts.finished:
        return {"waiting": {"reason": trouble.reason, "message": trouble.message}}, ended
    return ended, previous


def _never_started(facts: Facts, name: str) -> Obj:
    if facts.finished:
        old = old_status(facts.pod, name)
        if old and "terminated" in (old.get("state") or {}):
            return dict(old["state"])
        reason, message = LOST
        return {
            "terminated": {
                "exitCode": 137, "reason": reason, "message": message, "startedAt": None, "finishedAt": None,
            }
        }  # fmt: skip
    trouble = facts.waiting.get(name)
    if trouble is not None:
        return {"waiting": {"reason": trouble.reason, "message": trouble.message}}
    initializing = bool(facts.pod["spec"].get("initContainers"))
    return {"waiting": {"reason": "PodInitializing" if initializing else "ContainerCreating"}}


def _terminated(facts: Facts, where: Surroundings, container: Container) -> Obj:
    if container.state is not State.EXITED:
        return {}
    message = facts.memory.messages.get(container.id) or container.message
    return {
        "terminated": {
            "exitCode": container.exit_code,
            **({"signal": container.signal} if container.signal else {}),
            "reason": container.reason or ("Completed" if container.exit_code == 0 else "Error"),
            **({"message": message} if message else {}),
            "startedAt": _time(container.started_at_ns),
            "finishedAt": _time(container.finished_at_ns),
            "containerID": _id(where, container),
        }
    }


def _phase(facts: Facts, init: Sequence[Obj], main: Sequence[Obj]) -> str:
    """The phase by the container states.

    Source: "Pod phase"; a phase that the API already has as final stays.
    """
    old = (facts.pod.get("status") or {}).get("phase")
    if old in ("Succeeded", "Failed"):
        return str(old)
    if facts.memory.failure is not None:
        return "Failed"
    codes = [status["state"]["terminated"]["exitCode"] for status in main if "terminated" in status["state"]]
    if facts.finished or is_over(facts.pod, facts.view, facts.memory):
        return "Succeeded" if len(codes) == len(main) and not any(codes) else "Failed"
    if _initializing(facts.pod, init) or any(_waits(status) for status in main):
        return "Pending"
    return "Running"


def _waits(status: Obj) -> bool:
    """It waits for its first start (one that waits to be restarted counts as stopped)."""
    return "waiting" in status["state"] and not status["lastState"]


def _initializing(pod: Obj, init: Sequence[Obj]) -> bool:
    specs = {c["name"]: c for c in pod["spec"].get("initContainers") or ()}
    for status in init:
        if is_sidecar(specs[status["name"]]):
            if not status["started"] and not status["lastState"]:
                return True
        elif not status["ready"]:
            return True
    return False


def _id(where: Surroundings, container: Container) -> str:
    return f"{where.runtime}://{container.id}"


def _time(at_ns: int) -> str | None:
    return meta.timestamp(at_ns / 1e9) if at_ns else None
