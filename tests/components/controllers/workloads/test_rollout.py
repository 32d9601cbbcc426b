"""Rollout arithmetic: tables, and a rolling update that never leaves its floor or its ceiling, whatever lags behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.components.controllers.workloads import deployment_plan, rollout
from hyperpy.components.controllers.workloads.rollout import Limits, Size


def size(name: str, replicas: int, *, available: int | None = None, alive: int | None = None, **extra: Any) -> Size:
    return Size(
        name=name,
        replicas=replicas,
        alive=replicas if alive is None else alive,
        available=replicas if available is None else available,
        settled=extra.get("settled", True),
        ceiling=extra.get("ceiling", 0),
        age=(name, name),
    )


@pytest.mark.parametrize(
    ("replicas", "rolling", "expected"),
    [
        pytest.param(10, {}, Limits(10, 3, 2), id="a-quarter-each-by-default"),
        pytest.param(1, {}, Limits(1, 1, 0), id="a-single-replica-is-surged"),
        pytest.param(4, {"maxSurge": 0, "maxUnavailable": 0}, Limits(4, 0, 1), id="both-zero-would-stand-still"),
        pytest.param(4, {"maxSurge": "50%", "maxUnavailable": "100%"}, Limits(4, 2, 4), id="percentages"),
        pytest.param(3, {"maxSurge": 5, "maxUnavailable": 9}, Limits(3, 5, 3), id="never-below-nothing"),
    ],
)
def test_limits_of_a_strategy(replicas: int, rolling: dict[str, Any], expected: Limits) -> None:
    deployment = {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}
    assert rollout.limits_of(deployment) == expected


@pytest.mark.parametrize(
    ("new", "old", "limits", "expected"),
    [
        pytest.param(size("b", 0), [size("a", 4)], Limits(4, 1, 1), {"b": 1, "a": 3}, id="first-step"),
        pytest.param(size("b", 1, available=0), [size("a", 3)], Limits(4, 1, 1), {"b": 2}, id="waits-for-the-new-pod"),
        pytest.param(size("b", 2), [size("a", 2)], Limits(4, 1, 1), {"b": 3, "a": 1}, id="goes-on"),
        pytest.param(size("b", 4), [size("a", 1)], Limits(4, 1, 1), {"a": 0}, id="last-step"),
        pytest.param(size("b", 6), [], Limits(4, 1, 1), {"b": 4}, id="too-many-of-the-new"),
        pytest.param(size("b", 0), [size("a", 3, alive=4)], Limits(4, 0, 1), {}, id="a-pod-not-yet-gone-counts"),
        pytest.param(
            size("b", 0), [size("a", 3, settled=False)], Limits(4, 0, 1), {}, id="an-unsettled-set-holds-growth-up"
        ),
        pytest.param(
            size("b", 1, available=0), [size("a", 4, available=1)], Limits(4, 1, 1), {"a": 3}, id="unhealthy-go-first"
        ),
    ],
)
def test_one_step(new: Size, old: list[Size], limits: Limits, expected: dict[str, int]) -> None:
    assert rollout.roll(new, old, limits=limits) == expected


@pytest.mark.parametrize(
    ("new", "old", "limits", "expected"),
    [
        pytest.param(size("b", 3), [], Limits(5, 2, 1), {"b": 5}, id="a-single-set"),
        pytest.param(
            size("b", 5, ceiling=13, available=4), [size("a", 8, ceiling=13)], Limits(15, 3, 2),
            {"a": 11, "b": 7}, id="ten-to-fifteen-keeps-shares",
        ),
        pytest.param(
            size("b", 5, ceiling=13, available=4), [size("a", 8, ceiling=13)], Limits(5, 1, 1),
            {"a": 4, "b": 2}, id="ten-to-five-keeps-shares",
        ),
        pytest.param(size("b", 5), [size("a", 8)], Limits(0, 0, 0), {"a": 0, "b": 0}, id="to-nothing"),
    ],
)  # fmt: skip
def test_proportional_scaling(new: Size, old: list[Size], limits: Limits, expected: dict[str, int]) -> None:
    assert rollout.scaled(new, old, limits=limits, rolling=True) == expected


class Cluster:
    """One Deployment, the ReplicaSet controller and the Pods behind it, and a cache that lags."""

    def __init__(self, replicas: int, surge: int, unavailable: int) -> None:
        rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
        self.version = 1
        self.written = 0
        self.deployment: dict[str, Any] = {
            "metadata": {"name": "web", "namespace": "ns", "uid": "d", "generation": 1},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"v": 0}},
            },
        }
        self.sets: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, dict[str, Any]]] = []
        self.cache: dict[str, dict[str, Any]] = {}
        #: Of each ReplicaSet: for each of its Pods whether it is ready.
        self.pods: dict[str, list[bool]] = {}

    def write(self, replica_set: dict[str, Any]) -> None:
        self.version += 1
        name = replica_set["metadata"]["name"]
        replica_set["metadata"]["resourceVersion"] = self.version
        self.sets[name] = replica_set
        self.pods.setdefault(name, [])
        self.history.append(copy.deepcopy(self.sets))

    def deliver(self, count: int) -> None:
        if self.history:
            self.cache = self.history[min(count, len(self.history)) - 1]
            del self.history[:count]

    def roll(self) -> None:
        """The Deployment controller; it waits until its cache shows its own last write."""
        seen = max((each["metadata"]["resourceVersion"] for each in self.cache.values()), default=0)
        if seen < self.written:
            return
        step = deployment_plan.plan(self.deployment, list(self.cache.values()))
        if step.create is not None and step.create["metadata"]["name"] not in self.sets:
            created = copy.deepcopy(step.create)
            created["metadata"].update(
                generation=1, uid=created["metadata"]["name"], creationTimestamp=f"{self.version:04}"
            )
            self.write(created)
            self.written = self.version
        for edit in sorted(step.edits, key=lambda edit: edit.replicas < edit.replica_set["spec"]["replicas"]):
            present = self.sets[edit.replica_set["metadata"]["name"]]
            if present["metadata"]["resourceVersion"] != edit.replica_set["metadata"]["resourceVersion"]:
                return
            changed = copy.deepcopy(present)
            changed["metadata"]["generation"] += changed["spec"]["replicas"] != edit.replicas
            changed["metadata"]["annotations"].update(edit.annotations)
            changed["spec"]["replicas"] = edit.replicas
            self.write(changed)
            self.written = self.version

    def replicate(self, index: int, *, writes: bool = True) -> None:
        """The ReplicaSet controller: tells what it counted, then creates and deletes (unless the API refuses that)."""
        if not self.sets:
            return
        name = sorted(self.sets)[index % len(self.sets)]
        changed, pods = copy.deepcopy(self.sets[name]), self.pods[name]
        changed["status"] = {
            "replicas": len(pods), "availableReplicas": sum(pods), "readyReplicas": sum(pods),
            "observedGeneration": changed["metadata"]["generation"],
        }  # fmt: skip
        if changed["status"] != self.sets[name].get("status"):
            self.write(changed)
        if not writes:
            return
        wanted = changed["spec"]["replicas"]
        pods += [False] * (wanted - len(pods))
        pods.sort()
        del pods[: max(0, len(pods) - wanted)]

    def get_ready(self, index: int) -> None:
        waiting = [name for name in sorted(self.pods) if not all(self.pods[name])]
        if waiting:
            pods = self.pods[waiting[index % len(waiting)]]
            pods[pods.index(False)] = True

    def settle(self) -> None:
        for _ in range(60):
            self.roll()
            for index in range(len(self.sets)):
                self.replicate(index)
            for name in self.pods:
                self.pods[name] = [True] * len(self.pods[name])
            self.deliver(len(self.history))


#: A template changes now and then; else no rollout would get far enough to be wrong.
KINDS = ["roll", "replicate", "deliver", "ready"] * 8 + ["template"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 4)), min_size=40, max_size=120)


@settings(max_examples=60, deadline=None)
@given(replicas=st.integers(1, 6), surge=st.integers(0, 3), unavailable=st.integers(0, 3), steps=STEPS)
def test_a_rolling_update_stays_between_floor_and_ceiling(
    replicas: int, surge: int, unavailable: int, steps: list[tuple[str, int]]
) -> None:
    cluster = Cluster(replicas, surge, unavailable)
    cluster.settle()
    limits = rollout.limits_of(cluster.deployment)
    for step, number in [("template", 1), *steps]:
        if step == "template":
            cluster.deployment["spec"]["template"]["spec"]["v"] += number
        elif step == "roll":
            cluster.roll()
        elif step == "replicate":
            cluster.replicate(number // 2, writes=number % 2 == 0)
        elif step == "deliver":
            cluster.deliver(number)
        else:
            cluster.get_ready(number)
        assert sum(map(sum, cluster.pods.values())) >= limits.least_available
        assert sum(map(len, cluster.pods.values())) <= limits.most
    cluster.settle()
    present = deployment_plan.revisions.find_new(cluster.deployment, list(cluster.sets.values()))
    assert present is not None
    assert {name: len(pods) for name, pods in cluster.pods.items() if pods} == {present["metadata"]["name"]: replicas}
