"""Pods near and away from other Pods: affinity, anti-affinity, topology spread."""

from __future__ import annotations

from typing import Any

import pytest

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def term(app: str, key: str = "zone", **more: Any) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def near(app: str, **more: Any) -> dict[str, Any]:
    return {"podAffinity": {REQUIRED: [term(app, **more)]}}


def away(app: str, **more: Any) -> dict[str, Any]:
    return {"podAntiAffinity": {REQUIRED: [term(app, **more)]}}


@pytest.fixture
def three(make: Any, board: Any) -> Any:
    nodes = [make.node("a1", zone="a"), make.node("a2", zone="a"), make.node("b1", zone="b")]
    return board(*nodes, namespaces={"team": {"kind": "team"}})


def test_affinity_follows_a_pod_into_its_zone(make: Any, three: Any) -> None:
    three.put(make.pod("db", app="db"), "b1")
    assert three.decide(make.pod(affinity=near("db"))).node == "b1"


def test_affinity_to_nobody_fits_nowhere_but_for_the_first_of_its_own_kind(make: Any, three: Any) -> None:
    assert three.why(make.pod(affinity=near("db"))) == (
        "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."
    )
    first = three.schedule(make.pod("one", affinity=near("web")))
    second = three.schedule(make.pod("two", affinity=near("web")))
    assert first[0] == second[0]


def test_anti_affinity_holds_for_the_newcomer_and_for_those_who_are_there(make: Any, three: Any) -> None:
    three.put(make.pod("db", app="db"), "a1")
    assert three.decide(make.pod(affinity=away("db"))).node == "b1"
    three.put(make.pod("hermit", app="hermit", affinity=away("web")), "b1")
    assert three.decide(make.pod()).node in ("a1", "a2")
    assert three.why(make.pod(affinity=away("db"))) == (
        "0/3 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules, "
        "2 node(s) didn't match pod anti-affinity rules."
    )


def test_a_gone_pod_keeps_nobody_away(make: Any, three: Any) -> None:
    three.put(make.pod("hermit", affinity=away("web")), "b1")
    three.cluster.remove_pod("hermit")
    assert {three.schedule(make.pod(f"p{n}", cpu="1")) for n in range(3)} == {"a1", "a2", "b1"}


def test_a_term_reaches_other_namespaces_only_when_it_says_so(make: Any, three: Any) -> None:
    three.put(make.pod("db", app="db", namespace="team"), "a1")
    assert three.decide(make.pod(affinity=near("db"))).node is None
    assert three.decide(make.pod(affinity=near("db", namespaces=["team"]))).node in ("a1", "a2")
    chosen = near("db", namespaceSelector={"matchLabels": {"kind": "team"}})
    assert three.decide(make.pod(affinity=chosen)).node in ("a1", "a2")


def test_wishes_pull_and_push(make: Any, three: Any) -> None:
    three.put(make.pod("db", app="db"), "b1")
    wish = {"weight": 100, "podAffinityTerm": term("db")}
    assert three.decide(make.pod(affinity={"podAffinity": {PREFERRED: [wish]}})).node == "b1"
    assert three.decide(make.pod(affinity={"podAntiAffinity": {PREFERRED: [wish]}})).node in ("a1", "a2")


def spread(action: str, *, key: str = "zone", skew: int = 1, **more: Any) -> list[dict[str, Any]]:
    selector = {"matchLabels": {"app": "web"}}
    return [{"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": action, "labelSelector": selector, **more}]


def test_a_hard_constraint_keeps_zones_even(make: Any, three: Any) -> None:
    rule = spread("DoNotSchedule")
    zones = [three.schedule(make.pod(f"p{n}", topologySpreadConstraints=rule))[0] for n in range(6)]
    assert sorted(zones) == list("aaabbb")
    full = three.node = three.cluster.node("b1")
    full.allowed_pods = 0
    three.schedule(make.pod("p6", topologySpreadConstraints=rule))
    assert three.why(make.pod("p7", topologySpreadConstraints=rule)) == (
        "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't match pod topology spread constraints."
    )


def test_zones_are_those_of_today(make: Any, board: Any) -> None:
    """What is remembered of the nodes from Pod to Pod is forgotten when one of them changes or goes."""
    play = board(make.node("a", zone="x"), make.node("b", zone="y"))
    rule = spread("DoNotSchedule")

    def where(name: str) -> Any:
        return play.schedule(make.pod(name, topologySpreadConstraints=rule))

    assert sorted([where("p0"), where("p1")]) == ["a", "b"]
    play.cluster.put_node(make.node("c", zone="z"))
    assert where("p2") == "c"
    play.cluster.put_node(make.node("c", zone="y"))
    assert where("p3") == "a"
    play.cluster.remove_node("a")
    assert sorted([where("p4"), where("p5")]) == ["b", "c"]


def test_a_node_without_the_label_is_told_apart(make: Any, board: Any) -> None:
    assert board(make.node("n")).why(make.pod(topologySpreadConstraints=spread("DoNotSchedule"))) == (
        "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label)."
    )


def test_leaving_pods_do_not_count_and_too_few_domains_do(make: Any, three: Any) -> None:
    leaving = make.pod("old")
    leaving["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    three.put(leaving, "a1")
    rule = spread("DoNotSchedule", minDomains=3)
    assert three.schedule(make.pod("p0", topologySpreadConstraints=rule)) is not None
    assert three.schedule(make.pod("p1", topologySpreadConstraints=rule)) is not None
    assert three.decide(make.pod("p2", topologySpreadConstraints=rule)).node is None


def test_a_soft_constraint_only_prefers(make: Any, three: Any) -> None:
    rule = spread("ScheduleAnyway")
    three.put(make.pod("one"), "a1")
    assert three.decide(make.pod("two", topologySpreadConstraints=rule)).node == "b1"
    three.cluster.node("b1").allowed_pods = 0
    assert three.decide(make.pod("two", topologySpreadConstraints=rule)).node in ("a1", "a2")


def test_match_label_keys_spread_each_revision_by_itself(make: Any, three: Any) -> None:
    rule = spread("DoNotSchedule", matchLabelKeys=["rev"])
    for number in range(2):
        old = make.pod(f"old{number}", topologySpreadConstraints=rule)
        old["metadata"]["labels"]["rev"] = "1"
        three.schedule(old)
    zones = []
    for number in range(2):
        new = make.pod(f"new{number}", topologySpreadConstraints=rule)
        new["metadata"]["labels"]["rev"] = "2"
        zones.append(three.schedule(new)[0])
    assert sorted(zones) == ["a", "b"]
