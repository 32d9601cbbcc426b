"""What a Pod's status means: ready, over, counted, and the word that users read in the STATUS column.

Source: the API reference, "PodStatus", and what `kubectl get pods` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import meta

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """A Pod in one line.

    Args:
        ready: containers that are ready, `total` of how many (sidecars count).
        restarts: of all containers; of the init containers while those still run.
        last_restart: when the newest of them ended, or "".
        reason: the STATUS column: `Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`, ...
    """

    ready: int
    total: int
    restarts: int
    last_restart: str
    reason: str


_OVER = frozenset(("Succeeded", "Failed"))


def phase(pod: Obj) -> str:
    """`status.phase`; a Pod without one is Pending."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_terminal(pod: Obj) -> bool:
    """Whether every container has ended for good."""
    return phase(pod) in _OVER


def is_active(pod: Obj) -> bool:
    """Whether a controller counts it: neither over nor being deleted."""
    # Written out: control loops ask it of every Pod they own, each time one of them changes.
    status = pod.get("status")
    return not pod["metadata"].get("deletionTimestamp") and not (status and status.get("phase") in _OVER)


def is_ready(pod: Obj) -> bool:
    """Whether its Ready condition is True."""
    return _is_true(pod, "Ready")


def is_available(pod: Obj, *, min_ready_s: int, now: float) -> bool:
    """Whether it has been ready for at least `min_ready_s` seconds."""
    ready = meta.condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return False
    if not min_ready_s:
        return True
    since = ready.get("lastTransitionTime")
    return since is not None and meta.parse_time(since) + min_ready_s <= now


def is_sidecar(container: Obj) -> bool:
    """Whether an init container is one that runs beside the others (`restartPolicy: Always`)."""
    return container.get("restartPolicy") == "Always"


def ready_containers(pod: Obj) -> tuple[int, int]:
    """How many containers are ready, of how many."""
    summary = summarize(pod)
    return summary.ready, summary.total


def restart_count(pod: Obj) -> int:
    """Restarts of all containers."""
    return summarize(pod).restarts


def printed_status(pod: Obj) -> str:
    """The STATUS column."""
    return summarize(pod).reason


def summarize(pod: Obj) -> Summary:
    """Count and name what the containers do."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    inits: list[Obj] = spec.get("initContainers") or []
    sidecars = {container["name"] for container in inits if is_sidecar(container)}
    init = _init_line(inits, sidecars, status.get("initContainerStatuses") or [])
    line = init
    if not init.reason or _is_true(pod, "Initialized"):
        line = _main_line(init, status.get("containerStatuses") or [], ready=is_ready(pod))
    reason = line.reason or init.reason or _pod_reason(pod, status)
    return Summary(
        ready=line.ready,
        total=len(spec.get("containers") or ()) + len(sidecars),
        restarts=line.restarts,
        last_restart=line.last_restart,
        reason=_deleting_reason(pod, status, reason),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""
    reason: str = ""
    sidecar_restarts: int = 0
    sidecar_last: str = ""


def _init_line(inits: Sequence[Obj], sidecars: set[str], statuses: Sequence[Obj]) -> _Line:
    """What the init containers say; `reason` is "" when none holds the Pod up."""
    ready = restarts = sidecar_restarts = 0
    last = sidecar_last = reason = ""
    for index, status in enumerate(statuses):
        sidecar = status.get("name") in sidecars
        restarts += status.get("restartCount") or 0
        last = max(last, _last_end(status))
        if sidecar:
            sidecar_restarts += status.get("restartCount") or 0
            sidecar_last = max(sidecar_last, _last_end(status))
        if sidecar and status.get("started"):
            ready += bool(status.get("ready"))
            continue
        reason = _init_reason(status, index, len(inits))
        if reason:
            break
    return _Line(ready, restarts, last, reason, sidecar_restarts, sidecar_last)


def _init_reason(status: Obj, index: int, count: int) -> str:
    state = status.get("state") or {}
    terminated, waiting = state.get("terminated"), state.get("waiting") or {}
    if terminated is not None:
        return f"Init:{_ended(terminated)}" if terminated.get("exitCode") else ""
    if waiting.get("reason") not in (None, "", "PodInitializing"):
        return f"Init:{waiting['reason']}"
    return f"Init:{index}/{count}"


def _main_line(init: _Line, statuses: Sequence[Obj], *, ready: bool) -> _Line:
    """What the containers say; the first one in the list has the last word."""
    count, restarts, last = init.ready, init.sidecar_restarts, init.sidecar_last
    reason, running = "", False
    for status in reversed(statuses):
        restarts += status.get("restartCount") or 0
        last = max(last, _last_end(status))
        state = status.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _ended(terminated)
        elif status.get("ready") and state.get("running") is not None:
            running = True
            count += 1
    if reason == "Completed" and running:
        reason = "Running" if ready else "NotReady"
    return _Line(count, restarts, last, reason)


def _pod_reason(pod: Obj, status: Obj) -> str:
    scheduled = meta.condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return status.get("reason") or phase(pod)


def _deleting_reason(pod: Obj, status: Obj, reason: str) -> str:
    if not meta.is_deleting(pod):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if is_terminal(pod) else "Terminating"


def _ended(terminated: Obj) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _last_end(status: Obj) -> str:
    """When the run before this one ended; times in UTC compare as texts."""
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return ended.get("finishedAt") or ""


def _is_true(pod: Obj, condition_type: str) -> bool:
    found = meta.condition(pod, condition_type)
    return found is not None and found.get("status") == "True"
