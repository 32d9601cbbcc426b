"""Who has to go for a more important Pod: the order of the rules, the words when nobody can, and promises."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.components.scheduler import preemption
from hyperpy.components.scheduler.filtering import Filters
from hyperpy.components.scheduler.framework import Failure, Room
from hyperpy.components.scheduler.plugins.default_preemption import DefaultPreemption
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.preemption import Candidate

TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def victim(make: Any, name: str, priority: int, began: str = "") -> PodInfo:
    obj = make.pod(name, priority=priority)
    if began:
        obj["status"] = {"startTime": f"2030-01-01T00:00:{began}Z"}
    return PodInfo(obj)


def attempt(board: Any, pod: Any, **budget: int) -> Room:
    """What DefaultPreemption answers for a Pod that fits nowhere."""
    made = board.decide(pod)
    assert made.node is None
    info = PodInfo(pod)
    budgets = [
        {
            "metadata": {"name": app, "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": app}}},
            "status": {"disruptionsAllowed": allowed},
        }
        for app, allowed in budget.items()
    ]
    trial = Filters(info, board.cluster, board.profile, (), None).trial
    rejected = made.by_node(board.cluster.nodes)
    return DefaultPreemption().post_filter(info, Failure(board.cluster, rejected, budgets, offset=0, trial=trial))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(([(9, "")], 0), ([(1, "")], 1), id="fewer-broken-budgets"),
        pytest.param(([(5, ""), (5, ""), (5, "")], 0), ([(6, "")], 0), id="lower-highest-priority"),
        pytest.param(([(5, ""), (1, "")], 0), ([(5, ""), (2, "")], 0), id="smaller-sum"),
        pytest.param(([(5, "")], 0), ([(5, ""), (-5, "")], 0), id="fewer-victims-however-unimportant"),
        pytest.param(([(5, "09"), (1, "00")], 0), ([(5, "08"), (1, "05")], 0), id="most-important-began-later"),
        pytest.param(([(5, "")], 0), ([(5, "59")], 0), id="not-yet-begun"),
    ],
)
def test_the_node_that_is_hurt_least_is_taken(make: Any, better: Any, worse: Any) -> None:
    def candidate(name: str, victims: Any, broken: int) -> Candidate:
        pods = [victim(make, f"{name}{index}", *each) for index, each in enumerate(victims)]
        return Candidate(name, tuple(pods), broken)

    found = [candidate("worse", *worse), candidate("better", *better)]
    assert preemption.least_harm(found).node == preemption.least_harm(found[::-1]).node == "better"


def test_no_more_go_than_have_to_and_the_important_stay(make: Any, board: Any) -> None:
    play = board(make.node("n", cpu="3"))
    for priority in (1, 2, 3):
        play.put(make.pod(f"p{priority}", cpu="1", priority=priority), "n")
    room = attempt(play, make.pod("big", cpu="2", priority=10))
    assert (room.node, [each.name for each in room.victims]) == ("n", ["p2", "p1"])


def test_a_budget_spares_the_less_important(make: Any, board: Any) -> None:
    play = board(make.node("n", cpu="2"))
    play.put(make.pod("protected", cpu="1", priority=1, app="db"), "n")
    play.put(make.pod("free", cpu="1", priority=2), "n")
    pod = make.pod("big", cpu="1", priority=10)
    assert [each.name for each in attempt(play, pod, db=0).victims] == ["free"]
    assert [each.name for each in attempt(play, pod, db=1).victims] == ["protected"]


def test_where_nobody_can_go_it_is_said_why(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b", cpu="1"), make.node("c", taints=[TAINT]), make.node("d"))
    play.put(make.pod("equal", cpu="4", priority=10), "a")
    play.put(make.pod("equal2", cpu="3", priority=10), "d")
    play.put(make.pod("lesser", cpu="1", priority=1), "d")
    pod = make.pod("big", cpu="2", priority=10)
    assert play.why(pod) == ("0/4 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 3 Insufficient cpu.")
    assert attempt(play, pod) == Room(
        "DefaultPreemption", "", message="preemption: 0/4 nodes are available: 1 Insufficient cpu, "
        "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
    )  # fmt: skip


def test_a_daemon_pod_looks_at_its_own_node_only(make: Any, board: Any) -> None:
    play = board(*(make.node(f"n{number}", cpu="1") for number in range(200)))
    field = {"key": "metadata.name", "operator": "In", "values": ["n7"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    made = play.decide(make.pod("fits", cpu="1", affinity=affinity))
    assert (made.node, made.looked_at) == ("n7", 0)
    big = make.pod("big", cpu="2", affinity=affinity)
    assert play.why(big) == (
        "0/200 nodes are available: 1 Insufficient cpu, 199 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )
    assert set(play.decide(big).rejected) == {"n7"}
    assert play.decide(big).rejected_by == {"NodeAffinity", "NodeResourcesFit"}
    assert attempt(play, big).message == (
        "preemption: 0/200 nodes are available: 200 Preemption is not helpful for scheduling."
    )


def test_terms_that_name_other_nodes_contradict_no_other_wish(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b"))
    terms = [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gone"]}]},
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]},
    ]
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert play.decide(make.pod(affinity={"nodeAffinity": rule})).node == "b"


def test_promised_room_counts_for_pods_that_are_not_more_important(make: Any, board: Any) -> None:
    play = board(make.node("n", cpu="2"))
    promised = PodInfo(make.pod("promised", cpu="2", priority=5))
    play.cluster.nominations.put(promised, "n")
    assert play.why(make.pod("equal", cpu="1", priority=5)) == "0/1 nodes are available: 1 Insufficient cpu."
    assert play.decide(make.pod("important", cpu="1", priority=6)).node == "n"
    assert play.decide(promised.obj).node == "n"
    assert not play.cluster.nodes[0].pods


def test_promised_neighbours_keep_others_away(make: Any, board: Any) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    alone = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    play = board(make.node("n"))
    play.cluster.nominations.put(PodInfo(make.pod("promised", app="db", priority=5, affinity=alone)), "n")
    assert "didn't satisfy existing pods anti-affinity rules" in play.why(make.pod("web"))
    assert play.decide(make.pod("other", app="other")).node == "n"
    assert not len(play.cluster.terms)


def test_the_promised_node_is_taken_when_it_is_possible_though_others_are_better(make: Any, board: Any) -> None:
    play = board(make.node("empty"), make.node("promised"))
    play.put(make.pod("other", cpu="2"), "promised")
    pod = make.pod("big", cpu="1", priority=5)
    play.cluster.nominations.put(PodInfo(pod), "promised")
    assert play.decide(pod).node == "promised"


def test_while_a_victim_ends_no_others_are_taken(make: Any, board: Any) -> None:
    play = board(make.node("a", cpu="1"), make.node("b", cpu="1"))
    for name in ("a", "b"):
        play.put(make.pod(f"on-{name}", cpu="1", priority=1), name)
    pod = make.pod("big", cpu="1", priority=5)
    play.cluster.nominations.put(PodInfo(pod), "a", victims=["on-a"])
    assert attempt(play, pod).message == "preemption: not eligible due to a terminating pod on the nominated node."
    play.cluster.nominations.put(PodInfo(pod), "a")
    play.cluster.nominations.give_up(pod["metadata"]["uid"])
    assert attempt(play, pod).node == "a"


def test_no_more_nodes_are_tried_than_are_worth_comparing(make: Any, board: Any) -> None:
    play = board(*(make.node(f"n{number}", cpu="1") for number in range(40)))
    for number in range(40):
        play.put(make.pod(f"p{number}", cpu="1", priority=number % 3, app="db" if number < 5 else "web"), f"n{number}")
    pod = make.pod("big", cpu="1", priority=9)
    made, info = play.decide(pod), PodInfo(pod)
    budget = {
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 0},
    }
    trial = Filters(info, play.cluster, play.profile, (), None).trial
    failure = Failure(play.cluster, made.rejected, [budget], offset=0, trial=trial)
    found, _ = preemption.candidates(info, failure, at_least=3, percent=10)
    assert [each.violations for each in found] == [1, 1, 1, 1, 1, 0], "one that breaks no budget is looked for"
    failure = Failure(play.cluster, made.rejected, [], offset=39, trial=trial)
    found, _ = preemption.candidates(info, failure, at_least=3, percent=10)
    assert [each.node for each in found] == ["n39", "n0", "n1", "n2"]
