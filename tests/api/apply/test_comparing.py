"""What a write changed: taken and removed fields."""

from __future__ import annotations

import pytest
from api.apply.shapes import names, objects, shape
from hypothesis import given

from hyperpy.api.apply import comparing, fieldset, owned

SHAPE = shape()
A = 'k:{"name":"a","protocol":"TCP"}'


@pytest.mark.parametrize(
    ("old", "new", "taken", "removed"),
    [
        pytest.param({"count": 1}, {"count": 2}, {"f:count": {}}, {}, id="a changed scalar"),
        pytest.param({}, {"count": 2}, {"f:count": {}}, {}, id="an added scalar"),
        pytest.param({"count": 1}, {}, {}, {"f:count": {}}, id="a removed scalar"),
        pytest.param({"selector": {"a": "1"}}, {"selector": {"a": "2"}}, {"f:selector": {}}, {}, id="an atomic map"),
        pytest.param(
            {"set": ["a", "b"]}, {"set": ["c", "b"]}, {"f:set": {'v:"c"': {}}}, {"f:set": {'v:"a"': {}}}, id="a set"
        ),
        pytest.param({"set": ["a", "b"]}, {"set": ["b", "a"]}, {}, {}, id="the order of a set is nobody's"),
        pytest.param({"words": ["a", "b"]}, {"words": ["b", "a"]}, {"f:words": {}}, {}, id="that of an atomic list is"),
        pytest.param(
            {"items": [{"name": "a", "value": "1"}]},
            {"items": [{"name": "a", "protocol": "TCP", "value": "2"}]},
            {"f:items": {A: {"f:protocol": {}, "f:value": {}}}},
            {},
            id="an item is found by its keys",
        ),
        pytest.param(
            {}, {"items": [{"name": "a"}]}, {"f:items": {".": {}, A: {".": {}, "f:name": {}}}}, {}, id="a new list"
        ),
        pytest.param(
            {"items": [{"name": "a"}]},
            {"items": []},
            {},
            {"f:items": {A: {".": {}, "f:name": {}}}},
            id="an emptied list",
        ),
        pytest.param({"items": None}, {"items": []}, {"f:items": {}}, {}, id="null and empty are two values"),
        pytest.param(
            {"any": {"a": {"b": 1}}},
            {"any": {"a": 1}},
            {"f:any": {"f:a": {}}},
            {"f:any": {"f:a": {"f:b": {}}}},
            id="a map becomes a scalar",
        ),
        pytest.param(
            {"items": [{"name": "a"}, {"name": "a"}]},
            {"items": [{"name": "a", "value": "1"}]},
            {"f:items": {A: {".": {}, "f:name": {}, "f:value": {}}}},
            {},
            id="duplicates are mended",
        ),
    ],
)
def test_the_difference_of_two_specs(old, new, taken, removed):
    found = comparing.compare({"spec": old}, {"spec": new}, SHAPE)
    assert found == comparing.Comparison({"f:spec": taken} if taken else {}, {"f:spec": removed} if removed else {})


@given(objects(), objects())
def test_taken_is_of_the_new_object_and_removed_of_the_old(old, new):
    found = comparing.compare(old, new, SHAPE)
    everything = {key: value for key, value in owned.everything(new, SHAPE).items() if key != "."}
    before = {key: value for key, value in owned.everything(old, SHAPE).items() if key != "."}
    assert set(fieldset.paths(found.taken)) <= set(fieldset.paths(everything))
    assert set(fieldset.paths(found.removed)) <= set(fieldset.paths(before))
    same = comparing.compare(new, new, SHAPE)
    assert not same.taken and not same.removed


def test_what_is_passed_over_is_not_looked_at():
    old = {"metadata": {"name": "a", "labels": {"x": "1"}}, "status": {"phase": "Old"}, "spec": {"count": 1}}
    new = {"metadata": {"name": "b", "labels": {"x": "2"}, "annotations": {"y": "1"}}, "spec": {"count": 2}}
    found = comparing.compare(old, new, SHAPE, passed_over=names("metadata.name", "metadata.labels", "status"))
    assert found.taken == {"f:metadata": {"f:annotations": {".": {}, "f:y": {}}}, "f:spec": {"f:count": {}}}
    assert found.removed == {}
    assert comparing.compare({}, new, SHAPE, passed_over=names("metadata.name")).taken["f:metadata"] == {
        ".": {},
        "f:labels": {".": {}, "f:x": {}},
        "f:annotations": {".": {}, "f:y": {}},
    }
