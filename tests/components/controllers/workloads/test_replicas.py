"""The replica planner: tables, and any interleaving of Pod events ends with exactly N Pods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import meta, pods
from hyperpy.components.controllers.upkeep.expectations import Expectations
from hyperpy.components.controllers.workloads import replicas

NOW = 1_700_000_000.0


def owner(count: int, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "rs", "generation": 3},
        "spec": {"replicas": count, "template": {"metadata": {"labels": {"app": "web"}}}, **spec},
    }


def pod(name: str, *, phase: str = "Running", ready_s: float | None = None, **extra: Any) -> dict[str, Any]:
    """A Pod, ready for `ready_s` seconds (None: not ready)."""
    ready = {
        "type": "Ready",
        "status": "False" if ready_s is None else "True",
        "lastTransitionTime": meta.timestamp(NOW - (ready_s or 0)),
    }
    metadata = {
        "name": name, "namespace": "default", "uid": name, "labels": {"app": "web"},
        "creationTimestamp": meta.timestamp(NOW - 1000), **extra,
    }  # fmt: skip
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": phase, "conditions": [ready]}}


def plan(rs: dict[str, Any], owned: list[dict[str, Any]]) -> replicas.Plan:
    return replicas.plan(rs, owned, neighbours=lambda: [each for each in owned if pods.is_active(each)], now=NOW)


def test_missing_pods_are_created_and_finished_and_leaving_ones_do_not_count() -> None:
    leaving = pod("b", deletionTimestamp=meta.timestamp(NOW))
    made = plan(owner(3), [pod("a"), leaving, pod("c", phase="Failed")])
    assert (made.create, made.delete) == (2, ())
    assert made.counts["replicas"] == 1


def test_a_huge_gap_is_closed_in_bursts() -> None:
    assert plan(owner(10_000), []).create == replicas.BURST


def test_counts_tell_ready_available_and_fully_labeled() -> None:
    odd = pod("c", ready_s=100)
    odd["metadata"]["labels"] = {"app": "web2"}
    made = plan(owner(3, minReadySeconds=30), [pod("a"), pod("b", ready_s=10), odd])
    assert made.counts == {"replicas": 3, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 1}
    assert made.recheck_s == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(("spec", "nodeName", ""), ("status", "phase", "Pending"), id="unassigned-before-pending"),
        pytest.param(("status", "phase", "Pending"), ("status", "phase", "Running"), id="pending-before-running"),
    ],
)
def test_the_least_useful_pod_goes_first(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    one, two = pod("one", ready_s=50), pod("two", ready_s=50)
    for each, (part, field, value) in ((one, first), (two, second)):
        each[part][field] = value
    for owned in ([one, two], [two, one]):
        assert [each["metadata"]["name"] for each in plan(owner(1), owned).delete] == ["one"]


def test_not_ready_goes_before_ready_and_young_before_old() -> None:
    owned = [pod("old", ready_s=5000), pod("young", ready_s=10), pod("broken")]
    assert [each["metadata"]["name"] for each in plan(owner(1), owned).delete] == ["broken", "young"]


def test_deletion_cost_decides_among_ready_pods() -> None:
    dear = pod("dear", ready_s=10, annotations={"controller.kubernetes.io/pod-deletion-cost": "100"})
    assert [each["metadata"]["name"] for each in plan(owner(1), [dear, pod("cheap", ready_s=9000)]).delete] == ["cheap"]


def test_the_crowded_node_gives_up_its_pods() -> None:
    alone = pod("alone", ready_s=10)
    alone["spec"]["nodeName"] = "n2"
    owned = [alone, pod("x", ready_s=5000), pod("y", ready_s=5000)]
    assert plan(owner(2), owned).delete[0]["metadata"]["name"] in ("x", "y")


def test_a_failure_becomes_a_condition_and_goes_with_success() -> None:
    rs = owner(1)
    rs["status"] = replicas.status(rs, {}, failure=("FailedCreate", "quota"), now=meta.timestamp(NOW))
    told = rs["status"]["conditions"][0]
    assert (told["type"], told["status"], told["reason"], told["message"]) == (
        "ReplicaFailure", "True", "FailedCreate", "quota",
    )  # fmt: skip
    healed = replicas.status(rs, {"replicas": 1}, failure=None, now=meta.timestamp(NOW))
    assert healed == {"replicas": 1, "observedGeneration": 3}


class World:
    """The API and a cache behind it, as a ReplicaSet controller meets them; events arrive one by one, late."""

    def __init__(self) -> None:
        self.real: dict[str, dict[str, Any]] = {}
        self.cache: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.expectations = Expectations()
        self.made = 0
        self.most = 0

    def create(self) -> None:
        name = f"p{self.made}"
        self.made += 1
        self.expectations.created("rs", namespace="default", name=name, now=0)
        self.real[name] = pod(name)
        self.events.append(("ADDED", self.real[name]))
        self.most = max(self.most, len(self.real))

    def remove(self, name: str) -> None:
        if name in self.real:
            self.events.append(("DELETED", self.real.pop(name)))

    def deliver(self, count: int) -> None:
        for event, obj in self.events[:count]:
            name = obj["metadata"]["name"]
            if event == "DELETED":
                self.cache.pop(name, None)
            else:
                self.cache[name] = obj
            self.expectations.observe(event, obj)
        del self.events[:count]

    def reconcile(self, wanted: int) -> None:
        if self.expectations.pending("rs"):
            return
        made = plan(owner(wanted), list(self.cache.values()))
        for _ in range(made.create):
            self.create()
        for obj in made.delete:
            self.expectations.deleted("rs", obj, now=0)
            self.remove(obj["metadata"]["name"])
            if obj["metadata"]["name"] not in self.cache:
                self.expectations.failed(namespace="default", name=obj["metadata"]["name"], uid=obj["metadata"]["uid"])


STEPS = st.lists(
    st.one_of(
        st.just(("reconcile", 0)),
        st.tuples(st.just("deliver"), st.integers(1, 4)),
        st.tuples(st.just("kill"), st.integers(0, 20)),
        st.tuples(st.just("scale"), st.integers(0, 6)),
    ),
    max_size=40,
)


@given(STEPS)
def test_any_interleaving_of_pod_events_ends_with_exactly_n(steps: list[tuple[str, int]]) -> None:
    world, wanted, largest = World(), 3, 3
    for step, number in steps:
        if step == "reconcile":
            world.reconcile(wanted)
        elif step == "deliver":
            world.deliver(number)
        elif step == "kill":
            world.remove(f"p{number}")
        else:
            wanted, largest = number, max(largest, number)
    for _ in range(5):
        world.deliver(len(world.events))
        world.reconcile(wanted)
    assert len(world.real) == wanted
    assert world.most <= largest, "more Pods than were ever asked for"
