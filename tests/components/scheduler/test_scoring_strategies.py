"""Scoring by what is taken, against the rules written out plainly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.scoring_strategies import Strategy, on_shape

AMOUNTS = st.integers(0, 8)
WEIGHTS = st.dictionaries(st.sampled_from(["cpu", "memory", "example.com/gpu"]), st.integers(1, 5), min_size=1)
SHAPES = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 10)), min_size=1, max_size=4, unique_by=lambda p: p[0])


def expected(kind: str, use: dict[str, tuple[int, int]], weights: dict[str, int], shape: Any) -> float:
    """The score by the book: a weighted mean over resources that the node has."""
    total = count = 0.0
    for name, weight in weights.items():
        used, capacity = use[name]
        if not capacity:
            continue
        if kind == "LeastAllocated":
            own = 0.0 if used > capacity else (capacity - used) * 100 / capacity
        elif kind == "MostAllocated":
            own = min(used, capacity) * 100 / capacity
        else:
            own = 10 * line(shape, min(100.0, used * 100 / capacity))
            if own <= 0:
                continue
        total += own * weight
        count += weight
    return total / count if count else 0.0


def line(shape: list[tuple[int, int]], x: float) -> float:
    if x <= shape[0][0]:
        return shape[0][1]
    if x >= shape[-1][0]:
        return shape[-1][1]
    for (x0, y0), (x1, y1) in pairwise(shape):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise AssertionError(x)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"]),
    capacity=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), there=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
    asked=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2)), weights=WEIGHTS, shape=SHAPES,
)  # fmt: skip
def test_a_strategy_scores_by_the_book(
    make: Any, board: Any, kind: str, capacity: Any, there: Any, asked: Any, weights: dict[str, int], shape: Any
) -> None:
    def pod(name: str, amounts: Any) -> Any:
        requests = dict(zip(("cpu", "memory", "example.com/gpu"), map(str, amounts), strict=True))
        return make.pod(name, container={"resources": {"requests": requests}})

    node = make.node("n", cpu=str(capacity[0]), memory=str(capacity[1]))
    node["status"]["allocatable"]["example.com/gpu"] = str(capacity[2])
    play = board(node)
    play.put(pod("other", there), "n")
    shape = sorted(shape)
    strategy = Strategy(kind, weights, tuple((float(x), float(y)) for x, y in shape))
    found = strategy.scorer(PodInfo(pod("new", asked)))(play.cluster.nodes[0])
    use = {
        "cpu": (there[0] + asked[0], capacity[0]),
        "memory": (there[1] + asked[1], capacity[1]),
        "example.com/gpu": (there[2] + asked[2], capacity[2] if asked[2] else 0),
    }
    assert found == pytest.approx(expected(kind, use, weights, shape))


@given(shape=SHAPES, x=st.floats(0, 100))
def test_between_the_points_of_a_shape_the_line_is_straight(shape: Any, x: float) -> None:
    shape = sorted(shape)
    assert on_shape([(float(a), float(b)) for a, b in shape], x) == pytest.approx(line(shape, x))
