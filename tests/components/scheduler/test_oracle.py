"""Decisions and preemptions on random clusters against plain code without caches: the same nodes, the same victims."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.components.scheduler import preemption
from hyperpy.components.scheduler.filtering import Filters
from hyperpy.components.scheduler.framework import Failure
from hyperpy.components.scheduler.pod_info import PodInfo

from . import oracle
from .conftest import Board, Make

Obj = dict[str, Any]
APPS = st.sampled_from(["a", "b"])
TAINT = {"key": "gpu", "effect": "NoSchedule"}


@st.composite
def nodes(draw: Any) -> list[Obj]:
    """One to four nodes, in two zones."""
    return [
        Make.node(
            f"n{index}",
            cpu=str(draw(st.integers(1, 3))),
            pods=str(draw(st.integers(1, 5))),
            zone=draw(st.sampled_from(["x", "y"])),
            labels={"disk": draw(st.sampled_from(["ssd", "hdd"]))},
            **draw(st.sampled_from([{}, {}, {}, {"taints": [TAINT]}, {"unschedulable": True}])),
        )
        for index in range(draw(st.integers(1, 4)))
    ]


@st.composite
def pod(draw: Any, number: int) -> Obj:
    """A Pod with some of the wishes that filters look at."""
    spec: Obj = {"priority": draw(st.integers(0, 3))}
    if draw(st.integers(0, 4)) == 0:
        spec["nodeSelector"] = {"disk": "ssd"}
    if draw(st.booleans()):
        spec["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    if draw(st.integers(0, 3)) == 0:
        spec["container"] = {"ports": [{"containerPort": 1, "hostPort": draw(st.integers(1, 2))}]}
    if draw(st.integers(0, 4)) == 0:
        term = {"labelSelector": {"matchLabels": {"app": draw(APPS)}}, "topologyKey": "kubernetes.io/hostname"}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    if draw(st.integers(0, 4)) == 0:
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": draw(st.integers(1, 2)), "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": draw(APPS)}},
            }
        ]  # fmt: skip
    container = spec.pop("container", {})
    cpu = f"{draw(st.integers(0, 15))}00m"
    container["resources"] = {"requests": {"cpu": cpu}}
    made = Make.pod(f"p{number}", app=draw(APPS), container=container, **spec)
    made["metadata"]["uid"] = str(number)
    began = draw(st.integers(-1, 3))
    made["status"] = {"startTime": f"2030-01-01T00:00:0{began}Z"} if began >= 0 else {}
    return made


@st.composite
def clusters(draw: Any) -> tuple[list[Obj], list[Obj]]:
    """Nodes, and Pods to be scheduled one after the other."""
    return draw(nodes()), [draw(pod(number)) for number in range(draw(st.integers(1, 10)))]


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_a_pod_goes_where_plain_code_lets_it_and_stays_away_from_everywhere_else(
    cluster: tuple[list[Obj], list[Obj]],
) -> None:
    there, coming = cluster
    board, placed = Board(*there), []
    for each in coming:
        possible = {node["metadata"]["name"] for node in there if oracle.fits(each, node, there, placed)}
        made = board.decide(each)
        assert (made.node in possible) if possible else made.node is None
        assert possible or set(made.rejected) == {node["metadata"]["name"] for node in there}
        if made.node is not None:
            board.put(each, made.node)
            placed.append({**each, "spec": {**each["spec"], "nodeName": made.node}})
    for node in there:
        mine = oracle.on(node, placed)
        room = node["status"]["allocatable"]
        assert sum(map(oracle.cpu, mine)) <= int(room["cpu"]) * 1000 and len(mine) <= int(room["pods"])


@settings(max_examples=250, deadline=None)
@given(clusters(), st.lists(st.tuples(APPS, st.integers(0, 2)), max_size=2), st.integers(0, 7))
def test_the_victims_are_those_that_plain_code_chooses(
    cluster: tuple[list[Obj], list[Obj]], allowed: list[tuple[str, int]], offset: int
) -> None:
    there, coming = cluster
    board, placed = Board(*there), []
    budgets = [
        {
            "metadata": {"name": app, "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": app}}},
            "status": {"disruptionsAllowed": number},
        }
        for app, number in allowed
    ]
    for each in coming:
        made = board.decide(each)
        if made.node is not None:
            board.put(each, made.node)
            placed.append({**each, "spec": {**each["spec"], "nodeName": made.node}})
            continue
        before = _taken(board)
        info = PodInfo(each)
        trial = Filters(info, board.cluster, board.profile, (), None).trial
        failure = Failure(board.cluster, made.rejected, budgets, offset=offset, trial=trial)
        found, _ = preemption.candidates(info, failure)
        assert _taken(board) == before, "a trial leaves everything as it was"
        expected = {
            node["metadata"]["name"]: outcome
            for node in there
            if (outcome := oracle.victims(each, node, there, placed, budgets)) is not None
        }
        real = {one.node: ({victim.name for victim in one.victims}, one.violations) for one in found}
        assert real == {
            name: ({victim["metadata"]["name"] for victim in victims}, broken)
            for name, (victims, broken) in expected.items()
        }
        if found:
            best = preemption.least_harm(found)
            assert oracle.harm(*expected[best.node]) == min(oracle.harm(*one) for one in expected.values())


def _taken(board: Board) -> Any:
    """What is counted of the Pods there are."""
    return [
        (
            node.name, set(node.pods), node.requested_cpu, node.requested_memory, dict(node.priorities),
            {port: dict(users) for port, users in node.ports.items()},
        )
        for node in board.cluster.nodes
    ]  # fmt: skip
