"""How many replicas samples of Pods ask for: tables, and what holds whatever the samples are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import meta
from hyperpy.components.controllers.autoscaling import autoscaling_pods
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Rules, Sample, Scene, Uncomputable

NOW = 1_700_000_000.0


def pod(
    name: str,
    *,
    request: str | None = "1",
    phase: str = "Running",
    ready: bool | None = True,
    age_s: float = 3600,
    turned_s: float = 3600,
    going: bool = False,
    spec: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A Pod that started `age_s` ago and whose readiness turned `turned_s` ago."""
    requests = {} if request is None else {"requests": {"cpu": request}}
    about: dict[str, Any] = {"name": name}
    if going:
        about["deletionTimestamp"] = meta.timestamp(NOW)
    status: dict[str, Any] = {"phase": phase, "startTime": meta.timestamp(NOW - age_s)}
    if ready is not None:
        turned = meta.timestamp(NOW - turned_s)
        status["conditions"] = [{"type": "Ready", "status": str(ready), "lastTransitionTime": turned}]
    containers = [{"name": "main", "resources": requests}]
    return {"metadata": about, "spec": {"containers": containers, **(spec or {})}, "status": status}


def samples(*values: int | None, at_s: float = 0, window_s: float = 30) -> dict[str, Sample]:
    """By the names a, b, c…; None leaves one out."""
    names = "abcdefghij"
    return {names[i]: Sample(value, NOW - at_s, window_s) for i, value in enumerate(values) if value is not None}


def scene(*selected: dict[str, Any], wanted: int | None = None, **rules: Any) -> Scene:
    count = len(selected) if wanted is None else wanted
    return Scene(selected, count, len(selected), Rules(**rules), NOW)


def utilization(where: Scene, used: dict[str, Sample], target: int = 50, container: str = "") -> autoscaling_pods.Count:
    return autoscaling_pods.by_utilization(where, used, resource="cpu", container=container, target=target)


@pytest.mark.parametrize(
    ("used", "target", "replicas", "share"),
    [
        pytest.param((500, 500), 50, 2, 50, id="as-it-should-be"),
        pytest.param((540, 550), 50, 2, 54, id="near-enough-above"),
        pytest.param((460, 450), 50, 2, 45, id="near-enough-below"),
        pytest.param((560, 560), 50, 3, 56, id="above"),
        pytest.param((1000, 1000), 50, 4, 100, id="twice"),
        pytest.param((100, 100), 50, 1, 10, id="below"),
        pytest.param((0, 0), 50, 0, 0, id="nothing-is-used"),
    ],
)
def test_the_share_of_what_is_requested(used: tuple[int, ...], target: int, replicas: int, share: int) -> None:
    count = utilization(scene(pod("a"), pod("b")), samples(*used), target)
    assert (count.replicas, count.utilization, count.value) == (replicas, share, sum(used) // 2)


@pytest.mark.parametrize(
    ("others", "used", "replicas"),
    [
        pytest.param([pod("c", phase="Pending", ready=False)], (900, 900), 4, id="pending-slows-growth"),
        pytest.param([pod("c", phase="Pending", ready=False)], (100, 100), 1, id="pending-does-not-stop-shrinking"),
        pytest.param([pod("c")], (900, 900), 4, id="missing-slows-growth"),
        pytest.param([pod("c")], (100, 100), 3, id="missing-counts-as-busy-when-it-would-shrink"),
        pytest.param([pod("c"), pod("d"), pod("e")], (600, 600), 5, id="growth-turned-around-is-none"),
        pytest.param([pod("c", going=True)], (900, 900, 5000), 4, id="going-does-not-count"),
        pytest.param([pod("c", phase="Failed")], (900, 900, 5000), 4, id="over-does-not-count"),
        pytest.param([pod("c", ready=False, age_s=60)], (900, 900, 5000), 4, id="starting-and-not-ready"),
        pytest.param([pod("c", age_s=60, turned_s=10)], (900, 900, 5000), 4, id="sample-from-before-it-was-ready"),
        pytest.param([pod("c", ready=False, turned_s=3590)], (900, 900, 5000), 4, id="never-ready"),
        pytest.param([pod("c", ready=False, turned_s=60)], (900, 900, 900), 6, id="was-ready-once-counts"),
        pytest.param([pod("c", ready=None)], (900, 900, 900), 4, id="nobody-says-whether-it-is-ready"),
    ],
)
def test_pods_of_which_little_is_known(others: list[dict[str, Any]], used: tuple[int, ...], replicas: int) -> None:
    count = utilization(scene(pod("a"), pod("b"), *others), samples(*used))
    assert count.replicas == replicas


def test_a_growing_number_of_samples_does_not_turn_a_shrinking_target_around() -> None:
    where = scene(*(pod(name) for name in "abcd"), wanted=1)
    assert utilization(where, samples(100, 100, 100)).replicas == 1


@pytest.mark.parametrize(
    ("where", "used", "why"),
    [
        pytest.param(scene(), samples(1), "no pods returned by selector while calculating replica count", id="no-pods"),
        pytest.param(
            scene(pod("a", ready=None)),
            samples(1),
            "did not receive metrics for targeted pods (pods might be unready)",
            id="unready",
        ),
        pytest.param(
            scene(pod("a", request=None)),
            samples(1),
            "missing request for cpu in container main of Pod a",
            id="no-request",
        ),
        pytest.param(scene(pod("b")), samples(1), "no metrics returned matched known pods", id="of-other-pods"),
    ],
)
def test_what_no_number_follows_from(where: Scene, used: dict[str, Sample], why: str) -> None:
    with pytest.raises(Uncomputable) as error:
        utilization(where, used)
    assert str(error.value) == why


def test_one_container_is_measured_by_its_own_request() -> None:
    spec = {
        "containers": [
            {"name": "main", "resources": {"requests": {"cpu": "2"}}},
            {"name": "log", "resources": {}},
        ],
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}},
            {"name": "init", "resources": {"requests": {"cpu": "9"}}},
        ],
    }
    where = scene(pod("a", spec=spec))
    assert utilization(where, samples(1000), container="main").utilization == 50
    assert utilization(where, samples(1000), container="side").utilization == 200
    with pytest.raises(Uncomputable, match="container other not found in Pod a"):
        utilization(where, samples(1000), container="other")
    with pytest.raises(Uncomputable, match="missing request for cpu in container log of Pod a"):
        utilization(where, samples(1000))


