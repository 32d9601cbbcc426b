"""Merge patch: the cases of RFC 7386."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api.patch import MalformedPatch, merge_patch


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge(doc: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((doc, patch))
    assert merge_patch(doc, patch) == result
    assert (doc, patch) == before


def test_the_result_shares_nothing() -> None:
    doc: Any = {"a": {"b": []}}
    patch: Any = {"c": {"d": []}}
    merged = merge_patch(doc, patch)
    merged["a"]["b"].append(1)
    merged["c"]["d"].append(1)
    assert (doc, patch) == ({"a": {"b": []}}, {"c": {"d": []}})


def test_only_an_object_is_a_merge_patch() -> None:
    with pytest.raises(MalformedPatch, match="must be an object"):
        merge_patch({}, [1])
