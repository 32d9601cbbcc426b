"""The STATUS column and the counts beside it."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import pods

Obj = dict[str, Any]
RUNNING: Obj = {"running": {"startedAt": "2024-01-01T00:00:00Z"}}


def _pod(containers: list[Obj] | None = None, **more: Any) -> Obj:
    statuses = containers or []
    inits = more.pop("inits", [])
    meta = {"name": "web", **({"deletionTimestamp": "2024-01-01T00:00:00Z"} if more.pop("deleting", False) else {})}
    spec_inits = more.pop("spec_inits", [{"name": f"i{n}"} for n in range(len(inits))])
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": f"c{n}"} for n in range(len(statuses) or 1)], "initContainers": spec_inits},
        "status": {"phase": "Running", "containerStatuses": statuses, "initContainerStatuses": inits, **more},
    }


def _waiting(reason: str) -> Obj:
    return {"state": {"waiting": {"reason": reason}}, "ready": False, "restartCount": 2}


def _ended(code: int, reason: str = "", signal: int = 0) -> Obj:
    return {"state": {"terminated": {"exitCode": code, "reason": reason, "signal": signal}}, "restartCount": 1}


UP: Obj = {"state": RUNNING, "ready": True, "restartCount": 0}
READY = [{"type": "Ready", "status": "True"}]


@pytest.mark.parametrize(
    ("pod", "status"),
    [
        ({"metadata": {"name": "x"}}, "Pending"),
        (_pod(phase="Pending"), "Pending"),
        (_pod([UP]), "Running"),
        (_pod([_waiting("CrashLoopBackOff")]), "CrashLoopBackOff"),
        (_pod([_waiting("ImagePullBackOff"), UP]), "ImagePullBackOff"),
        (_pod([_waiting("ContainerCreating")], phase="Pending"), "ContainerCreating"),
        (_pod([_ended(0, "Completed")], phase="Succeeded"), "Completed"),
        (_pod([_ended(137, "OOMKilled")], phase="Failed"), "OOMKilled"),
        (_pod([_ended(3)], phase="Failed"), "ExitCode:3"),
        (_pod([_ended(0, signal=9)], phase="Failed"), "Signal:9"),
        (_pod([_ended(0, "Completed"), UP]), "NotReady"),
        (_pod([_ended(0, "Completed"), UP], conditions=READY), "Running"),
        (_pod([UP], deleting=True), "Terminating"),
        (_pod([_ended(0, "Completed")], deleting=True, phase="Succeeded"), "Completed"),
        (_pod([UP], deleting=True, reason="NodeLost"), "Unknown"),
        (_pod(phase="Failed", reason="Evicted"), "Evicted"),
        (_pod(inits=[{"state": RUNNING}]), "Init:0/1"),
        (_pod(inits=[_ended(0, "Completed"), {"state": RUNNING}]), "Init:1/2"),
        (_pod(inits=[_ended(1, "Error")]), "Init:Error"),
        (_pod(inits=[_ended(1)]), "Init:ExitCode:1"),
        (_pod(inits=[_ended(1, signal=9)]), "Init:Signal:9"),
        (_pod(inits=[_waiting("CrashLoopBackOff")]), "Init:CrashLoopBackOff"),
        (_pod(inits=[_waiting("PodInitializing")]), "Init:0/1"),
        (_pod([_waiting("PodInitializing")], inits=[_ended(0, "Completed")]), "PodInitializing"),
        (_pod([UP], inits=[_ended(1, "Error")], conditions=[{"type": "Initialized", "status": "True"}]), "Init:Error"),
        (
            _pod(
                phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
            ),
            "SchedulingGated",
        ),
    ],
)
def test_the_status_column_says_what_kubectl_says(pod: Obj, status: str) -> None:
    assert pods.printed_status(pod) == status


def test_sidecars_count_as_containers() -> None:
    sidecar = {"name": "s", "restartPolicy": "Always"}
    state = {"name": "s", "state": RUNNING, "started": True, "ready": True, "restartCount": 3}
    summary = pods.summarize(_pod([UP], inits=[state], spec_inits=[sidecar]))
    assert (summary.ready, summary.total, summary.restarts, summary.reason) == (2, 2, 3, "Running")


def test_restarts_carry_the_time_of_the_last_one() -> None:
    one = {**UP, "restartCount": 2, "lastState": {"terminated": {"finishedAt": "2024-01-01T00:00:05Z"}}}
    two = {**UP, "restartCount": 1, "lastState": {"terminated": {"finishedAt": "2024-01-01T00:00:09Z"}}}
    summary = pods.summarize(_pod([one, two]))
    assert (summary.restarts, summary.last_restart) == (3, "2024-01-01T00:00:09Z")
    assert pods.ready_containers(_pod([one, _waiting("X")])) == (1, 2)


def test_readiness_and_activity() -> None:
    ready = _pod([UP], conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z"}])
    assert pods.is_ready(ready)
    assert not pods.is_ready(_pod([UP]))
    start = 1704067200.0
    assert pods.is_available(ready, min_ready_s=10, now=start + 10)
    assert not pods.is_available(ready, min_ready_s=10, now=start + 9)
    assert pods.is_active(ready)
    assert not pods.is_active(_pod([UP], deleting=True))
    assert not pods.is_active(_pod(phase="Failed"))
