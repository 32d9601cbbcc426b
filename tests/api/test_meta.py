"""Times, keys, owners, conditions and generated names."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, meta


def test_times_are_utc_with_the_precision_of_their_type() -> None:
    assert meta.timestamp(1700000000.9) == "2023-11-14T22:13:20Z"
    assert meta.micro_timestamp(1700000000.000123) == "2023-11-14T22:13:20.000123Z"
    assert meta.micro_timestamp(1700000000.9999999) == "2023-11-14T22:13:21.000000Z"


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("2023-11-14T22:13:20Z", 1700000000.0),
        ("2023-11-14T22:13:20.5Z", 1700000000.5),
        ("2023-11-14T23:13:20+01:00", 1700000000.0),
        ("2023-11-14T22:13:20.123456789Z", 1700000000.123456),
    ],
)
def test_times_are_parsed(text: str, epoch_s: float) -> None:
    assert meta.parse_time(text) == pytest.approx(epoch_s, abs=1e-6)


def test_a_bad_time_is_refused() -> None:
    with pytest.raises(ValueError, match='parsing time "soon"'):
        meta.parse_time("soon")


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_a_time_reads_back(epoch_s: int) -> None:
    assert meta.parse_time(meta.timestamp(epoch_s)) == epoch_s


def test_keys_go_both_ways() -> None:
    assert meta.key({"metadata": {"name": "a", "namespace": "n"}}) == "n/a"
    assert meta.key({"metadata": {"name": "a"}}) == "a"
    assert meta.split_key("n/a") == ("n", "a")
    assert meta.split_key("a") == (None, "a")


def test_owner_references_name_the_controller() -> None:
    owner = {"metadata": {"name": "web", "uid": "u1"}}
    reference = meta.owner_reference(kinds.REPLICA_SET, owner)
    assert reference == {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u1",
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    plain = meta.owner_reference(kinds.POD, owner, controller=False, block=False)
    assert "controller" not in plain
    child = {"metadata": {"name": "web-1", "ownerReferences": [plain, reference]}}
    assert meta.controller_of(child) == reference
    assert meta.controller_of(owner) is None


def test_a_condition_moves_its_transition_time_only_with_its_status() -> None:
    conditions: list[meta.Obj] = []
    assert meta.set_condition(conditions, {"type": "Ready", "status": "False", "reason": "A"}, now="t1")
    before = conditions[0]
    assert not meta.set_condition(conditions, {"type": "Ready", "status": "False", "reason": "A"}, now="t2")
    assert meta.set_condition(conditions, {"type": "Ready", "status": "False", "reason": "B"}, now="t3")
    assert conditions[0]["lastTransitionTime"] == "t1"
    assert meta.set_condition(conditions, {"type": "Ready", "status": "True", "reason": "B"}, now="t4")
    assert conditions == [{"type": "Ready", "status": "True", "reason": "B", "lastTransitionTime": "t4"}]
    assert before["reason"] == "A"
    assert meta.condition({"status": {"conditions": conditions}}, "Ready") == conditions[0]
    assert meta.condition({}, "Ready") is None


def test_generated_names_are_cut_and_safe() -> None:
    name = meta.generate_name("x" * 70, random.Random(1))
    assert len(name) == 63
    assert set(name[58:]) <= set(meta.SAFE_ALPHABET)
    assert meta.generate_name("web-", random.Random(1)) == meta.generate_name("web-", random.Random(1))
