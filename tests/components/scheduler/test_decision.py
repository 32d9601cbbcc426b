"""Which node a Pod gets, plugin by plugin, and the words that users read when it gets none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.components.scheduler import decision, requests
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.pod_info import PodInfo

TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("pod", "node", "told"),
    [
        pytest.param({"cpu": "5"}, {}, "1 Insufficient cpu", id="cpu"),
        pytest.param({"cpu": "5", "memory": "9Gi"}, {}, "1 Insufficient cpu, 1 Insufficient memory", id="both"),
        pytest.param({}, {"pods": "0"}, "1 Too many pods", id="count"),
        pytest.param(
            {"container": {"resources": {"requests": {"example.com/gpu": "1"}}}}, {},
            "1 Insufficient example.com/gpu", id="extended-resource",
        ),
        pytest.param({}, {"unschedulable": True}, "1 node(s) were unschedulable", id="cordoned"),
        pytest.param({}, {"taints": [TAINT]}, "1 node(s) had untolerated taint {gpu: yes}", id="taint"),
        pytest.param(
            {}, {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]},
            "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }", id="taint-without-value",
        ),
        pytest.param(
            {"nodeSelector": {"disk": "ssd"}}, {}, "1 node(s) didn't match Pod's node affinity/selector", id="selector"
        ),
    ],
)  # fmt: skip
def test_a_pod_that_fits_nowhere_is_told_why(
    make: Any, board: Any, pod: dict[str, Any], node: dict[str, Any], told: str
) -> None:
    assert board(make.node("n", **node)).why(make.pod(**pod)) == f"0/1 nodes are available: {told}."


def test_reasons_are_counted_over_all_nodes(make: Any, board: Any) -> None:
    nodes = [make.node("a"), make.node("b"), make.node("c", taints=[TAINT])]
    assert board(*nodes).why(make.pod(cpu="9")) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 2 Insufficient cpu."
    )
    assert board().why(make.pod()) == "no nodes available to schedule pods"


def test_a_toleration_opens_a_tainted_node(make: Any, board: Any) -> None:
    tolerations = [{"key": "gpu", "operator": "Exists"}]
    assert board(make.node("n", taints=[TAINT])).decide(make.pod(tolerations=tolerations)).node == "n"


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        pytest.param({"key": "zone", "operator": "In", "values": ["a", "b"]}, ["a", "b"], id="in"),
        pytest.param({"key": "zone", "operator": "NotIn", "values": ["a"]}, ["b", "c"], id="not-in"),
        pytest.param({"key": "size", "operator": "Gt", "values": ["2"]}, ["c"], id="greater"),
        pytest.param({"key": "size", "operator": "DoesNotExist"}, ["a"], id="missing"),
    ],
)
def test_required_node_affinity(make: Any, board: Any, expression: dict[str, Any], fits: list[str]) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    pod = make.pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})
    for name, labels in (("a", {}), ("b", {"size": "2"}), ("c", {"size": "3"})):
        found = board(make.node(name, zone=name, labels=labels)).decide(pod).node
        assert (found == name) == (name in fits)


def test_preferred_node_affinity_outweighs_room(make: Any, board: Any) -> None:
    wish = {"weight": 100, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}}
    pod = make.pod(cpu="1", affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}})
    play = board(make.node("x", zone="a"), make.node("y", zone="b"))
    play.put(make.pod("other", cpu="1"), "x")
    assert play.decide(pod).node == "x"


def test_match_fields_name_a_node(make: Any, board: Any) -> None:
    field = {"key": "metadata.name", "operator": "In", "values": ["b"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    pod = make.pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})
    assert board(make.node("a"), make.node("b")).decide(pod).node == "b"


def test_host_ports_are_not_shared(make: Any, board: Any) -> None:
    def wants(name: str, **port: Any) -> Any:
        return make.pod(name, container={"ports": [{"containerPort": 80, "hostPort": 80, **port}]})

    play = board(make.node("a"))
    play.put(wants("first", hostIP="10.0.0.1"), "a")
    assert play.decide(wants("other-address", hostIP="10.0.0.2")).node == "a"
    assert play.decide(wants("udp", protocol="UDP")).node == "a"
    assert play.why(wants("any")) == (
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    )


def test_the_emptiest_node_is_best_and_pods_spread(make: Any, board: Any) -> None:
    play = board(*(make.node(name) for name in "abc"))
    play.put(make.pod("big", cpu="2", memory="4Gi"), "a")
    assert sorted(play.schedule(make.pod(f"p{n}", cpu="500m", memory="1Gi")) for n in range(4)) == ["b", "b", "c", "c"]


def test_the_better_balance_wins_at_equal_room(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b"))
    play.put(make.pod("cpu", cpu="2"), "a")
    play.put(make.pod("memory", memory="4Gi"), "b")
    assert play.decide(make.pod(cpu="1", memory="100Mi")).node == "b"


def test_a_present_image_attracts(make: Any, board: Any) -> None:
    images = [{"names": ["x:latest"], "sizeBytes": 900 * 2**20}]
    play = board(make.node("a"), make.node("b", images=images), make.node("c"))
    assert play.decide(make.pod()).node == "b"


def test_a_node_that_asks_not_to_be_used_is_the_last_choice(make: Any, board: Any) -> None:
    taint = {"key": "old", "effect": "PreferNoSchedule"}
    play = board(make.node("a", taints=[taint]), make.node("b"))
    play.put(make.pod("big", cpu="3"), "b")
    assert play.decide(make.pod(cpu="100m")).node == "b"


def test_init_containers_count_at_their_peak_and_sidecars_with_the_rest() -> None:
    def container(cpu: str, **more: Any) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "initContainers": [container("500m", restartPolicy="Always"), container("3")],
        "containers": [container("1"), container("1")],
        "overhead": {"cpu": "100m"},
    }
    assert requests.of_pod({"spec": spec}).cpu == 3600
    spec["initContainers"].pop()
    assert requests.of_pod({"spec": spec}).cpu == 2600


def test_of_many_nodes_only_some_are_scored_and_all_get_their_turn(make: Any, board: Any) -> None:
    play = board(*(make.node(f"n{n}") for n in range(1000)))
    made = play.decide(make.pod())
    assert made.looked_at == decision.enough(1000) == 100
    assert play.decide(make.pod(cpu="5")).looked_at == 1000


STEPS = st.lists(st.tuples(st.sampled_from(["put", "remove", "relabel"]), st.integers(0, 5), st.integers(0, 2)))


@settings(max_examples=60)
@given(STEPS)
def test_what_is_taken_is_always_the_sum_of_the_pods_that_are_there(steps: list[tuple[str, int, int]]) -> None:
    cluster = ClusterState()
    for index in range(3):
        allocatable = {"cpu": "8", "pods": "10"}
        cluster.put_node({"metadata": {"name": f"n{index}"}, "spec": {}, "status": {"allocatable": allocatable}})
    there: dict[str, Any] = {}
    for step, number, node in steps:
        uid = f"p{number}"
        if step == "remove":
            cluster.remove_pod(uid)
            there.pop(uid, None)
            continue
        container = {"name": "c", "resources": {"requests": {"cpu": f"{number}00m"}}}
        container["ports"] = [{"containerPort": 1, "hostPort": number + 1}]
        metadata = {"name": uid, "namespace": "d", "uid": uid, "labels": {"v": step}}
        there[uid] = {"metadata": metadata, "spec": {"containers": [container], "nodeName": f"n{node}"}}
        if step == "put" and uid not in [pod.uid for each in cluster.nodes for pod in each.pods.values()]:
            cluster.assume(PodInfo(there[uid]), f"n{node}")
        else:
            cluster.place(there[uid])
        cluster.matches.of("v", lambda pod: pod.labels.get("v") == "put", cluster.nodes)
        real = cluster.pod(uid)
        assert real is not None
        there[uid] = real.obj
    placed = {pod.uid: (each.name, pod) for each in cluster.nodes for pod in each.pods.values()}
    assert set(placed) == set(there)
    for each in cluster.nodes:
        assert each.requested_cpu == sum(pod.requests.cpu for pod in each.pods.values())
        assert len(each.ports) == len({port for pod in each.pods.values() for port in pod.ports})
    counts = cluster.matches.of("v", lambda pod: pod.labels.get("v") == "put", cluster.nodes)
    assert sum(counts.values()) == sum(pod.labels["v"] == "put" for _, pod in placed.values())
