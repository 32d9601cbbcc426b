"""The status of a Pod as users read it."""

from __future__ import annotations

import pytest

from hyperpy.components.kubelet.memory import Failure, Memory, Trouble
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.status import Facts, Surroundings, status
from hyperpy.components.kubelet.status_writer import difference
from hyperpy.runtime.protocol import State

from .objects import NOW, container, pod, record, sandbox, view

WHERE = Surroundings("docker", ("192.168.0.7",))
UP = Memory(first_seen=NOW, started={"web-0"}, ready={"web-0"})


def shown(a_pod, a_view, memory=None, **more):
    return status(Facts(a_pod, a_view, memory or Memory(first_seen=NOW), NOW, **more), WHERE)


def condition(a_status, kind):
    return next(c for c in a_status["conditions"] if c["type"] == kind)


def test_a_new_pod_is_creating_its_containers():
    found = shown(pod(), PodView())
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert "podIP" not in found
    assert condition(found, "PodReadyToStartContainers")["status"] == "False"
    assert condition(found, "PodScheduled")["status"] == "True"


def test_a_running_ready_pod():
    found = shown(pod(), view(record()), UP)
    assert (found["phase"], found["podIP"], found["hostIP"]) == ("Running", "10.0.0.5", "192.168.0.7")
    web = found["containerStatuses"][0]
    assert (web["ready"], web["started"], web["restartCount"], web["containerID"]) == (True, True, 0, "docker://web-0")
    assert web["state"] == {"running": {"startedAt": "2023-11-14T22:13:15Z"}}
    assert condition(found, "Ready")["status"] == "True"


def test_an_unready_container_is_named():
    found = shown(pod(), view(record()), Memory(first_seen=NOW, started={"web-0"}))
    ready = condition(found, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [web]"


def test_a_crash_loop_shows_why_it_waits_and_how_it_ended():
    waiting = {"web": Trouble("CrashLoopBackOff", "back-off 10s ...", NOW + 10)}
    crashed = view(record(state=State.EXITED, exit_code=3, attempt=2))
    web = shown(pod(), crashed, waiting=waiting)["containerStatuses"][0]
    assert web["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert web["lastState"]["terminated"]["exitCode"] == 3
    assert web["restartCount"] == 2
    assert shown(pod(), crashed, waiting=waiting)["phase"] == "Running"


def test_a_container_that_cannot_be_made_shows_the_trouble():
    waiting = {"web": Trouble("CreateContainerConfigError", 'configmap "x" not found', NOW + 10)}
    found = shown(pod(), view(), waiting=waiting)
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"]["waiting"]["message"] == 'configmap "x" not found'


@pytest.mark.parametrize(
    ("exit_code", "policy", "phase"),
    [
        pytest.param(0, "Never", "Succeeded", id="success"),
        pytest.param(1, "Never", "Failed", id="failure"),
        pytest.param(0, "OnFailure", "Succeeded", id="on-failure-success"),
        pytest.param(1, "OnFailure", "Running", id="on-failure-failure"),
        pytest.param(0, "Always", "Running", id="always"),
    ],
)
def test_the_phase_follows_exit_code_and_policy(exit_code, policy, phase):
    ended = view(record(state=State.EXITED, exit_code=exit_code))
    assert shown(pod(restartPolicy=policy), ended)["phase"] == phase


def test_a_succeeded_pod_is_completed():
    found = shown(pod(restartPolicy="Never"), view(record(state=State.EXITED)))
    assert condition(found, "Ready")["reason"] == "PodCompleted"
    assert found["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"


def test_waiting_for_init_containers():
    waiting = pod(container("main"), init=(container("i"),))
    found = shown(waiting, view(record("i")), Memory(first_seen=NOW, started={"i-0"}))
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert condition(found, "Initialized")["message"] == "containers with incomplete status: [i]"


def test_the_last_words_of_a_container_are_shown():
    memory = Memory(first_seen=NOW, messages={"web-0": "out of cheese"})
    found = shown(pod(restartPolicy="Never"), view(record(state=State.EXITED, exit_code=1)), memory)
    assert found["containerStatuses"][0]["state"]["terminated"]["message"] == "out of cheese"


def test_a_pod_that_the_kubelet_ended_says_why():
    memory = Memory(first_seen=NOW, failure=Failure("DeadlineExceeded", "too long"))
    found = shown(pod(), view(record(state=State.EXITED, exit_code=137)), memory)
    assert (found["phase"], found["reason"], found["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_a_deleted_pod_whose_container_was_never_made_is_unknown():
    found = shown(pod(), PodView(), finished=True)
    ended = found["containerStatuses"][0]["state"]["terminated"]
    assert (found["phase"], ended["reason"], ended["exitCode"]) == ("Failed", "ContainerStatusUnknown", 137)


def test_the_time_of_a_transition_stays_while_the_condition_does():
    before = shown(pod(), view(record()), UP)
    again = status(Facts(pod(status=before), view(record()), UP, NOW + 100), WHERE)
    assert again == before


def test_conditions_of_others_are_kept_and_gates_are_heeded():
    gate = {"conditionType": "example.com/ready"}
    gated = pod(readinessGates=[gate])
    assert condition(shown(gated, view(record()), UP), "Ready")["reason"] == "ReadinessGatesNotReady"
    opened = pod(readinessGates=[gate], status={"conditions": [{"type": "example.com/ready", "status": "True"}]})
    found = shown(opened, view(record()), UP)
    assert condition(found, "Ready")["status"] == "True"
    assert condition(found, "example.com/ready")["status"] == "True"


def test_the_pod_on_the_hosts_network_has_its_address():
    found = shown(pod(hostNetwork=True), view(record(), ip=None), UP)
    assert found["podIP"] == "192.168.0.7"


def test_a_stopped_sandbox_takes_the_address_away_in_the_patch():
    before = shown(pod(), view(record()), UP)
    after = shown(pod(), view(record(state=State.EXITED), sandboxes=(sandbox(ready=False),), ip=None), UP)
    patch = difference(before, after)
    assert (patch["podIP"], patch["podIPs"]) == (None, None)
    assert "hostIP" not in patch


def test_a_changed_address_replaces_the_old_one_in_the_patch():
    patch = difference({"podIPs": [{"ip": "10.0.0.1"}]}, {"podIPs": [{"ip": "10.0.0.2"}]})
    assert patch["podIPs"] == [{"ip": "10.0.0.2"}, {"$patch": "delete", "ip": "10.0.0.1"}]


def test_a_condition_that_holds_again_says_no_more_why_it_did_not() -> None:
    broken = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers with ..."}
    patch = difference({"conditions": [broken]}, {"conditions": [{"type": "Ready", "status": "True"}]})
    assert patch["conditions"] == [{"type": "Ready", "status": "True", "reason": None, "message": None}]
