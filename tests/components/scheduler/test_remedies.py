"""What would help a Pod that fits nowhere: every change that is offered does help, and the smallest comes first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.components.scheduler import judging, remedies
from hyperpy.components.scheduler.pod_info import PodInfo

GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def helped(play: Any, pod: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = remedies.find(pod, play.cluster, play.profile)
    assert not found.fits
    return [(" + ".join(each.steps), each.nodes) for each in found.remedies]


def anti(app: str) -> Any:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


@pytest.mark.parametrize(
    ("node", "pod", "first"),
    [
        pytest.param({"unschedulable": True}, {}, "uncordon it", id="cordoned"),
        pytest.param(
            {"taints": [GPU]}, {}, "remove the taint gpu=yes:NoSchedule from it, or tolerate that", id="taint"
        ),
        pytest.param(
            {"taints": [NOT_READY]}, {},
            "find out why it has the taint node.kubernetes.io/not-ready, which goes by itself", id="not-ready",
        ),
        pytest.param({}, {"nodeSelector": {"disk": "ssd"}}, "label it disk=ssd", id="selector"),
        pytest.param({}, {"cpu": "6"}, "ask for at most 4 cpu", id="cpu"),
        pytest.param({}, {"cpu": "6", "memory": "9Gi"}, "ask for at most 4 cpu, 8Gi memory", id="cpu-and-memory"),
        pytest.param({"cpu": "0"}, {"cpu": "1"}, "1 more cpu on it", id="nothing-left"),
        pytest.param(
            {"unschedulable": True, "taints": [GPU]}, {"cpu": "6"},
            "uncordon it + remove the taint gpu=yes:NoSchedule from it, or tolerate that + ask for at most 4 cpu",
            id="three-together",
        ),
        pytest.param(
            {"unschedulable": True},
            {"topologySpreadConstraints": [
                {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
                 "labelSelector": {"matchLabels": {"app": "web"}}}]},
            "uncordon it + label it zone=VALUE", id="no-domain",
        ),
    ],
)  # fmt: skip
def test_the_smallest_change_comes_first(make: Any, board: Any, node: Any, pod: Any, first: str) -> None:
    assert helped(board(make.node("n", **node)), make.pod(**pod))[0] == (first, ("n",))


def test_the_end_of_a_pod_helps_where_it_has_enough(make: Any, board: Any) -> None:
    play = board(make.node("n"))
    play.put(make.pod("big", cpu="3"), "n")
    play.put(make.pod("small", cpu="500m"), "n")
    assert helped(play, make.pod(cpu="2")) == [
        ("ask for at most 500m cpu", ("n",)),
        ("1500m more cpu on it", ("n",)),
        ("delete the pod default/big from it", ("n",)),
    ]


def test_a_pod_that_must_not_be_near_may_go_or_the_rule_may(make: Any, board: Any) -> None:
    play = board(make.node("n"))
    play.put(make.pod("other", app="db"), "n")
    assert helped(play, make.pod(affinity=anti("db"))) == [
        ("delete the pod default/other from it", ("n",)),
        ("make the pod's required pod anti-affinity a preference", ("n",)),
    ]


def test_the_holder_of_a_host_port_may_go(make: Any, board: Any) -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    play = board(make.node("n"))
    play.put(make.pod("holder", container=port), "n")
    assert helped(play, make.pod(container=port)) == [("delete the pod default/holder from it", ("n",))]


def test_nodes_where_the_same_helps_stand_together(make: Any, board: Any) -> None:
    play = board(make.node("a", unschedulable=True), make.node("b", unschedulable=True), make.node("c", cpu="1"))
    assert helped(play, make.pod(cpu="2"))[0] == ("uncordon it", ("a", "b"))


def test_nodes_that_would_take_the_pod_now_are_told(make: Any, board: Any) -> None:
    play = board(make.node("a"), make.node("b", unschedulable=True))
    assert remedies.find(make.pod(), play.cluster, play.profile).fits == ("a",)


NODES = st.lists(
    st.fixed_dictionaries({
        "cpu": st.sampled_from(["0", "1", "2"]), "unschedulable": st.booleans(),
        "taints": st.sampled_from([[], [GPU]]), "labels": st.sampled_from([{}, {"disk": "ssd"}]),
    }),
    min_size=1, max_size=4,
)  # fmt: skip
PODS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["500m", "1", "2"]), st.sampled_from(["db", "web"])))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=NODES, placed=PODS, cpu=st.sampled_from(["500m", "1", "3"]), data=st.data())
def test_asking_changes_nothing_and_deleting_a_pod_helps_as_told(
    make: Any, board: Any, nodes: Any, placed: Any, cpu: str, data: Any
) -> None:
    def fresh(without: str = "") -> Any:
        play = board(*(make.node(f"n{number}", **node) for number, node in enumerate(nodes)))
        for number, (index, amount, app) in enumerate(placed):
            if f"default/p{number}" != without:
                play.put(make.pod(f"p{number}", cpu=amount, app=app), f"n{index % len(nodes)}")
        return play

    selector = data.draw(st.sampled_from([{}, {"disk": "ssd"}]))
    pod = make.pod("new", cpu=cpu, nodeSelector=selector, affinity=data.draw(st.sampled_from([{}, anti("db")])))
    play = fresh()
    before = play.decide(pod)
    found = remedies.find(pod, play.cluster, play.profile)
    after = play.decide(pod)
    assert (after.rejected, after.node is None) == (before.rejected, before.node is None)
    assert [node.node for node in play.cluster.nodes] == [node.node for node in fresh().cluster.nodes]
    assert bool(found.fits) == (before.node is not None)
    for each in found.remedies:
        if len(each.steps) == 1 and each.steps[0].startswith("delete the pod "):
            again = fresh(each.steps[0].split()[3])
            assert again.decide(pod).node in (*each.nodes, *found.fits)


def test_plugins_that_cannot_be_asked_are_named(make: Any) -> None:
    pod = make.pod(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    profile, unasked = judging.profile(pod, ["NodeName", "VolumeBinding", "Quiet", "NodeAffinity"], ["NodeAffinity"])
    assert unasked == {"VolumeBinding", "Quiet", "NodeAffinity"}
    assert [plugin.name for plugin in profile.filters] == ["NodeName"]


def test_a_view_of_the_cluster_knows_nodes_pods_and_namespaces(make: Any) -> None:
    placed = {**make.pod("on"), "spec": {**make.pod("on")["spec"], "nodeName": "n"}}
    view = judging.cluster(
        [make.node("n")], [placed, make.pod("waits")], [{"metadata": {"name": "x", "labels": {"a": "b"}}}]
    )
    assert [pod.name for pod in view.nodes[0].pods.values()] == ["on"]
    assert view.namespace_labels("x") == {"a": "b"} and PodInfo(placed).key == "default/on"
