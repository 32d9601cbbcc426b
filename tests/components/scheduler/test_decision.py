"""The decision for one pod: which nodes are refused and why, which one is best, and that nothing is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.components.scheduler.node_info import Snapshot
from hyperpy.components.scheduler.plugins import profile
from hyperpy.components.scheduler.pod_info import read
from hyperpy.components.scheduler.resources import pod_requests


def node(name, *, cpu="4", memory="8Gi", pods="110", labels=None, **spec):
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}},
    }


def pod(name="p", *, cpu=None, memory=None, **spec):
    requests = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    container = {"name": "c", "image": "i", "resources": {"requests": requests}, **spec.pop("container", {})}
    return read(
        {"metadata": {"name": name, "namespace": "d", "uid": name}, "spec": {"containers": [container], **spec}}
    )


def snapshot(*nodes):
    made = Snapshot()
    for each in nodes:
        made.set_node(each["metadata"]["name"], each)
    return made


def decide(wanted, *nodes):
    return profile.default().decide(wanted, snapshot(*nodes).nodes())


@pytest.mark.parametrize(
    ("wanted", "on", "told"),
    [
        pytest.param(pod(cpu="5"), node("n"), "1 Insufficient cpu", id="cpu"),
        pytest.param(pod(memory="9Gi"), node("n"), "1 Insufficient memory", id="memory"),
        pytest.param(pod(), node("n", pods="0"), "1 Too many pods", id="pods"),
        pytest.param(pod(), node("n", unschedulable=True), "1 node(s) were unschedulable", id="cordoned"),
        pytest.param(
            pod(),
            node("n", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}]),
            "1 node(s) had untolerated taint {k: v}",
            id="taint",
        ),
        pytest.param(
            pod(nodeSelector={"disk": "ssd"}),
            node("n"),
            "1 node(s) didn't match Pod's node affinity/selector",
            id="selector",
        ),
        pytest.param(
            pod(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}),
            node("n"),
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution "
            "is not supported by this scheduler yet",
            id="unsupported rule",
        ),
    ],
)
def test_a_pod_that_does_not_fit_is_told_why(wanted, on, told):
    decision = decide(wanted, on)
    assert decision.node is None
    assert decision.message() == f"0/1 nodes are available: {told}."


def test_reasons_are_counted_over_all_nodes():
    decision = decide(pod(cpu="5"), node("a"), node("b"), node("c", unschedulable=True))
    assert decision.message() == "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu."
    assert decide(pod()).message() == "no nodes available to schedule pods"


def test_tolerations_and_affinity_let_a_pod_in():
    tainted = node("n", taints=[{"key": "k", "effect": "NoSchedule"}], labels={"zone": "a"})
    terms = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}]}
    wanted = pod(
        tolerations=[{"key": "k", "operator": "Exists"}],
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
    )
    assert decide(wanted, tainted).node == "n"


def test_a_host_port_is_given_once_a_node():
    world = snapshot(node("a"), node("b"))
    ports = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    taken = set()
    for number in range(2):
        wanted = pod(f"p{number}", container=ports)
        chosen = profile.default().decide(wanted, world.nodes()).node
        world.place(wanted, chosen)
        taken.add(chosen)
    assert taken == {"a", "b"}
    assert "didn't have free ports" in profile.default().decide(pod("p3", container=ports), world.nodes()).message()


def test_the_emptier_node_is_preferred():
    world = snapshot(node("a"), node("b"))
    world.place(pod("big", cpu="3", memory="6Gi"), "a")
    assert profile.default().decide(pod("p", cpu="100m"), world.nodes()).node == "b"


def test_init_containers_count_as_their_peak_and_sidecars_with_the_rest():
    def container(cpu, **more):
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "containers": [container("1"), container("1")],
        "initContainers": [container("500m", restartPolicy="Always"), container("3")],
        "overhead": {"cpu": "100m"},
    }
    assert pod_requests({"spec": spec}) == {"cpu": 3600}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["n1", "n2", None])), max_size=40))
def test_what_is_taken_on_a_node_is_always_the_sum_of_its_pods(steps):
    world = snapshot(node("n1"), node("n2"))
    where = {}
    for uid, place in steps:
        if place:
            world.place(pod(uid, cpu="100m"), place)
            where[uid] = place
        else:
            world.remove(uid)
            where.pop(uid, None)
    for info in world.nodes():
        count = sum(place == info.name for place in where.values())
        assert info.requested["cpu"] == 100 * count
        assert info.requested["pods"] == count
