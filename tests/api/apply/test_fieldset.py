"""Field sets: their algebra, their form on the wire, their texts."""

from __future__ import annotations

import orjson
import pytest
from api.apply.shapes import names, objects, shape
from hypothesis import given

from hyperpy.api.apply import fieldset, owned
from hyperpy.api.apply.fieldset import difference, intersection, union, without

SHAPE = shape()


def _everything(obj):
    return {step: below for step, below in owned.everything(obj, SHAPE).items() if step != fieldset.SELF}


def _paths(fields):
    return set(fieldset.paths(fields))


@given(objects(), objects())
def test_the_algebra_is_that_of_the_sets_of_paths(left, right):
    one, other = _everything(left), owned.applied(right, SHAPE)
    for a, b in ((one, other), (other, one), (one, one)):
        assert _paths(union(a, b)) == _paths(a) | _paths(b)
        assert _paths(difference(a, b)) == _paths(a) - _paths(b)
        assert _paths(intersection(a, b)) == _paths(a) & _paths(b)
        prefixes = _paths(b)
        kept = {path for path in _paths(a) if not any(path[:size] in prefixes for size in range(len(path) + 1))}
        assert _paths(without(a, b)) == kept


@given(objects())
def test_a_set_survives_the_wire(obj):
    for fields in (_everything(obj), owned.applied(obj, SHAPE)):
        assert fieldset.parse(orjson.loads(orjson.dumps(fields))) == fields


@pytest.mark.parametrize(
    ("raw", "parsed"),
    [
        pytest.param({"f:a": {".": {}}}, {"f:a": {}}, id="a dot alone is the step itself"),
        pytest.param({'k:{ "b":1, "a":"x" }': {}}, {'k:{"a":"x","b":1}': {}}, id="keys are sorted"),
        pytest.param({'v: "x"': {}}, {'v:"x"': {}}, id="values are written in one way"),
        pytest.param({"i:03": {}}, {"i:3": {}}, id="an index"),
        pytest.param({"f:a": None}, {"f:a": {}}, id="null is empty"),
        pytest.param({".": {}}, {}, id="the root is no field"),
    ],
)
def test_what_clients_send_is_brought_into_one_form(raw, parsed):
    assert fieldset.parse(raw) == parsed


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"a": {}}, id="no kind of step"),
        pytest.param({"f:a": 1}, id="no object"),
        pytest.param({"k:[]": {}}, id="keys that are no object"),
        pytest.param({"k:{": {}}, id="keys that do not parse"),
        pytest.param({"i:x": {}}, id="an index that is no number"),
        pytest.param({"x:a": {}}, id="an unknown kind"),
    ],
)
def test_what_is_no_set_is_refused(raw):
    with pytest.raises(ValueError):
        fieldset.parse(raw)


def test_paths_are_written_as_conflicts_show_them():
    fields = {
        "f:spec": {
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}}},
            "f:finalizers": {'v:"a/b"': {}},
            "f:list": {"i:0": {}},
            "f:replicas": {},
        }
    }
    assert [fieldset.text(path) for path in fieldset.paths(fields)] == [
        ".spec.replicas",
        '.spec.finalizers[="a/b"]',
        ".spec.list[0]",
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
    ]


def test_nothing_is_left_where_all_below_is_gone():
    assert difference(names("spec.a"), names("spec.a")) == {}
    assert difference({"f:a": {".": {}, "f:b": {}}}, {"f:a": {"f:b": {}}}) == {"f:a": {}}
    assert without(names("a.b", "c"), names("a")) == names("c")
