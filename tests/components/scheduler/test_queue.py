"""The scheduling queue: order, back-off, what wakes a Pod, and that no Pod is lost or doubled."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyperpy.components.scheduler.plugins.priority_sort import PrioritySort
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.queue import (
    BACKOFF_S,
    MAX_BACKOFF_S,
    PATIENCE_S,
    REMEMBERED,
    QueuedPod,
    SchedulingQueue,
)

NOBODY = frozenset({"NodeResourcesFit"})


def pod(name: str, priority: int = 0) -> PodInfo:
    return PodInfo({"metadata": {"name": name, "namespace": "d", "uid": name}, "spec": {"priority": priority}})


def make() -> SchedulingQueue:
    return SchedulingQueue(PrioritySort().sort_key)


def popped(queue: SchedulingQueue, now: float) -> QueuedPod:
    found = queue.pop(now=now)
    assert found is not None
    return found


def always(queued: QueuedPod) -> bool:
    return True


def test_priority_goes_first_then_age() -> None:
    queue = make()
    queue.add(pod("young"), now=2)
    queue.add(pod("old"), now=1)
    queue.add(pod("vip", 1000), now=3)
    assert [popped(queue, 3).pod.name for _ in range(3)] == ["vip", "old", "young"]
    assert queue.pop(now=3) is None


def test_an_unschedulable_pod_waits_for_a_change_that_helps() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    queue.park(popped(queue, 0), rejected_by=NOBODY, now=0)
    assert queue.pop(now=100) is None
    queue.wake(lambda queued: False, now=100)
    assert queue.pop(now=100) is None
    queue.wake(lambda queued: queued.rejected_by == NOBODY, now=100)
    assert popped(queue, 100).attempts == 2


def test_a_woken_pod_backs_off_only_behind_others() -> None:
    queue = make()
    queue.add(pod("loser"), now=0)
    queue.park(popped(queue, 0), rejected_by=NOBODY, now=0)
    queue.add(pod("other"), now=0.1)
    queue.wake(always, now=0.1)
    assert queue.next_due() == BACKOFF_S
    assert [popped(queue, 0.1).pod.name for _ in range(2)] == ["other", "loser"]


def test_a_failed_binding_waits_out_its_back_off_which_grows() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    now, waits = 0.0, []
    for _ in range(6):
        queue.put_back(popped(queue, now), now=now)
        due = queue.next_due()
        assert due is not None
        assert queue.pop(now=due - 0.01) is None
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, MAX_BACKOFF_S, MAX_BACKOFF_S]


def test_patience_ends_after_five_minutes() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    queue.park(popped(queue, 0), rejected_by=NOBODY, now=0)
    assert queue.next_due() == PATIENCE_S
    assert queue.pop(now=PATIENCE_S) is not None


def test_a_gated_pod_is_woken_by_nothing_but_itself() -> None:
    queue = make()
    queue.add(pod("a"), now=0, gated_by=frozenset({"SchedulingGates"}))
    queue.wake(always, now=1)
    assert queue.pop(now=1000) is None
    queue.remove("a")
    queue.add(pod("a"), now=2)
    assert queue.pop(now=2) is not None


def test_a_removed_pod_does_not_come_back() -> None:
    queue = make()
    for name in "abc":
        queue.add(pod(name), now=0)
    parked = popped(queue, 0)
    queue.park(parked, rejected_by=NOBODY, now=0)
    queue.remove(parked.pod.uid)
    queue.remove("b")
    queue.wake(always, now=1)
    assert popped(queue, 1).pod.name == "c"
    assert queue.pop(now=1000) is None
    assert len(queue) == 0 and queue.next_due() is None


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "pop", "park", "fail", "wake", "remove", "wait"]), st.integers(0, 4))
)


@given(STEPS)
def test_every_pod_is_somewhere_exactly_once(steps: list[tuple[str, int]]) -> None:
    queue, now = make(), 0.0
    waiting: set[str] = set()
    out: dict[str, QueuedPod] = {}
    for step, number in steps:
        name = f"p{number}"
        found: Any = None
        if step == "add" and name not in waiting and name not in out:
            queue.add(pod(name), now=now)
            waiting.add(name)
        elif step == "pop" and (found := queue.pop(now=now)) is not None:
            assert found.pod.name in waiting
            waiting.discard(found.pod.name)
            out[found.pod.name] = found
        elif step in ("park", "fail") and name in out:
            if step == "park":
                queue.park(out.pop(name), rejected_by=NOBODY, now=now)
            else:
                queue.put_back(out.pop(name), now=now)
            waiting.add(name)
        elif step == "wake":
            queue.wake(always, now=now)
        elif step == "remove":
            queue.remove(name)
            waiting.discard(name)
        elif step == "wait":
            now += number
    assert len(queue) == len(waiting)
    queue.wake(always, now=now)
    now += PATIENCE_S
    assert {popped(queue, now).pod.name for _ in range(len(waiting))} == waiting
    assert queue.pop(now=now) is None


def test_a_change_that_came_while_a_pod_was_out_is_not_missed() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    out = popped(queue, 0)
    queue.wake(lambda queued: queued.rejected_by == NOBODY, now=0.1)
    queue.park(out, rejected_by=NOBODY, now=0.2)
    assert queue.next_due() == 0.2 + BACKOFF_S
    assert popped(queue, 0.2 + BACKOFF_S).attempts == 2


def test_a_change_that_did_not_help_while_a_pod_was_out_does_not_count() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    queue.wake(always, now=0)
    out = popped(queue, 0)
    queue.wake(lambda queued: False, now=0.1)
    queue.park(out, rejected_by=NOBODY, now=0.2)
    assert queue.pop(now=100) is None


def test_more_changes_than_are_remembered_count_as_one_that_helped() -> None:
    queue = make()
    queue.add(pod("a"), now=0)
    out = popped(queue, 0)
    for _ in range(REMEMBERED + 1):
        queue.wake(lambda queued: False, now=0)
    queue.park(out, rejected_by=NOBODY, now=0)
    assert queue.pop(now=BACKOFF_S) is out


def test_a_gate_is_asked_about_after_changes_only_where_they_may_open_it() -> None:
    queue = make()
    queue.add(pod("own"), now=0, gated_by=frozenset({"SchedulingGates"}))
    queue.add(pod("other"), now=0, gated_by=frozenset({"Quota"}), opens_by_changes=True)
    asked: list[str] = []

    def is_open(queued: QueuedPod) -> bool:
        asked.append(queued.pod.name)
        return len(asked) > 1

    queue.open_gates(is_open)
    assert queue.pop(now=1) is None
    queue.open_gates(is_open)
    assert asked == ["other", "other"]
    assert popped(queue, 1).pod.name == "other"
    queue.open_gates(is_open)
    assert len(asked) == 2


def test_a_gated_pod_that_goes_is_forgotten() -> None:
    queue = make()
    queue.add(pod("a"), now=0, gated_by=frozenset({"Quota"}), opens_by_changes=True)
    queue.remove("a")
    queue.open_gates(always)
    assert queue.pop(now=1) is None and len(queue) == 0
