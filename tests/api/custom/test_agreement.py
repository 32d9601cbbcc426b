"""The quick check of values and the long way agree: what the quick one takes, the long one does not complain of."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.api.custom import checking, lists
from hyperpy.api.custom.checking import ValueChecker
from hyperpy.api.custom.converting import rename
from hyperpy.api.custom.definition import CustomVersion, Family

NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "a", "ab", "1s"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.0]), TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "nullable": st.booleans(),
        "enum": st.lists(LEAVES, min_size=1, max_size=2),
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.booleans(),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "b$", "[0-9]"]),
        "format": st.sampled_from(["duration", "int32", "no-such"]),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "minProperties": st.integers(0, 2),
        "maxProperties": st.integers(0, 2),
        "required": st.lists(NAMES, max_size=2, unique=True),
    },
)


def schema(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    shapes = st.one_of(
        st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)}),
        st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
    )
    logic = st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(RULES, min_size=1, max_size=2), "oneOf": st.lists(RULES, min_size=1, max_size=2),
            "allOf": st.lists(RULES, min_size=1, max_size=2), "not": RULES,
        },
    )  # fmt: skip
    return st.builds(lambda one, two, three: {**one, **two, **three}, RULES, shapes, logic)


SCALARS = st.builds(
    lambda rules, kind: {**rules, **kind},
    RULES,
    st.sampled_from([
        {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"},
        {"x-kubernetes-int-or-string": True}, {"x-kubernetes-preserve-unknown-fields": True},
    ]),
)  # fmt: skip
SCHEMAS = st.recursive(SCALARS, schema, max_leaves=6)
many = settings(
    max_examples=300, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@many
@given(SCHEMAS, VALUES)
def test_what_the_quick_check_takes_the_long_way_takes(schema: dict[str, Any], value: Any) -> None:
    checker = ValueChecker(schema)
    assert checker._quick is not None
    if checker._quick.accepts(value):
        assert list(checking._node(value, schema, "", checking.ABSENT)) == []


def version(schema: dict[str, Any]) -> CustomVersion:
    root = {"type": "object", "properties": {"spec": schema}}
    names = {"plural": "things", "kind": "Thing"}
    entry = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [entry]}
    crd = {"metadata": {"name": "things.example.com"}, "spec": spec, "status": {"acceptedNames": names}}
    return Family(crd, rename).versions["example.com/v1"]


@many
@given(SCHEMAS, VALUES)
def test_what_is_pruned_and_has_its_defaults_stays_so(schema: dict[str, Any], value: Any) -> None:
    made = version(schema)
    obj = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": value}
    made.schema.prune(obj)
    made.default(obj)
    assert made.is_settled(obj)
    assert made.schema.unknown(obj) == []
    list(made.causes(obj, None))
    list(lists.duplicates(obj, made.written))
