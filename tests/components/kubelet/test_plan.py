"""The planner's rules: what to do next for a Pod."""

from __future__ import annotations

import pytest

from hyperpy.components.kubelet import backoff
from hyperpy.components.kubelet.memory import POD, Failure, Memory, Trouble, Unhealthy
from hyperpy.components.kubelet.plan import (
    AttachNetwork,
    CreateSandbox,
    KillContainer,
    KillPod,
    Plan,
    RemoveContainer,
    StartContainer,
    StopSandbox,
    plan,
)
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.runtime.protocol import State

from .objects import NOW, container, pod, record, sandbox, view

SIDECAR = {"restartPolicy": "Always"}


def planned(a_pod: dict, a_view: PodView, memory: Memory | None = None, *, now: float = NOW) -> Plan:
    return plan(a_pod, a_view, memory or Memory(first_seen=NOW), now=now)


def names(a_plan: Plan) -> list[str]:
    return [action.name for action in a_plan.actions if isinstance(action, StartContainer)]


def test_a_new_pod_gets_a_sandbox_and_then_its_containers():
    found = planned(pod(container("a"), container("b")), PodView())
    assert found.actions[0] == CreateSandbox(0)
    assert names(found) == ["a", "b"]


def test_a_running_pod_needs_nothing():
    assert planned(pod(), view(record())) == Plan()


def test_a_sandbox_without_address_is_attached_before_containers_start():
    found = planned(pod(), view(ip=None))
    assert isinstance(found.actions[0], AttachNetwork)
    assert names(found) == ["web"]


def test_a_pod_on_the_hosts_network_needs_no_address():
    assert planned(pod(hostNetwork=True), view(record(), ip=None)) == Plan()


def test_a_container_that_was_created_but_never_started_is_removed_and_made_again():
    found = planned(pod(), view(record(state=State.CREATED)))
    assert isinstance(found.actions[0], RemoveContainer)
    assert found.actions[1] == StartContainer("web", 0, None)


@pytest.mark.parametrize(
    ("policy", "exit_code", "starts"),
    [
        pytest.param("Always", 0, ["web"], id="always-after-success"),
        pytest.param("Always", 1, ["web"], id="always-after-failure"),
        pytest.param("OnFailure", 1, ["web"], id="on-failure-after-failure"),
        pytest.param("OnFailure", 0, [], id="on-failure-after-success"),
        pytest.param("Never", 1, [], id="never"),
    ],
)
def test_an_exited_container_restarts_by_policy(policy, exit_code, starts):
    found = planned(pod(restartPolicy=policy), view(record(state=State.EXITED, exit_code=exit_code)))
    assert names(found) == starts
    if not starts:
        assert found.actions == (KillPod(30),)


def test_a_finished_pod_is_finished_when_its_sandbox_has_stopped():
    over = view(record(state=State.EXITED), sandboxes=(sandbox(ready=False),))
    assert planned(pod(restartPolicy="Never"), over).finished


def test_the_second_crash_waits_for_its_back_off():
    memory = Memory(backoff={"web": backoff.grown(None, now=NOW)})
    found = planned(pod(), view(record(state=State.EXITED, exit_code=1, attempt=1)), memory, now=NOW + 2)
    assert not found.actions
    assert found.wake_at == NOW + 10
    assert found.waiting["web"].reason == "CrashLoopBackOff"
    assert found.waiting["web"].message == "back-off 10s restarting failed container=web pod=p_ns(uid-1)"


def test_after_the_back_off_the_next_attempt_starts():
    memory = Memory(backoff={"web": backoff.grown(None, now=NOW)})
    found = planned(pod(), view(record(state=State.EXITED, exit_code=1, attempt=1)), memory, now=NOW + 10)
    assert [action.attempt for action in found.actions] == [2]


def test_init_containers_run_one_after_another():
    two = pod(container("main"), init=(container("i1"), container("i2")))
    assert names(planned(two, view())) == ["i1"]
    assert names(planned(two, view(record("i1")))) == []
    assert names(planned(two, view(record("i1", State.EXITED)))) == ["i2"]
    done = view(record("i1", State.EXITED), record("i2", State.EXITED))
    assert names(planned(two, done)) == ["main"]


def test_a_failed_init_container_ends_a_pod_that_never_restarts():
    failing = pod(container("main"), init=(container("i"),), restartPolicy="Never")
    assert planned(failing, view(record("i", State.EXITED, exit_code=1))).actions == (KillPod(30),)


def test_a_failed_init_container_is_restarted_otherwise():
    failing = pod(container("main"), init=(container("i"),))
    assert names(planned(failing, view(record("i", State.EXITED, exit_code=1)))) == ["i"]


def test_init_containers_are_not_run_again_after_the_main_ones_began():
    begun = pod(container("main"), init=(container("i"),))
    assert planned(begun, view(record("main"))) == Plan()


def test_a_sidecar_holds_the_next_container_until_it_has_started():
    with_sidecar = pod(container("main"), init=(container("s", **SIDECAR),))
    assert names(planned(with_sidecar, view(record("s")))) == []
    assert names(planned(with_sidecar, view(record("s")), Memory(started={"s-0"}))) == ["main"]


def test_a_sidecar_that_ends_is_restarted_beside_running_containers():
    with_sidecar = pod(container("main"), init=(container("s", **SIDECAR),), restartPolicy="Never")
    found = planned(with_sidecar, view(record("main"), record("s", State.EXITED)))
    assert names(found) == ["s"]


