"""Configurations that do not fit: the texts that users of kubectl know."""

from __future__ import annotations

import pytest
from api.apply.shapes import shape

from hyperpy.api import kinds, schema
from hyperpy.api.apply import checking
from hyperpy.api.apply.shape import Shape
from hyperpy.api.schema import Node

SHAPE = shape()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        pytest.param({"counts": 1}, ".spec.counts: field not declared in schema", id="an unknown field"),
        pytest.param(
            {"count": "1"}, ".spec.count: expected numeric (int or float), got string", id="a text for a number"
        ),
        pytest.param({"count": True}, ".spec.count: expected numeric (int or float), got bool", id="a boolean is none"),
        pytest.param({"on": "yes"}, ".spec.on: expected boolean, got &{yes}", id="a text for a boolean"),
        pytest.param(
            {"text": 80},
            ".spec.text: expected string, got &value.valueUnstructured{Value:80}",
            id="a number for a text",
        ),
        pytest.param(
            {"text": {"a": 1}},
            '.spec.text: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":1}}',
            id="a map for a text",
        ),
        pytest.param({"items": {"a": 1}}, ".spec.items: expected list, got &{map[a:1]}", id="a map for a list"),
        pytest.param({"any": [1, "a"]}, ".spec.any: expected map, got &{[1 a]}", id="a list for a map"),
        pytest.param({"port": [1]}, ".spec.port: expected any scalar, got &{[1]}", id="a list for a scalar"),
        pytest.param({"set": ["a", "a"]}, '.spec.set: duplicate entries for key [="a"]', id="a set with a duplicate"),
        pytest.param(
            {"items": [{"name": "a"}, {"name": "a", "protocol": "TCP"}]},
            '.spec.items: duplicate entries for key [name="a",protocol="TCP"]',
            id="an item twice",
        ),
        pytest.param(
            {"items": [{"value": "a"}]},
            '.spec.items: element 0: associative list with keys has an element that omits key field "name" '
            "(and doesn't have default value)",
            id="an item without its key",
        ),
        pytest.param(
            {"items": ["a"]},
            ".spec.items: element 0: associative list with keys may not have non-map elements",
            id="an item that is no map",
        ),
        pytest.param(
            {"set": [{}]},
            ".spec.set: element 0: associative list without keys has an element that's a map type",
            id="a map in a set",
        ),
        pytest.param(
            {"words": ["a", 1]},
            ".spec.words[1]: expected string, got &value.valueUnstructured{Value:1}",
            id="an item of an atomic list",
        ),
        pytest.param(
            {"items": [{"name": "a", "inner": {"c": 1}}]},
            '.spec.items[name="a",protocol="TCP"].inner.c: field not declared in schema',
            id="deep in an item",
        ),
    ],
)
def test_a_problem_is_told_with_its_place(spec, problem):
    assert checking.problems({"spec": spec}, SHAPE) == [problem]


@pytest.mark.parametrize(
    "spec",
    [{"any": {"x": [1, {"y": None}]}}, {"count": None, "items": None}, {"port": 1}, {"port": "a"}, {"selector": {}}],
    ids=str,
)
def test_what_fits_has_no_problem(spec):
    assert checking.problems({"spec": spec}, SHAPE) == []


def test_fields_that_are_not_named_pass_below_a_place_that_preserves_them():
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    outer = {"type": "object", "properties": {"inner": inner}, "x-kubernetes-preserve-unknown-fields": True}
    assert checking.problems({"inner": {"a": "1", "b": [1]}, "c": 1}, Shape(Node(outer))) == []
    strict = {**outer, "x-kubernetes-preserve-unknown-fields": False}
    assert checking.problems({"inner": {"b": 1}}, Shape(Node(strict))) == [".inner.b: field not declared in schema"]


def test_several_problems_are_listed():
    found = checking.problems({"spec": {"on": 1}, "status": {"phase": 2}}, SHAPE)
    assert checking.listed(found) == (
        "errors:\n  .spec.on: expected boolean, got &{1}"
        "\n  .status.phase: expected string, got &value.valueUnstructured{Value:2}"
    )


def test_every_stored_kind_has_a_shape_for_its_metadata():
    for kind in kinds.BUILT_IN:
        if "get" in kind.verbs:
            root = Shape(schema.of(kind).root)
            labelled = {"metadata": {"labels": {"a": "b"}}}
            assert checking.problems(labelled, root) == [], kind
            assert checking.problems({"nonsense": 1}, root) == [".nonsense: field not declared in schema"], kind
