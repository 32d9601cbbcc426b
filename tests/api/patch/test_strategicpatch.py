"""Strategic merge patch: the documented behaviour of Kubernetes, on the real schemas."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api import kinds, schema
from hyperpy.api.patch import MalformedPatch, PatchFailed, strategic_merge
from hyperpy.api.schema import Node


def _root(kind: kinds.Kind = kinds.POD) -> Node:
    return schema.of(kind).root


def _pod(*names: str, **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, "image": f"{name}:1"} for name in names], **spec}}


def _names(pod: dict[str, Any]) -> list[str]:
    return [container["name"] for container in pod["spec"]["containers"]]


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        pytest.param(
            {"metadata": {"labels": {"a": "1", "b": "2"}}},
            {"metadata": {"labels": {"a": None, "c": "3"}}},
            {"metadata": {"labels": {"b": "2", "c": "3"}}},
            id="maps are merged and null deletes",
        ),
        pytest.param(
            _pod("a"),
            {"spec": {"containers": [{"name": "a", "image": "a:2"}]}},
            {"spec": {"containers": [{"name": "a", "image": "a:2"}]}},
            id="items are found by their merge key",
        ),
        pytest.param(
            _pod("a"),
            {"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": None}, {"name": "Y"}]}]}},
            {"spec": {"containers": [{"name": "a", "image": "a:1", "env": [{"name": "X"}, {"name": "Y"}]}]}},
            id="nulls in new values are dropped",
        ),
        pytest.param(
            _pod("a", "b"),
            {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}},
            _pod("b"),
            id="an item is deleted",
        ),
        pytest.param(
            _pod("a", "b"),
            {"spec": {"containers": [{"$patch": "replace"}, {"name": "c"}]}},
            {"spec": {"containers": [{"name": "c"}]}},
            id="a list is replaced",
        ),
        pytest.param(
            _pod("a", tolerations=[{"key": "x"}]),
            {"spec": {"tolerations": [{"key": "y"}]}},
            _pod("a", tolerations=[{"key": "y"}]),
            id="a list without a merge key is replaced",
        ),
        pytest.param(
            {"spec": {"securityContext": {"runAsUser": 1, "runAsGroup": 2}}},
            {"spec": {"securityContext": {"$patch": "replace", "runAsUser": 3}}},
            {"spec": {"securityContext": {"runAsUser": 3}}},
            id="a map is replaced",
        ),
        pytest.param(
            {"spec": {"securityContext": {"runAsUser": 1}}},
            {"spec": {"securityContext": {"$patch": "delete"}}},
            {"spec": {"securityContext": {}}},
            id="a map is emptied",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["c", "a"]}},
            {"metadata": {"finalizers": ["c", "a", "b"]}},
            id="scalars are united",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b", "x"]}},
            {"metadata": {"finalizers": ["a", "c"]}},
            id="scalars are deleted",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            {"metadata": {"$setElementOrder/finalizers": ["d", "c", "a"], "finalizers": ["d"]}},
            {"metadata": {"finalizers": ["d", "b", "c", "a"]}},
            id="scalars are put in order",
        ),
        pytest.param(
            {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
            {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}},
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}},
            id="keys that are not retained go",
        ),
        pytest.param(
            {},
            {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"$patch": "merge", "name": "a"}],
                      "$retainKeys": ["containers"]}},
            {"spec": {"containers": [{"name": "a"}]}},
            id="directives never end up in the object",
        ),
        pytest.param(
            {"spec": {"a": 1}}, {"spec": {"nope": {"$patch": "delete"}}}, {"spec": {"a": 1}}, id="nothing to delete"
        ),
        pytest.param({"unknown": {"x": [1]}}, {"unknown": {"x": [2]}}, {"unknown": {"x": [2]}}, id="unknown fields"),
    ],
)  # fmt: skip
def test_a_merge(doc: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((doc, patch))
    assert strategic_merge(doc, patch, _root()) == result
    assert (doc, patch) == before


def test_a_new_item_comes_before_the_servers_own_as_in_kubernetes() -> None:
    merged = strategic_merge(_pod("a", "b"), {"spec": {"containers": [{"name": "c"}]}}, _root())
    assert _names(merged) == ["c", "a", "b"]


def test_an_order_is_kept_and_the_servers_items_stay_near_their_neighbours() -> None:
    order = [{"name": "c"}, {"name": "a"}]
    patch = {"spec": {"$setElementOrder/containers": order, "containers": [{"name": "c", "image": "c:2"}]}}
    assert _names(strategic_merge(_pod("a", "sidecar", "c"), patch, _root())) == ["sidecar", "c", "a"]
    only_order = {"spec": {"$setElementOrder/containers": order}}
    assert _names(strategic_merge(_pod("a", "c"), only_order, _root())) == ["c", "a"]


def test_without_a_schema_maps_merge_and_lists_are_replaced() -> None:
    assert strategic_merge({"a": {"l": [1], "m": 1}}, {"a": {"l": [2]}}, None) == {"a": {"l": [2], "m": 1}}


def test_the_result_shares_nothing() -> None:
    doc, patch = _pod("a"), {"spec": {"containers": [{"name": "b", "args": ["x"]}]}}
    merged = strategic_merge(doc, patch, _root())
    merged["spec"]["containers"][0]["args"].append("y")
    merged["spec"]["containers"][1]["image"] = "z"
    assert doc == _pod("a")
    assert patch == {"spec": {"containers": [{"name": "b", "args": ["x"]}]}}


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        ([], MalformedPatch, "must be an object"),
        ({"spec": {"$patch": "swap"}}, PatchFailed, "unknown patch type: swap in map"),
        ({"spec": {"containers": [{"image": "x"}]}}, PatchFailed, "does not contain declared merge key: name"),
        ({"spec": {"containers": [{"name": {}}]}}, PatchFailed, "does not identify an item"),
        ({"spec": {"containers": [{"$patch": "delete"}]}}, PatchFailed, "does not contain declared merge key: name"),
        ({"spec": {"containers": ["x"]}}, PatchFailed, "list element types are not identical"),
        ({"spec": {"containers": [[1]]}}, PatchFailed, "lists of lists are not supported"),
        ({"spec": {"$setElementOrder/containers": {}}}, MalformedPatch, "invalid patch format of setElementOrder list"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}, MalformedPatch, "format of primitive list"),
        ({"spec": {"$retainKeys": "a"}}, MalformedPatch, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": ["a"], "nodeName": "n"}}, MalformedPatch, "invalid patch format of retainKeys"),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}},
            PatchFailed,
            "doesn't match .setElementOrder/containers list",
        ),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(patch: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        strategic_merge({"metadata": {"finalizers": ["a"]}, **_pod("a")}, patch, _root())