def test_requests_of_the_pod_as_a_whole_come_before_those_of_its_containers() -> None:
    where = scene(pod("a", spec={"resources": {"requests": {"cpu": "4"}}}))
    assert utilization(where, samples(2000)).utilization == 50
    without = scene(pod("a", spec={"resources": {"requests": {"memory": "4Gi"}}}, request=None))
    with pytest.raises(Uncomputable, match="missing pod-level request for cpu in Pod a"):
        utilization(without, samples(2000))


@pytest.mark.parametrize(
    ("used", "others", "replicas", "value"),
    [
        pytest.param((10_000, 20_000), [], 3, 15_000, id="above"),
        pytest.param((10_000, 10_400), [], 2, 10_200, id="near-enough"),
        pytest.param((2_000, 4_000), [pod("c")], 2, 3_000, id="missing-counts-as-the-target"),
        pytest.param((25_000, 25_000), [pod("c")], 5, 25_000, id="missing-counts-as-nothing"),
    ],
)
def test_the_average_over_pods(used: tuple[int, ...], others: list[Any], replicas: int, value: int) -> None:
    count = autoscaling_pods.by_average(scene(pod("a"), pod("b"), *others), samples(*used), target=10_000)
    assert (count.replicas, count.value, count.utilization) == (replicas, value, None)


def test_what_the_pods_share() -> None:
    where = scene(pod("a"), pod("b", ready=False))
    assert autoscaling_pods.by_whole(where, 3_000, target=1_000).replicas == 3
    assert autoscaling_pods.by_whole(where, 1_050, target=1_000).replicas == 2
    assert autoscaling_pods.by_whole(scene(wanted=0), 2_500, target=1_000).replicas == 3
    with pytest.raises(Uncomputable, match="unable to calculate ready pods: no pods returned by selector"):
        autoscaling_pods.by_whole(scene(wanted=3), 2_500, target=1_000)
    part = autoscaling_pods.by_part(where, 5_000, target=1_000)
    assert (part.replicas, part.value) == (5, 2_500)
    assert autoscaling_pods.by_part(where, 2_100, target=1_000).replicas == 2
    assert autoscaling_pods.by_part(scene(), 2_500, target=1_000) == autoscaling_pods.Count(3, 0)


def test_tolerances_are_of_either_direction() -> None:
    where = scene(pod("a"), pod("b"), up=0.5, down=0.0)
    assert utilization(where, samples(700, 700)).replicas == 2
    assert utilization(where, samples(760, 760)).replicas == 4
    assert utilization(where, samples(240, 240)).replicas == 1


states = st.sampled_from(["ready", "pending", "missing", "going", "starting"])


@given(
    st.lists(st.tuples(states, st.integers(0, 3000)), min_size=1, max_size=8), st.integers(1, 200), st.integers(1, 12)
)
def test_what_is_not_known_never_makes_it_move_faster(states: list[tuple[str, int]], target: int, wanted: int) -> None:
    made, used = [], {}
    for i, (state, value) in enumerate(states):
        name = "abcdefgh"[i]
        kinds = {
            "pending": {"phase": "Pending", "ready": False},
            "going": {"going": True},
            "starting": {"ready": False, "age_s": 10},
        }
        made.append(pod(name, **kinds.get(state, {})))
        if state != "missing":
            used[name] = Sample(value, NOW, 30)
    known = [value for state, value in states if state == "ready"]
    where = scene(*made, wanted=wanted)
    if not known:
        with pytest.raises(Uncomputable):
            utilization(where, used, target)
        return
    count = utilization(where, used, target)
    share = sum(known) * 100 // (1000 * len(known))
    assert count.utilization == share
    if all(state == "ready" for state, _ in states):
        return
    most = max(wanted, -(-share * len(made) // target) + 1)
    assert 0 <= count.replicas <= most