def test_a_pod_ends_when_only_sidecars_run():
    with_sidecar = pod(container("main"), init=(container("s", **SIDECAR),), restartPolicy="Never")
    found = planned(with_sidecar, view(record("main", State.EXITED), record("s")))
    assert found.actions == (KillPod(30),)


def test_a_lost_sandbox_is_made_again_and_its_containers_with_it():
    lost = view(record(state=State.EXITED, exit_code=137), sandboxes=(sandbox(ready=False),))
    found = planned(pod(), lost)
    assert found.actions == (CreateSandbox(1), StartContainer("web", 1, lost.containers[0]))


def test_what_still_runs_in_a_lost_sandbox_is_killed_first():
    lost = view(record(), sandboxes=(sandbox(ready=False),))
    assert isinstance(planned(pod(), lost).actions[0], KillContainer)


def test_of_two_sandboxes_the_older_stops():
    both = view(record(sandbox_id="s1"), sandboxes=(sandbox(0), sandbox(1)))
    assert planned(pod(), both).actions == (StopSandbox(sandbox(0)),)


def test_a_pod_that_never_restarts_does_not_begin_again_in_a_new_sandbox():
    lost = view(record(state=State.EXITED, exit_code=137), sandboxes=(sandbox(ready=False),))
    assert planned(pod(restartPolicy="Never"), lost).finished


def test_a_deleted_pod_is_killed_with_its_grace():
    memory = Memory(deleting=True, grace_s=7)
    assert planned(pod(), view(record()), memory).actions == (KillPod(7),)
    assert planned(pod(), view(record(state=State.EXITED), sandboxes=(sandbox(ready=False),)), memory).finished


def test_a_kill_that_failed_is_tried_again_later():
    memory = Memory(deleting=True, grace_s=7, kill_again_at=NOW + 5)
    assert planned(pod(), view(record()), memory) == Plan(wake_at=NOW + 5)


def test_a_pod_that_the_kubelet_failed_is_killed():
    memory = Memory(failure=Failure("DeadlineExceeded", "too long"))
    assert planned(pod(), view(record()), memory).actions == (KillPod(30),)


def test_a_pod_that_the_api_has_as_over_is_not_started_again():
    assert planned(pod(status={"phase": "Failed"}), PodView()).finished


def test_a_changed_image_replaces_the_container():
    found = planned(pod(container("web", "web:2")), view(record()))
    assert isinstance(found.actions[0], KillContainer)
    assert found.actions[0].why == "Container web definition changed, will be restarted"


def test_an_unhealthy_container_is_killed_with_the_probes_grace():
    memory = Memory(unhealthy={"web-0": Unhealthy("failed liveness probe", 3)})
    found = planned(pod(), view(record()), memory)
    assert found.actions == (
        KillContainer(view(record()).containers[0], "Container web failed liveness probe, will be restarted", 3),
    )


def test_a_trouble_of_the_whole_pod_holds_everything_until_its_time():
    memory = Memory(trouble={POD: Trouble("", "no volume", NOW + 1)})
    assert planned(pod(), PodView(), memory) == Plan(wake_at=NOW + 1)
    assert planned(pod(), PodView(), memory, now=NOW + 1).actions


def test_an_image_that_cannot_be_pulled_reads_as_back_off_after_a_moment():
    trouble = Trouble("ErrImagePull", "no such image", NOW + 10, NOW, ("ImagePullBackOff", "Back-off pulling image"))
    memory = Memory(trouble={"web": trouble})
    first = planned(pod(), view(), memory)
    assert first.waiting["web"].reason == "ErrImagePull"
    assert first.wake_at == NOW + 1
    later = planned(pod(), view(), memory, now=NOW + 1)
    assert later.waiting["web"].reason == "ImagePullBackOff"
    assert later.wake_at == NOW + 10


def test_only_the_last_dead_attempt_is_kept():
    history = [record(attempt=3), *(record(attempt=n, state=State.EXITED) for n in (2, 1, 0))]
    assert [action.container.attempt for action in planned(pod(), view(*history)).actions] == [1, 0]


def test_a_container_that_the_runtime_lost_counts_as_restarted():
    status = {"containerStatuses": [{"name": "web", "restartCount": 2, "containerID": "docker://x"}]}
    found = planned(pod(status=status), PodView())
    assert found.actions == (CreateSandbox(0), StartContainer("web", 3, None))


def test_a_pod_that_never_restarts_is_over_when_the_runtime_lost_its_container():
    status = {"containerStatuses": [{"name": "web", "restartCount": 0, "containerID": "docker://x"}]}
    assert planned(pod(restartPolicy="Never", status=status), PodView()).finished


def test_an_ephemeral_container_is_started_once():
    debugged = pod(ephemeralContainers=[container("debug")])
    assert names(planned(debugged, view(record()))) == ["debug"]
    assert planned(debugged, view(record(), record("debug", State.EXITED))) == Plan()


def test_the_deadline_of_a_pod_wakes_its_worker():
    assert planned(pod(activeDeadlineSeconds=60), view(record())).wake_at == NOW + 60


def test_back_off_doubles_to_five_minutes_and_is_forgotten():
    entry, delays, now = None, [], NOW
    for _ in range(7):
        entry = backoff.grown(entry, now=now)
        delays.append(entry.delay_s)
        now += entry.delay_s
    assert delays == [10, 20, 40, 80, 160, 300, 300]
    assert backoff.grown(entry, now=now + 601).delay_s == 10
    assert [backoff.text(seconds) for seconds in (10, 80, 300)] == ["10s", "1m20s", "5m0s"]
