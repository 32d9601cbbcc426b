"""From values to field sets, by the rules of lists and maps."""

from __future__ import annotations

import pytest
from api.apply.shapes import shape

from hyperpy.api import kinds, schema
from hyperpy.api.apply import owned
from hyperpy.api.apply.shape import Shape

SHAPE = shape()


def _spec(fields):
    return fields["f:spec"]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        pytest.param({"count": 0, "on": False}, {"f:count": {}, "f:on": {}}, id="zeros are values"),
        pytest.param({"selector": {"a": "b"}}, {"f:selector": {}}, id="an atomic map is one value"),
        pytest.param({"words": ["a"]}, {"f:words": {}}, id="an atomic list is one value"),
        pytest.param({"set": ["a", "b"]}, {"f:set": {'v:"a"': {}, 'v:"b"': {}}}, id="items of a set"),
        pytest.param({"set": [], "on": True}, {"f:on": {}}, id="an empty list owns nothing"),
        pytest.param(
            {"items": [{"name": "a", "value": "1"}]},
            {"f:items": {'k:{"name":"a","protocol":"TCP"}': {".": {}, "f:name": {}, "f:value": {}}}},
            id="a key that is left out has its default",
        ),
        pytest.param(
            {"any": {"a": {"b": [1], "c": {}}}},
            {"f:any": {"f:a": {".": {}, "f:b": {}, "f:c": {}}}},
            id="what is not described: maps merge, lists do not",
        ),
        pytest.param({"items": None}, {"f:items": {}}, id="null is a value"),
        pytest.param({"any": {}}, {"f:any": {}}, id="an empty map is a value"),
        pytest.param({"port": "http"}, {"f:port": {}}, id="an int or string"),
    ],
)
def test_the_fields_of_a_configuration(spec, fields):
    assert _spec(owned.applied({"spec": spec}, SHAPE)) == fields


def test_keys_of_free_maps_are_owned_and_the_map_is_not():
    assert owned.applied({"metadata": {"labels": {"a": "1"}}}, SHAPE) == {"f:metadata": {"f:labels": {"f:a": {}}}}
    assert owned.everything({"metadata": {"labels": {"a": "1"}}}, SHAPE)["f:metadata"] == {
        ".": {},
        "f:labels": {".": {}, "f:a": {}},
    }


def test_duplicates_in_stored_lists_are_one_value():
    items = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
    assert _spec(owned.applied({"spec": {"items": items}}, SHAPE)) == {
        "f:items": {'k:{"name":"a","protocol":"TCP"}': {}}
    }


def test_named_fields_lead_to_owned_ones_and_keys_of_maps_do_not():
    fields = {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:any": {"f:x": {"f:y": {}}}}}
    assert owned.with_named(fields, SHAPE) == {
        "f:metadata": {".": {}, "f:labels": {".": {}, "f:a": {}}},
        "f:spec": {".": {}, "f:any": {".": {}, "f:x": {"f:y": {}}}},
    }


def test_ports_of_a_service_have_their_default_protocol():
    root = Shape(schema.of(kinds.SERVICE).root)
    fields = owned.applied({"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}, root)
    assert fields == {
        "f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}, "f:selector": {}}
    }


def test_what_became_one_value_is_owned_as_such():
    fields = {
        "f:spec": {
            "f:selector": {".": {}, "f:a": {}},
            "f:words": {'v:"a"': {}},
            "f:set": {'v:"a"': {}},
            "f:any": {"f:x": {".": {}, "f:y": {}}},
        }
    }
    after = owned.collapsed(fields, SHAPE)
    assert after["f:spec"] == {**fields["f:spec"], "f:selector": {}, "f:words": {}}
    assert owned.collapsed(after, SHAPE) is after
