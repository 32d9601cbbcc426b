"""One version of a custom kind: pruning, defaults, columns, versions, and rules in CEL."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api.custom.converting import rename
from hyperpy.api.custom.definition import CustomVersion, Family

Obj = dict[str, Any]


def family(schema: Obj, *more: Obj, **extra: Any) -> Family:
    """The kinds of a definition with this schema."""
    versions = [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **extra},
        *more,
    ]
    names = {"plural": "things", "kind": "Thing", "singular": "thing", "listKind": "ThingList"}
    crd = {
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions},
        "status": {"acceptedNames": names},
    }
    return Family(crd, rename)


def made(properties: Obj, **extra: Any) -> CustomVersion:
    """The version with these fields in its spec."""
    spec = {"type": "object", "properties": properties, **extra}
    return family({"type": "object", "properties": {"spec": spec}}).versions["example.com/v1"]


def thing(**spec: Any) -> Obj:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}


STRING: Obj = {"type": "string"}
PRESERVES = {"x-kubernetes-preserve-unknown-fields": True}
EMBEDDED = {"type": "object", "x-kubernetes-embedded-resource": True}


@pytest.mark.parametrize(
    ("field", "given", "kept", "unknown"),
    [
        ({"type": "object", "properties": {"a": STRING}}, {"a": "1", "b": 1}, {"a": "1"}, ["spec.x.b"]),
        ({"type": "object", **PRESERVES}, {"b": {"c": 1}}, {"b": {"c": 1}}, []),
        (
            {"type": "object", **PRESERVES, "properties": {"a": {"type": "object"}}},
            {"a": {"c": 1}, "d": 1}, {"a": {}, "d": 1}, ["spec.x.a.c"],
        ),
        ({"type": "object", "additionalProperties": STRING}, {"k": "v"}, {"k": "v"}, []),
        ({"type": "object", "additionalProperties": True}, {"k": {"l": 1}}, {"k": {"l": 1}}, []),
        (
            {"type": "array", "items": {"type": "object", "properties": {"a": STRING}}},
            [{"a": "1"}, {"b": 1}], [{"a": "1"}, {}], ["spec.x[1].b"],
        ),
        ({"x-kubernetes-int-or-string": True}, {"a": 1}, {}, ["spec.x.a"]),
        (
            {**EMBEDDED, "properties": {"spec": {"type": "object"}}},
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "n", "zz": 1}, "spec": {}, "more": 1},
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "n"}, "spec": {}},
            ["spec.x.metadata.zz", "spec.x.more"],
        ),
    ],
    ids=["object", "preserved", "preserved around a structure", "map", "any map", "list", "int or string", "embedded"],
)  # fmt: skip
def test_unknown_fields_are_pruned(field: Obj, given: Any, kept: Any, unknown: list[str]) -> None:
    obj = thing(x=given)
    assert sorted(made({"x": field}).schema.prune(obj)) == unknown
    assert obj["spec"] == {"x": kept}


@pytest.mark.parametrize(
    ("properties", "given", "wanted"),
    [
        ({"x": {**STRING, "default": "d"}}, {}, {"x": "d"}),
        ({"x": {**STRING, "default": "d"}}, {"x": "y"}, {"x": "y"}),
        ({"x": {**STRING, "default": "d"}}, {"x": None}, {"x": "d"}),
        ({"x": {**STRING, "default": "d", "nullable": True}}, {"x": None}, {"x": None}),
        ({"x": STRING}, {"x": None}, {}),
        ({"x": {**STRING, "nullable": True}}, {"x": None}, {"x": None}),
        (
            {"x": {"type": "object", "default": {}, "properties": {"y": {**STRING, "default": "d"}}}},
            {}, {"x": {"y": "d"}},
        ),
        ({"x": {"type": "object", "properties": {"y": {**STRING, "default": "d"}}}}, {}, {}),
        (
            {"x": {"type": "array", "items": {"type": "object", "properties": {"y": {**STRING, "default": "d"}}}}},
            {"x": [{}, {"y": "1"}]}, {"x": [{"y": "d"}, {"y": "1"}]},
        ),
        (
            {"x": {"type": "object", "additionalProperties": {
                "type": "object", "properties": {"y": {**STRING, "default": "d"}}}}},
            {"x": {"k": {}}}, {"x": {"k": {"y": "d"}}},
        ),
    ],
    ids=["missing", "given", "null", "null that may be", "null without default", "nullable", "default in a default",
         "nothing to put it in", "items", "values of a map"],
)  # fmt: skip
def test_defaults_and_nulls(properties: Obj, given: Obj, wanted: Obj) -> None:
    version, obj = made(properties), thing(**copy.deepcopy(given))
    if "default" in str(properties):
        assert version.is_settled(obj) is (given == wanted)
    version.default(obj)
    assert obj["spec"] == wanted
    assert version.is_settled(obj)


def test_a_default_is_a_copy() -> None:
    version = made({"x": {"type": "array", "items": STRING, "default": ["a"]}})
    one, other = thing(), thing()
    version.default(one)
    version.default(other)
    one["spec"]["x"].append("b")
    assert other["spec"]["x"] == ["a"]


async def test_objects_of_an_older_schema_are_brought_up_when_they_are_read() -> None:
    version = made({"x": {**STRING, "default": "d"}})
    assert not version.is_settled(thing(gone=1))
    assert (await version.convert([thing(gone=1)]))[0]["spec"] == {"x": "d"}


async def test_other_versions_are_renamed_and_pruned() -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"b": STRING}}}}
    second = {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": schema}}
    kinds = family({"type": "object", **PRESERVES}, second)
    found = await kinds.versions["example.com/v2"].convert([thing(a="1", b="2")])
    assert (found[0]["apiVersion"], found[0]["spec"]) == ("example.com/v2", {"b": "2"})
    assert [kind.version for kind in kinds.kinds] == ["v1", "v2"]
    assert kinds.kinds[1].stored == kinds.kinds[0]


def test_columns_show_what_their_paths_find() -> None:
    columns = [
        {"name": "Text", "type": "string", "jsonPath": ".spec.text"},
        {"name": "Object", "type": "string", "jsonPath": ".spec.object"},
        {"name": "Number", "type": "integer", "jsonPath": ".spec.number"},
        {"name": "Ratio", "type": "number", "jsonPath": ".spec.ratio"},
        {"name": "Flag", "type": "boolean", "jsonPath": ".spec.flag"},
        {"name": "Wrong", "type": "integer", "jsonPath": ".spec.text"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status', "priority": 1},
        {"name": "Since", "type": "date", "jsonPath": ".spec.since"},
        {"name": "Bad", "type": "date", "jsonPath": ".spec.text"},
        {"name": "Missing", "type": "string", "jsonPath": ".spec.nothing.at.all"},
    ]
    version = family({"type": "object"}, additionalPrinterColumns=columns).versions["example.com/v1"]
    spec = {"text": "t", "object": {"a": 1}, "number": 3, "ratio": 1.5, "flag": False, "since": "1970-01-01T00:00:00Z"}
    obj = {**thing(**spec), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    cells = version.printer.cells(obj, 60.0)
    assert cells == ["a", "t", '{"a":1}', 3, 1.5, False, None, "True", "60s", "<invalid>", None]
    assert version.printer.columns[7].priority == 1


def test_without_columns_the_age_is_shown() -> None:
    version = family({"type": "object"}).versions["example.com/v1"]
    assert [column.name for column in version.printer.columns] == ["Name", "Age"]


def ruled(rule: Obj, schema: Obj | None = None) -> CustomVersion:
    """A version with a rule on `spec.x`."""
    return made({"x": {**(schema or {"type": "integer"}), "x-kubernetes-validations": [rule]}})


@pytest.mark.parametrize(
    ("rule", "value", "text"),
    [
        ({"rule": "self < 3"}, 3, 'spec.x: Invalid value: "integer": failed rule: self < 3'),
        ({"rule": "self < 3", "message": "too much"}, 3, 'spec.x: Invalid value: "integer": too much'),
        (
            {"rule": "self < 3", "messageExpression": "'%d is too much'.format([self])"}, 3,
            'spec.x: Invalid value: "integer": 3 is too much',
        ),
        (
            {"rule": "self < 3", "messageExpression": "string(1 / 0)", "message": "too much"}, 3,
            'spec.x: Invalid value: "integer": too much',
        ),
        ({"rule": "self < 3", "message": "m", "reason": "FieldValueForbidden"}, 3, "spec.x: Forbidden: m"),
        ({"rule": "self < 3", "message": "m", "reason": "FieldValueRequired"}, 3, "spec.x: Required value: m"),
        (
            {"rule": "1 / self > 0"}, 0,
            'spec.x: Invalid value: "integer": division by zero evaluating rule: 1 / self > 0',
        ),
    ],
    ids=["rule", "message", "expression", "failing expression", "forbidden", "required", "error"],
)  # fmt: skip
def test_a_broken_rule_is_told(rule: Obj, value: Any, text: str) -> None:
    assert [str(cause) for cause in ruled(rule).causes(thing(x=value), None)] == [text]


def test_a_rule_may_blame_a_field_below() -> None:
    schema = {"type": "object", "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}}}
    version = ruled({"rule": "self.low <= self.high", "message": "m", "fieldPath": ".high"}, schema)
    assert [str(cause) for cause in version.causes(thing(x={"low": 2, "high": 1}), None)] == [
        'spec.x.high: Invalid value: "object": m'
    ]


def test_transition_rules_are_asked_when_there_is_an_old_value() -> None:
    version = ruled({"rule": "self >= oldSelf", "message": "must grow"})
    assert list(version.causes(thing(x=1), None)) == []
    assert list(version.causes(thing(x=1), thing())) == []
    assert list(version.causes(thing(x=2), thing(x=1))) == []
    assert [str(cause) for cause in version.causes(thing(x=1), thing(x=2))] == [
        'spec.x: Invalid value: "integer": must grow'
    ]


def test_an_optional_old_self_is_asked_for_new_objects_too() -> None:
    version = ruled({"rule": "oldSelf.hasValue() || self == 1", "optionalOldSelf": True})
    assert list(version.causes(thing(x=1), None)) == []
    assert len(list(version.causes(thing(x=2), None))) == 1
    assert list(version.causes(thing(x=2), thing(x=1))) == []


def test_a_broken_rule_about_an_unchanged_value_is_let_pass() -> None:
    version = ruled({"rule": "self < 3"})
    assert list(version.causes(thing(x=5), thing(x=5))) == []
    assert len(list(version.causes(thing(x=6), thing(x=5)))) == 1


def test_rules_stand_at_items_values_and_the_root() -> None:
    rule = [{"rule": "self.size() < 2"}]
    text = {"type": "string", "x-kubernetes-validations": rule}
    schema = {
        "type": "object",
        "x-kubernetes-validations": [{"rule": "self.metadata.name != 'bad'", "message": "no"}],
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": text},
                    "map": {"type": "object", "additionalProperties": text},
                },
            }
        },
    }
    version = family(schema).versions["example.com/v1"]
    obj = {**thing(list=["a", "bb"], map={"k": "cc"}), "metadata": {"name": "bad"}}
    assert [str(cause) for cause in version.causes(obj, None)] == [
        '<nil>: Invalid value: "object": no',
        'spec.list[1]: Invalid value: "string": failed rule: self.size() < 2',
        'spec.map[k]: Invalid value: "string": failed rule: self.size() < 2',
    ]


def test_rules_are_not_asked_of_an_object_that_breaks_its_schema() -> None:
    version = ruled({"rule": "self < 3"})
    assert [str(cause) for cause in version.causes(thing(x="a"), None)][1] == (
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct "
        "the existing errors to complete validation"
    )
