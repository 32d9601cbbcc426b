"""Client-side apply's patch: what it contains, and that it leads there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, schema
from hyperpy.api.patch import merge_patch, strategic_merge, three_way

POD = schema.of(kinds.POD).root
DEPLOYMENT = schema.of(kinds.DEPLOYMENT).root


def _spec(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **more}}


def test_what_is_there_already_needs_no_patch() -> None:
    manifest = {"metadata": {"labels": {"a": "1"}}, **_spec({"name": "c", "image": "x"})}
    live = copy.deepcopy(manifest)
    live["metadata"]["uid"] = "u"
    live["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    assert three_way(manifest, manifest, live, POD) == {}


def test_a_field_that_left_the_manifest_is_deleted_and_others_stay() -> None:
    old = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    live = {"metadata": {"labels": {"a": "1", "b": "2", "by-someone": "else"}}}
    patch = three_way(old, {"metadata": {"labels": {"a": "1"}}}, live, POD)
    assert patch == {"metadata": {"labels": {"b": None}}}


def test_items_are_changed_added_and_deleted_by_their_key() -> None:
    old = _spec({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    new = _spec({"name": "c", "image": "1"}, {"name": "a", "image": "2"})
    patch = three_way(old, new, copy.deepcopy(old), POD)
    assert patch == {
        "spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "c", "image": "1"}, {"name": "a", "image": "2"}, {"$patch": "delete", "name": "b"}],
        }
    }


def test_scalars_of_a_merged_list_are_deleted_one_by_one() -> None:
    old = {"metadata": {"finalizers": ["a", "b"]}}
    live = {"metadata": {"finalizers": ["a", "b", "x"]}}
    assert three_way(old, {"metadata": {"finalizers": ["b", "c"]}}, live, POD) == {
        "metadata": {
            "finalizers": ["c"],
            "$deleteFromPrimitiveList/finalizers": ["a"],
            "$setElementOrder/finalizers": ["b", "c"],
        }
    }


def test_a_union_names_the_keys_that_may_stay() -> None:
    rolling = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    live = copy.deepcopy(rolling)
    patch = three_way({"spec": {}}, {"spec": {"strategy": {"type": "Recreate"}}}, live, DEPLOYMENT)
    assert patch == {"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}}
    assert strategic_merge(live, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_a_volume_changes_its_kind() -> None:
    live = _spec(volumes=[{"name": "v", "emptyDir": {}}])
    new = _spec(volumes=[{"name": "v", "hostPath": {"path": "/x"}}])
    assert strategic_merge(live, three_way(live, new, live, POD), POD) == new


def test_without_a_schema_it_is_a_merge_patch() -> None:
    old, live = {"spec": {"a": 1, "l": [1]}}, {"spec": {"a": 1, "l": [1], "z": 9}}
    patch = three_way(old, {"spec": {"l": [2]}}, live, None)
    assert patch == {"spec": {"a": None, "l": [2]}}
    assert merge_patch(live, patch) == {"spec": {"l": [2], "z": 9}}


_TEXT = st.sampled_from(["1", "2", "3"])
_MAP = st.dictionaries(st.sampled_from(["a", "b", "c"]), _TEXT, max_size=3)


def _keyed(fields: dict[str, st.SearchStrategy[Any]], names: str) -> st.SearchStrategy[Any]:
    item = st.fixed_dictionaries({"name": st.sampled_from(list(names))}, optional=fields)
    return st.lists(item, max_size=3, unique_by=lambda entry: entry["name"])


_ENV = _keyed({"value": _TEXT}, "XYZ")
_CONTAINERS = _keyed({"image": _TEXT, "env": _ENV, "args": st.lists(_TEXT, max_size=2)}, "abcd")
_VOLUMES = _keyed({}, "vw").map(
    lambda items: [{**item, ("emptyDir" if index else "hostPath"): {}} for index, item in enumerate(items)]
)
_POD = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"labels": _MAP}, optional={"finalizers": st.lists(_TEXT, max_size=3, unique=True)}
        ),
        "spec": st.fixed_dictionaries({"containers": _CONTAINERS}, optional={"volumes": _VOLUMES, "nodeName": _TEXT}),
    }
)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty(item) for key, item in value.items() if item not in ({}, [])}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


@given(_POD, _POD)
def test_the_patch_leads_from_what_was_applied_to_the_new_manifest(old: Any, new: Any) -> None:
    patch = three_way(old, new, old, POD)
    assert _without_empty(strategic_merge(old, patch, POD)) == _without_empty(new)


@given(_POD, _POD, _POD)
def test_after_the_patch_nothing_is_left_to_do(old: Any, new: Any, live: Any) -> None:
    result = strategic_merge(live, three_way(old, new, live, POD), POD)
    assert three_way(new, new, result, POD) == {}
    for name, value in new["metadata"]["labels"].items():
        assert result["metadata"]["labels"][name] == value


@pytest.mark.parametrize("node", [POD, None])
def test_arguments_are_left_alone(node: Any) -> None:
    documents = [_spec({"name": "a", "args": ["1"]}), _spec({"name": "b", "args": ["2"]}), _spec({"name": "a"})]
    before = copy.deepcopy(documents)
    patch = three_way(*documents, node)
    patch["spec"]["containers"][0]["args"].append("x")
    assert documents == before
