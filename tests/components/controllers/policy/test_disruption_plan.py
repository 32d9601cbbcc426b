"""What a budget allows: tables, and that it never allows more than its Pods can bear."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import meta
from hyperpy.components.controllers.policy import disruption_plan
from hyperpy.components.controllers.upkeep.selector_text import spelled

NOW = 1_700_000_000.0


def pod(name: str, *, ready: bool = True, going: bool = False, age_s: float = 1000, **status: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"name": name, "creationTimestamp": meta.timestamp(NOW - age_s)}
    if going:
        about["deletionTimestamp"] = meta.timestamp(NOW)
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", ())]
    return {"metadata": about, "status": {"phase": "Running", "conditions": conditions, **status}}


def budget(*, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "b", "generation": 3}, "spec": spec, "status": status or {}}


def counts(plan: disruption_plan.Plan) -> tuple[int, ...]:
    status = plan.status
    names = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    return tuple(status[name] for name in names)


@pytest.mark.parametrize(
    ("spec", "scale", "expected"),
    [
        pytest.param({"minAvailable": 2}, 9, (3, 2, 2, 0), id="a-number-is-about-the-pods-there-are"),
        pytest.param({"minAvailable": 1}, 0, (3, 2, 1, 1), id="one-to-spare"),
        pytest.param({"minAvailable": 5}, 0, (3, 2, 5, 0), id="more-than-there-are"),
        pytest.param({"minAvailable": "50%"}, 3, (3, 2, 2, 0), id="a-share-rounds-up"),
        pytest.param({"minAvailable": "50%"}, 2, (2, 2, 1, 1), id="a-share-of-the-scale"),
        pytest.param({"maxUnavailable": 1}, 3, (3, 2, 2, 0), id="unavailable"),
        pytest.param({"maxUnavailable": 9}, 3, (3, 2, 0, 2), id="all-may-be-away"),
        pytest.param({"maxUnavailable": "34%"}, 3, (3, 2, 1, 1), id="a-share-that-is-away-rounds-up"),
        pytest.param({"maxUnavailable": 0}, 3, (3, 2, 3, 0), id="none-may-be-away"),
        pytest.param({"maxUnavailable": 1}, 0, (0, 2, 0, 0), id="nothing-is-expected"),
        pytest.param({}, 3, (0, 2, 0, 0), id="no-bound"),
    ],
)
def test_a_count(spec: dict[str, Any], scale: int, expected: tuple[int, ...]) -> None:
    covered = [pod("a"), pod("b"), pod("c", ready=False)]
    assert counts(disruption_plan.plan(budget(**spec), covered, scale=scale, now=NOW)) == expected


def test_a_budget_tells_of_which_generation_and_why() -> None:
    old = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "SyncFailed",
        "message": "no",
        "observedGeneration": 1,
    }
    planned = disruption_plan.plan(
        budget(minAvailable=0, status={"conditions": [{**old, "lastTransitionTime": "x"}]}),
        [pod("a")],
        scale=0,
        now=NOW,
    )
    assert planned.status["observedGeneration"] == 3
    assert planned.status["conditions"] == [
        {
            "type": "DisruptionAllowed",
            "status": "True",
            "reason": "SufficientPods",
            "message": "",
            "observedGeneration": 3,
            "lastTransitionTime": meta.timestamp(NOW),
        }
    ]


def test_an_open_eviction_does_not_count_as_healthy_until_its_time_is_over() -> None:
    noted = {"a": meta.timestamp(NOW - 50), "b": meta.timestamp(NOW - 120), "c": meta.timestamp(NOW), "x": "never"}
    covered = [pod("a"), pod("b"), pod("c", going=True), pod("d")]
    planned = disruption_plan.plan(budget(minAvailable=1, status={"disruptedPods": noted}), covered, scale=0, now=NOW)
    assert planned.status["disruptedPods"] == {"a": noted["a"]}
    assert [each["metadata"]["name"] for each in planned.overdue] == ["b"]
    assert planned.recheck_s == 70
    assert counts(planned) == (4, 2, 1, 1)


def test_a_new_pod_with_the_name_of_an_evicted_one_counts() -> None:
    noted = {"web-0": meta.timestamp(NOW - 10)}
    planned = disruption_plan.plan(
        budget(minAvailable=0, status={"disruptedPods": noted}), [pod("web-0", age_s=5)], scale=0, now=NOW
    )
    assert (planned.status.get("disruptedPods"), planned.status["currentHealthy"]) == (None, 1)


def test_a_budget_that_cannot_be_counted_allows_nothing_and_keeps_what_it_knew() -> None:
    status = disruption_plan.failed(
        budget(status={"disruptionsAllowed": 2, "currentHealthy": 3, "disruptedPods": {"a": "t"}}), "why", now=NOW
    )
    assert (status["disruptionsAllowed"], status["currentHealthy"], status["disruptedPods"]) == (0, 3, {"a": "t"})
    assert (status["conditions"][0]["reason"], status["conditions"][0]["message"]) == ("SyncFailed", "why")


TARGET = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": meta.timestamp(NOW - 30)}


@pytest.mark.parametrize(
    ("changed", "wait_s"),
    [
        pytest.param({"conditions": [TARGET]}, 90, id="a-while-yet"),
        pytest.param({"conditions": [{**TARGET, "lastTransitionTime": meta.timestamp(NOW - 200)}]}, 0, id="it-is"),
        pytest.param({"conditions": [{**TARGET, "status": "False"}]}, None, id="taken-back"),
        pytest.param({"conditions": [{**TARGET, "reason": "TerminationByKubelet"}]}, None, id="the-kubelet-s-own"),
        pytest.param({"conditions": [TARGET], "going": True}, None, id="it-goes"),
        pytest.param({"conditions": [TARGET], "phase": "Failed"}, None, id="it-is-over"),
        pytest.param({}, None, id="no-condition"),
    ],
)
def test_when_a_condition_is_out_of_date(changed: dict[str, Any], wait_s: float | None) -> None:
    assert disruption_plan.stale_in(pod("a", **changed), now=NOW) == wait_s


def test_a_condition_that_is_taken_back_says_nothing_else() -> None:
    status = disruption_plan.without_target(
        pod("a", conditions=[{**TARGET, "reason": "PreemptionByScheduler"}]), now=NOW
    )
    assert status["conditions"][1] == {
        "type": "DisruptionTarget", "status": "False", "lastTransitionTime": meta.timestamp(NOW),
    }  # fmt: skip


def test_a_selector_is_spelled_as_in_the_events_of_kubernetes() -> None:
    assert spelled(None) == "nil"
    wanted = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}],
    }
    assert spelled(wanted) == (
        "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{"
        "LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}"
    )


bounds = st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda share: f"{share}%"))
pods = st.lists(st.tuples(st.booleans(), st.booleans(), st.one_of(st.none(), st.integers(0, 300))), max_size=10)


@given(st.sampled_from(["minAvailable", "maxUnavailable"]), bounds, pods, st.integers(0, 12))
def test_what_is_allowed_leaves_enough_healthy_pods(
    field: str, bound: int | str, states: list[tuple[bool, bool, int | None]], scale: int
) -> None:
    covered = [pod(str(i), ready=ready, going=going) for i, (ready, going, _) in enumerate(states)]
    noted = {str(i): meta.timestamp(NOW - since) for i, (_, _, since) in enumerate(states) if since is not None}
    planned = disruption_plan.plan(
        budget(**{field: bound}, status={"disruptedPods": noted}), covered, scale=scale, now=NOW
    )
    expected, healthy, wanted, allowed = counts(planned)
    sure = [
        i for i, (ready, going, since) in enumerate(states) if ready and not going and (since is None or since >= 120)
    ]
    assert healthy == len(sure)
    assert 0 <= allowed <= healthy
    assert allowed == 0 or healthy - allowed >= wanted
    assert expected > 0 or allowed == 0
    again = disruption_plan.plan(budget(**{field: bound}, status=planned.status), covered, scale=scale, now=NOW)
    assert again.status == planned.status
    assert not again.overdue
