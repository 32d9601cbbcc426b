"""How fast an autoscaler may move: tables, and that no history lets it move faster than its policies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.components.controllers.autoscaling import autoscaling_behavior
from hyperpy.components.controllers.autoscaling.autoscaling_behavior import History, Stamped, Verdict

NOW = 1_000_000.0
PODS_4 = {"type": "Pods", "value": 4, "periodSeconds": 15}
DOUBLE = {"type": "Percent", "value": 100, "periodSeconds": 15}
USUAL_UP = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [PODS_4, DOUBLE]}
USUAL_DOWN = {"selectPolicy": "Max", "policies": [DOUBLE]}


def spec(least: int | None = 1, most: int = 100, *, up: Any = None, down: Any = None) -> dict[str, Any]:
    """Without `up` and `down`: one that has no behavior."""
    made: dict[str, Any] = {"maxReplicas": most}
    if least is not None:
        made["minReplicas"] = least
    if up is not None or down is not None:
        made["behavior"] = {"scaleUp": {**USUAL_UP, **(up or {})}, "scaleDown": {**USUAL_DOWN, **(down or {})}}
    return made


def judge(
    of: dict[str, Any], recommended: int, *, current: int, history: History | None = None, now: float = NOW
) -> Verdict:
    return autoscaling_behavior.judge(
        of, recommended, current=current, history=history or History(), now=now, window_s=300
    )


def ago(*entries: tuple[int, float]) -> tuple[Stamped, ...]:
    return tuple(Stamped(replicas, NOW - age_s) for replicas, age_s in entries)


@pytest.mark.parametrize(
    ("of", "recommended", "current", "replicas", "limited", "reason"),
    [
        pytest.param(spec(), 5, 5, 5, False, "DesiredWithinRange", id="no-change"),
        pytest.param(spec(), 8, 5, 8, False, "DesiredWithinRange", id="up"),
        pytest.param(spec(), 30, 5, 10, True, "ScaleUpLimit", id="at-most-twice"),
        pytest.param(spec(), 9, 1, 4, True, "ScaleUpLimit", id="four-are-always-allowed"),
        pytest.param(spec(most=7), 30, 5, 7, True, "TooManyReplicas", id="most"),
        pytest.param(spec(3), 1, 5, 3, True, "TooFewReplicas", id="least"),
        pytest.param(spec(None), 0, 5, 1, True, "TooFewReplicas", id="least-by-default"),
        pytest.param(spec(0), 0, 5, 0, False, "DesiredWithinRange", id="to-zero"),
        pytest.param(spec(up={}), 30, 5, 10, True, "ScaleUpLimit", id="usual-policies-up"),
        pytest.param(spec(up={}), 9, 1, 5, True, "ScaleUpLimit", id="usual-policies-from-one"),
        pytest.param(spec(up={"selectPolicy": "Min"}), 30, 20, 24, True, "ScaleUpLimit", id="smallest-change-up"),
        pytest.param(spec(up={"selectPolicy": "Disabled"}), 30, 5, 5, True, "ScaleUpLimit", id="never-up"),
        pytest.param(spec(most=8, up={}), 30, 5, 8, True, "TooManyReplicas", id="most-with-policies"),
        pytest.param(spec(down={}), 2, 20, 2, False, "DesiredWithinRange", id="usual-policies-down"),
        pytest.param(spec(down={"policies": [PODS_4]}), 2, 20, 16, True, "ScaleDownLimit", id="pods-down"),
        pytest.param(
            spec(down={"policies": [PODS_4, {**DOUBLE, "value": 10}]}), 2, 50, 45, True, "ScaleDownLimit", id="largest"
        ),
        pytest.param(
            spec(down={"selectPolicy": "Min", "policies": [PODS_4, {**DOUBLE, "value": 10}]}),
            2, 50, 46, True, "ScaleDownLimit", id="smallest-change-down",
        ),
        pytest.param(spec(down={"selectPolicy": "Disabled"}), 2, 20, 20, True, "ScaleDownLimit", id="never-down"),
        pytest.param(spec(6, down={}), 2, 20, 6, True, "TooFewReplicas", id="least-with-policies"),
    ],
)  # fmt: skip
def test_limits(of: dict[str, Any], recommended: int, current: int, replicas: int, limited: bool, reason: str) -> None:
    verdict = judge(of, recommended, current=current)
    assert (verdict.replicas, verdict.limited, verdict.limit[0]) == (replicas, limited, reason)


@pytest.mark.parametrize(
    ("of", "recommended", "history", "replicas", "reason"),
    [
        pytest.param(spec(), 2, ago((8, 100)), 8, "ScaleDownStabilized", id="higher-ones-hold-it"),
        pytest.param(spec(), 2, ago((8, 301), (5, 200)), 5, "ScaleDownStabilized", id="old-ones-do-not"),
        pytest.param(spec(), 2, (), 2, "ReadyForNewScale", id="none"),
        pytest.param(
            spec(down={"stabilizationWindowSeconds": 60}), 2, ago((8, 100), (4, 50)), 4, "ScaleDownStabilized",
            id="own-window",
        ),
        pytest.param(
            spec(down={"stabilizationWindowSeconds": 0}), 2, ago((8, 1)), 2, "ReadyForNewScale", id="no-window"
        ),
        pytest.param(spec(up={}), 2, ago((8, 100)), 8, "ScaleDownStabilized", id="the-usual-window"),
        pytest.param(
            spec(up={"stabilizationWindowSeconds": 60}), 14, ago((12, 30), (3, 90)), 12, "ScaleUpStabilized",
            id="lower-ones-hold-it",
        ),
        pytest.param(
            spec(up={"stabilizationWindowSeconds": 60}), 14, ago((2, 30)), 10, "ScaleUpStabilized",
            id="lower-ones-do-not-make-it-shrink",
        ),
    ],
)  # fmt: skip
def test_recent_recommendations(
    of: dict[str, Any], recommended: int, history: tuple[Stamped, ...], replicas: int, reason: str
) -> None:
    verdict = judge(of, recommended, current=10, history=History(history))
    assert (verdict.replicas, verdict.able[0]) == (replicas, reason)
    assert verdict.history.recommendations[-1] == Stamped(recommended, NOW)


def test_changes_within_a_period_count_against_its_policy() -> None:
    of = spec(up={"policies": [{**PODS_4, "periodSeconds": 60}]})
    history = History(ups=ago((3, 30), (4, 70)), downs=ago((1, 10)))
    assert judge(of, 30, current=10, history=history).replicas == 12
    assert judge(of, 30, current=10, history=History(ups=ago((4, 30)))).replicas == 10
    of = spec(down={"policies": [{**PODS_4, "periodSeconds": 60}]})
    assert judge(of, 1, current=10, history=History(downs=ago((3, 30)))).replicas == 9


def test_what_no_window_and_no_policy_looks_at_is_forgotten() -> None:
    old = ago((5, 5000), (6, 10))
    assert judge(spec(), 5, current=5, history=History(old)).history.recommendations == (*old[1:], Stamped(5, NOW))
    of = spec(up={})
    kept = autoscaling_behavior.scaled(of, History(ups=old), before=3, after=5, now=NOW)
    assert kept.ups == (*old[1:], Stamped(2, NOW))
    kept = autoscaling_behavior.scaled(of, History(downs=old), before=5, after=3, now=NOW)
    assert kept.downs == (*old[1:], Stamped(2, NOW))
    assert autoscaling_behavior.scaled(spec(), History(ups=old), before=3, after=5, now=NOW).ups == ()


policies = st.lists(
    st.builds(
        lambda kind, value, period: {"type": kind, "value": value, "periodSeconds": period},
        st.sampled_from(["Pods", "Percent"]),
        st.integers(1, 60),
        st.sampled_from([15, 60, 90]),
    ),
    min_size=1,
    max_size=3,
)
rules = st.builds(
    lambda select, window, of: {"selectPolicy": select, "stabilizationWindowSeconds": window, "policies": of},
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.sampled_from([0, 30, 120]),
    policies,
)


@given(st.one_of(st.none(), st.tuples(rules, rules)), st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_no_run_of_recommendations_breaks_bounds_or_policies(behavior: Any, recommended: list[int]) -> None:
    of = spec(2, 40) if behavior is None else spec(2, 40, up=behavior[0], down=behavior[1])
    current, now, history = 5, NOW, History((Stamped(5, NOW),))
    sizes = [(now, current)]
    for each in recommended:
        verdict = judge(of, each, current=current, history=history, now=now)
        assert 2 <= verdict.replicas <= 40
        history = verdict.history
        if verdict.replicas != current:
            history = autoscaling_behavior.scaled(of, history, before=current, after=verdict.replicas, now=now)
        if behavior is None:
            assert verdict.replicas <= max(2 * current, 4)
        current = verdict.replicas
        now += 15
        sizes.append((now, current))
        if behavior is not None:
            _check_pace(behavior[0], sizes, grows=True)
            _check_pace(behavior[1], sizes, grows=False)
    assert len(history.recommendations) <= 21


def _check_pace(rules: dict[str, Any], sizes: list[tuple[float, int]], *, grows: bool) -> None:
    """With one policy that adds or takes Pods, no period sees more than that; with `Disabled` nothing moves."""
    (_, before), (now, after) = sizes[-2:]
    if rules["selectPolicy"] == "Disabled":
        assert after <= before if grows else after >= before
        return
    only = rules["policies"][0]
    if len(rules["policies"]) > 1 or only["type"] != "Pods":
        return
    within = [size for at, size in sizes if at > now - only["periodSeconds"]]
    if grows and after > before:
        assert after - min(within) <= only["value"] + max(0, within[0] - min(within))
    if not grows and after < before:
        assert max(within) - after <= only["value"] + max(0, max(within) - within[0])
