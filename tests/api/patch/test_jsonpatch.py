"""JSON patch: RFC 6902, judged by the `jsonpatch` package."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api.patch import MalformedPatch, PatchFailed, json_patch
from hyperpy.api.patch.values import same


@pytest.mark.parametrize(
    ("doc", "op", "result"),
    [
        ({}, {"op": "add", "path": "/a", "value": 1}, {"a": 1}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1}, {"op": "add", "path": "", "value": {"b": 2}}, {"b": 2}),
        ({"a/b": 1, "m~n": 2}, {"op": "remove", "path": "/a~1b"}, {"m~n": 2}),
        ({"m~n": 2}, {"op": "replace", "path": "/m~0n", "value": 3}, {"m~n": 3}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"a": [1, 2]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1, 2], "b": [1, 2]}),
        ({"a": {"x": 1}}, {"op": "test", "path": "/a", "value": {"x": 1.0}}, {"a": {"x": 1}}),
        ({}, {"op": "test", "path": "/a", "value": None}, {}),
    ],
)
def test_an_operation(doc: Any, op: Any, result: Any) -> None:
    before = copy.deepcopy(doc)
    assert json_patch(doc, [op]) == result
    assert doc == before


@pytest.mark.parametrize(
    ("doc", "op", "message"),
    [
        ({}, {"op": "add", "path": "/a/b", "value": 1}, 'add operation does not apply: doc is missing path: "/a/b"'),
        (
            {},
            {"op": "remove", "path": "/a"},
            'remove operation does not apply: doc is missing key: "/a": missing value',
        ),
        ({"a": [1]}, {"op": "replace", "path": "/a/1", "value": 1}, "Unable to access invalid index: 1"),
        ({"a": [1]}, {"op": "add", "path": "/a/x", "value": 1}, '"x" is no index'),
        ({"a": [1]}, {"op": "add", "path": "/a/01", "value": 1}, '"01" is no index'),
        ({"a": True}, {"op": "test", "path": "/a", "value": 1}, "testing path /a value failed"),
        ({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "cannot move into itself"),
    ],
)
def test_an_operation_that_does_not_apply(doc: Any, op: Any, message: str) -> None:
    with pytest.raises(PatchFailed, match=message):
        json_patch(doc, [op])


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({}, "must be a list"),
        (["x"], "must be an object"),
        ([{"op": "put", "path": "/a"}], "Unexpected kind: put"),
        ([{"op": "add", "path": "a", "value": 1}], "begin with"),
        ([{"op": "add", "path": "/a"}], "has no value"),
        ([{"op": "move", "path": "/a"}], "from must be"),
        (
            [{"op": "test", "path": "", "value": None}] * 10_001,
            "maximum operations in a JSON patch is 10000, got 10001",
        ),
    ],
)
def test_a_malformed_patch_is_refused(patch: Any, message: str) -> None:
    with pytest.raises(MalformedPatch, match=message):
        json_patch({}, patch)


def test_a_patch_nested_without_end_is_refused() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(MalformedPatch, match="depth"):
        json_patch({}, [{"op": "add", "path": "/a", "value": deep}])


def test_the_result_shares_nothing_with_the_patch() -> None:
    value = {"x": [1]}
    result = json_patch({}, [{"op": "add", "path": "/a", "value": value}, {"op": "copy", "from": "/a", "path": "/b"}])
    result["a"]["x"].append(2)
    assert value == {"x": [1]}
    assert result["b"] == {"x": [1]}


_KEYS = st.sampled_from(["a", "b", "0", "1"])
_DOCS = st.recursive(
    st.none() | st.integers(0, 3) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.lists(_KEYS | st.just("-"), max_size=3).map(lambda steps: "".join(f"/{step}" for step in steps))
_OPS = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["add", "replace"]), "path": _PATHS, "value": _DOCS}),
    st.fixed_dictionaries({"op": st.just("test"), "path": _PATHS, "value": _DOCS.filter(lambda v: v is not None)}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "path": _PATHS, "from": _PATHS}),
    st.fixed_dictionaries({"op": st.just("remove"), "path": _PATHS.filter(bool)}),
)


@given(st.dictionaries(_KEYS, _DOCS, max_size=3), st.lists(_OPS, max_size=4))
def test_patches_agree_with_the_reference(doc: Any, ops: Any) -> None:
    try:
        expected = jsonpatch.apply_patch(copy.deepcopy(doc), copy.deepcopy(ops))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, AttributeError):
        with pytest.raises(PatchFailed):
            json_patch(doc, ops)
        return
    assert same(json_patch(doc, ops), expected)


@given(_DOCS.filter(lambda d: isinstance(d, dict)), _DOCS.filter(lambda d: isinstance(d, dict)))
def test_a_computed_difference_leads_from_one_document_to_the_other(before: Any, after: Any) -> None:
    assert same(json_patch(before, list(jsonpatch.make_patch(before, after))), after)
