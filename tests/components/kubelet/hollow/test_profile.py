"""Profiles of simulated containers: which rule holds, and that a seed throws the same dice again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import labels
from hyperpy.commands import UserError
from hyperpy.components.kubelet.hollow import profile_file
from hyperpy.components.kubelet.hollow.profile import Behaviour, Fate, Ordinals, Profile, Rule, Span, fate

SLOW, FAST = Behaviour(start=Span(5, 5)), Behaviour(start=Span(1, 1))


def pod(name: str = "p", **metadata: object) -> dict[str, object]:
    return {"metadata": {"namespace": "ns", "name": name, **metadata}}


@pytest.mark.parametrize(
    ("metadata", "image", "expected"),
    [
        pytest.param({"labels": {"tier": "slow"}}, "web:1", SLOW, id="by-label"),
        pytest.param({}, "registry/web:1", FAST, id="by-image"),
        pytest.param({"labels": {"tier": "slow"}}, "registry/web:1", SLOW, id="the-first-rule-that-fits"),
        pytest.param({}, "other", Behaviour(), id="none-fits"),
    ],
)
def test_the_first_rule_that_fits_says_how_a_container_behaves(metadata, image, expected):
    rules = (Rule(labels.parse("tier=slow"), "*", SLOW), Rule(labels.EVERYTHING, "registry/*", FAST))
    assert Profile(rules).behaviour(pod(**metadata), image) == expected


@given(st.integers(), st.floats(0, 10), st.floats(0, 10), st.floats(0, 1))
def test_a_seed_throws_the_same_dice_again_within_the_profile_s_bounds(seed, low, more, rate):
    behaviour = Behaviour(start=Span(low, low + more), run=Span(low, low + more), exit_code=3, failure_rate=rate)
    first, second = (fate(behaviour, random.Random(seed)) for _ in range(2))
    assert first == second
    assert low <= first.start_s <= low + more
    assert (first.run_s, first.exit_code) == (0.0, 1) or (low <= first.run_s <= low + more and first.exit_code == 3)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, Fate(0, 0, None, 0, 0)), (1.0, Fate(0, 0, 0.0, 0, 1))])
def test_the_failure_rate_is_the_share_of_starts_that_fail(rate, expected):
    assert {fate(Behaviour(failure_rate=rate), random.Random(seed)) for seed in range(50)} == {expected}


def test_pods_with_random_names_are_numbered_by_their_owner_and_others_keep_their_name():
    ordinals = Ordinals()
    owner = [{"kind": "ReplicaSet", "name": "web-1", "controller": True}]
    names = [
        ordinals.name(pod(name, generateName="web-1-", ownerReferences=owner)) for name in ("web-1-x2", "web-1-b7")
    ]
    assert names == ["ns/web-1#0", "ns/web-1#1"]
    assert ordinals.name(pod("db-0")) == "ns/db-0"


def read(path: Path, text: str) -> Profile:
    path.write_text(text)
    return profile_file.read(path)


def test_a_profile_file_says_how_pods_behave_and_how_large_a_node_is(tmp_path: Path) -> None:
    found = read(
        tmp_path / "profile.yaml",
        """
        node: {cpu: 8, memory: 16Gi}
        rules:
        - selector: app in (web, api)
          image: "nginx:*"
          startSeconds: {least: 0.5, most: 2}
          readySeconds: 1
          runSeconds: 30
          stopSeconds: 0.25
          exitCode: 2
          failureRate: 0.1
        """,
    )
    behaviour = Behaviour(Span(0.5, 2), Span(1, 1), Span(30, 30), Span(0.25, 0.25), 2, 0.1)
    assert found.behaviour(pod(labels={"app": "api"}), "nginx:1") == behaviour
    assert (found.node.cpus, found.node.memory_bytes) == (8, 16 << 30)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("rules: [{startSecond: 1}]", "rules.0.startSecond: Extra inputs", id="unknown-field"),
        pytest.param("rules: [{failureRate: 2}]", "rules.0.failureRate: ", id="rate-above-1"),
        pytest.param("rules: [{startSeconds: {least: 2, most: 1}}]", "most is smaller than least", id="order"),
        pytest.param("rules: [{exitCode: 1}]", "exitCode needs runSeconds", id="exit-code-alone"),
        pytest.param("rules: [{selector: 'a in ('}]", "rules.0.selector", id="selector"),
        pytest.param("node: {memory: much}", "node.memory", id="quantity"),
        pytest.param("rules: [", "line", id="no-yaml"),
    ],
)
def test_what_is_no_profile_is_refused_by_name(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        read(tmp_path / "profile.yaml", text)


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--hollow-profile: cannot read .*gone.yaml"):
        profile_file.read(tmp_path / "gone.yaml")
