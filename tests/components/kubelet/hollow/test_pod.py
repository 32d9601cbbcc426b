"""One simulated Pod from its binding to its end, at times that the test names."""

from __future__ import annotations

import itertools
from typing import Any

from components.kubelet.objects import NOW, container, pod

from hyperpy.api import labels
from hyperpy.components.kubelet.hollow.pod import HollowPod, World
from hyperpy.components.kubelet.hollow.profile import Behaviour, Profile, Rule, Span
from hyperpy.components.kubelet.status import Surroundings

WHERE = Surroundings("hollow", ("198.19.0.1",))
IP = "198.18.0.1"


def exactly(seconds: float) -> Span:
    return Span(seconds, seconds)


def begin(a_pod: dict[str, Any], behaviour: Behaviour | None = None, *, now: float = NOW) -> HollowPod:
    rules = (Rule(labels.EVERYTHING, "*", behaviour),) if behaviour is not None else ()
    ids = itertools.count()
    world = World(Profile(rules), 7, lambda: f"id-{next(ids)}")
    return HollowPod(a_pod, world, WHERE, known_as="ns/p", ip=IP, now=now)


def deleted(a_pod: dict[str, Any], grace_s: int) -> dict[str, Any]:
    about = {"deletionTimestamp": "2023-11-14T22:13:20Z", "deletionGracePeriodSeconds": grace_s}
    return {**a_pod, "metadata": {**a_pod["metadata"], **about}}


def ready(status: dict[str, Any]) -> bool:
    return next(c["status"] == "True" for c in status["conditions"] if c["type"] == "Ready")


def test_without_a_profile_a_pod_runs_and_is_ready_at_once():
    outcome = begin(pod()).step(NOW)
    assert (outcome.status["phase"], outcome.status["podIP"], ready(outcome.status)) == ("Running", IP, True)
    assert outcome.status["hostIP"] == "198.19.0.1"
    assert outcome.status["containerStatuses"][0]["containerID"].startswith("hollow://")
    assert (outcome.finished, outcome.wake_at) == (False, None)


def test_it_waits_for_its_start_and_then_for_its_readiness():
    simulated = begin(pod(), Behaviour(start=exactly(2), ready=exactly(3)))
    first = simulated.step(NOW)
    assert first.status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert (first.status["phase"], first.wake_at) == ("Pending", NOW + 2)
    second = simulated.step(NOW + 2)
    assert (second.status["phase"], ready(second.status), second.wake_at) == ("Running", False, NOW + 5)
    third = simulated.step(NOW + 5)
    assert (ready(third.status), third.wake_at) == (True, None)


def test_a_step_that_comes_early_changes_nothing():
    simulated = begin(pod(), Behaviour(start=exactly(2)))
    first = simulated.step(NOW)
    assert simulated.step(NOW + 1) == first


def test_a_run_that_ends_ends_the_pod_by_its_restart_policy():
    simulated = begin(pod(restartPolicy="Never"), Behaviour(run=exactly(10), exit_code=3))
    assert simulated.step(NOW).wake_at == NOW + 10
    outcome = simulated.step(NOW + 10)
    assert (outcome.status["phase"], outcome.finished) == ("Failed", True)
    ended = outcome.status["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")


def test_a_start_that_fails_is_tried_again_after_the_back_off_of_any_container():
    simulated = begin(pod(), Behaviour(failure_rate=1.0))
    outcome = simulated.step(NOW)
    web = outcome.status["containerStatuses"][0]
    assert (web["state"]["waiting"]["reason"], web["restartCount"]) == ("CrashLoopBackOff", 1)
    assert web["lastState"]["terminated"]["exitCode"] == 1
    assert outcome.wake_at == NOW + 10
    assert simulated.step(NOW + 10).wake_at == NOW + 30


def test_init_containers_run_first():
    a_pod = pod(init=(container("setup"),))
    simulated = begin(a_pod, Behaviour(run=exactly(5)))
    first = simulated.step(NOW)
    assert first.status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert simulated.step(NOW + 5).status["phase"] == "Running"


def test_deletion_waits_for_the_containers_to_end_within_the_grace():
    simulated = begin(pod(), Behaviour(stop=exactly(4)))
    simulated.step(NOW)
    assert simulated.update(deleted(pod(), 30))
    stopping = simulated.step(NOW + 1)
    assert (stopping.finished, stopping.wake_at) == (False, NOW + 5)
    over = simulated.step(NOW + 5)
    assert over.finished
    assert over.status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143


def test_a_container_that_takes_longer_than_its_grace_is_killed():
    simulated = begin(pod(), Behaviour(stop=exactly(60)))
    simulated.step(NOW)
    simulated.update(deleted(pod(), 30))
    assert simulated.step(NOW).wake_at == NOW + 30
    simulated.update(deleted(pod(), 2))
    assert simulated.step(NOW + 1).wake_at == NOW + 3
    over = simulated.step(NOW + 3)
    assert over.finished
    assert over.status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_a_pod_deleted_before_it_started_never_starts():
    simulated = begin(pod(), Behaviour(start=exactly(5)))
    simulated.step(NOW)
    simulated.update(deleted(pod(), 30))
    outcome = simulated.step(NOW + 1)
    assert (outcome.finished, outcome.wake_at) == (True, None)


def test_the_active_deadline_ends_a_pod():
    simulated = begin(pod(activeDeadlineSeconds=20))
    assert simulated.step(NOW).wake_at == NOW + 20
    outcome = simulated.step(NOW + 20)
    assert (outcome.status["phase"], outcome.status["reason"], outcome.finished) == ("Failed", "DeadlineExceeded", True)


def test_another_process_takes_a_running_pod_over_as_the_api_tells_of_it():
    before = begin(pod(), Behaviour(run=exactly(60))).step(NOW).status
    simulated = begin(pod(status=before), Behaviour(run=exactly(60)), now=NOW + 30)
    outcome = simulated.step(NOW + 30)
    assert outcome.status == before
    assert outcome.wake_at == NOW + 60


def test_what_a_node_does_not_look_at_is_no_change():
    simulated = begin(pod())
    status = simulated.step(NOW).status
    assert not simulated.update(pod(status=status, metadata={"labels": {"new": "label"}}))
    assert simulated.update(pod(container(image="web:2"), status=status))
