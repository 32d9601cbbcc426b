"""Values against a custom kind's schema: the API server's texts, and what an update does not judge again."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api.custom import formats
from hyperpy.api.custom.checking import ABSENT, ValueChecker


def said(schema: dict[str, Any], value: Any, old: Any = ABSENT) -> list[str]:
    """The messages about a value in the field `x`."""
    root = {"type": "object", "properties": {"x": schema}}
    before = ABSENT if old is ABSENT else {"x": old}
    return [str(cause) for cause in ValueChecker(root).causes({"x": value}, before)]


NAMED = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
NEEDS_A, NEEDS_B = {"required": ["a"]}, {"required": ["b"]}

BAD = [
    ({"type": "integer"}, "3", 'x: Invalid value: "string": x in body must be of type integer: "string"'),
    ({"type": "integer"}, 1.5, 'x: Invalid value: "number": x in body must be of type integer: "number"'),
    ({"type": "string"}, None, 'x: Invalid value: "null": x in body must be of type string: "null"'),
    ({"type": "boolean"}, 1, 'x: Invalid value: "integer": x in body must be of type boolean: "integer"'),
    ({"type": "object"}, [], 'x: Invalid value: "array": x in body must be of type object: "array"'),
    (
        {"x-kubernetes-int-or-string": True}, True,
        'x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"',
    ),
    ({"type": "integer", "minimum": 1}, 0, "x: Invalid value: 0: x in body should be greater than or equal to 1"),
    ({"type": "integer", "maximum": 1}, 2, "x: Invalid value: 2: x in body should be less than or equal to 1"),
    (
        {"type": "number", "minimum": 1, "exclusiveMinimum": True}, 1,
        "x: Invalid value: 1: x in body should be greater than 1",
    ),
    (
        {"type": "number", "maximum": 1.5, "exclusiveMaximum": True}, 1.5,
        "x: Invalid value: 1.5: x in body should be less than 1.5",
    ),
    ({"type": "integer", "multipleOf": 3}, 4, "x: Invalid value: 4: x in body should be a multiple of 3"),
    ({"type": "string", "maxLength": 2}, "abc", "x: Too long: may not be more than 2 bytes"),
    ({"type": "string", "minLength": 2}, "a", 'x: Invalid value: "a": x in body should be at least 2 chars long'),
    ({"type": "string", "pattern": "^b$"}, "a", "x: Invalid value: \"a\": x in body should match '^b$'"),
    ({"type": "string", "enum": ["b", "a"]}, "c", 'x: Unsupported value: "c": supported values: "b", "a"'),
    ({"type": "integer", "enum": [1, 2]}, 3, 'x: Unsupported value: 3: supported values: "1", "2"'),
    (
        {"type": "string", "format": "date-time"}, "now",
        'x: Invalid value: "now": x in body must be of type date-time: "now"',
    ),
    ({"type": "array", "items": {}, "maxItems": 1}, [1, 2], "x: Too many: 2: must have at most 1 items"),
    ({"type": "array", "items": {}, "minItems": 1}, [], "x: Invalid value: 0: x in body should have at least 1 items"),
    (
        {"type": "array", "items": {"type": "string"}}, ["a", 1],
        'x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer"',
    ),
    ({"type": "object", "maxProperties": 0}, {"a": 1}, "x: Too many: 1: must have at most 0 items"),
    (
        {"type": "object", "minProperties": 1}, {},
        "x: Invalid value: 0: x in body should have at least 1 properties",
    ),
    ({**NAMED, "required": ["a"]}, {}, "x.a: Required value"),
    (
        {"type": "object", "additionalProperties": {"type": "integer"}}, {"k": "v"},
        'x.k: Invalid value: "string": x.k in body must be of type integer: "string"',
    ),
    (
        {**NAMED, "anyOf": [NEEDS_A, NEEDS_B]}, {},
        '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)',
    ),
    (
        {**NAMED, "oneOf": [NEEDS_A, NEEDS_B]}, {},
        '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid',
    ),
    (
        {**NAMED, "oneOf": [NEEDS_A, NEEDS_B]}, {"a": "", "b": ""},
        '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ),
    ({**NAMED, "allOf": [NEEDS_A]}, {}, "x.a: Required value"),
    ({**NAMED, "not": NEEDS_A}, {"a": ""}, '<nil>: Invalid value: "": "x" must not validate the schema (not)'),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "text"), BAD, ids=lambda item: str(item)[:40])
def test_a_bad_value_is_blamed_in_kubernetes_words(schema: dict[str, Any], value: Any, text: str) -> None:
    assert said(schema, value)[0] == text


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1.0),
        ({"type": "number"}, 1),
        ({"type": "string", "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "50%"),
        ({"x-kubernetes-int-or-string": True}, 50),
        ({"type": "string", "format": "no-such-format"}, "anything"),
        ({"type": "string", "pattern": "b"}, "abc"),
        ({**NAMED, "oneOf": [NEEDS_A, NEEDS_B]}, {"a": ""}),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"any": [1]}),
    ],
    ids=str,
)
def test_a_good_value_passes(schema: dict[str, Any], value: Any) -> None:
    assert said(schema, value) == []


ITEM = {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer", "maximum": 1}}}
MAP = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


@pytest.mark.parametrize(
    ("schema", "old", "new", "count"),
    [
        ({"type": "integer", "maximum": 1}, 5, 5, 0),
        ({"type": "integer", "maximum": 1}, 5, 6, 1),
        ({**NAMED, "required": ["b"]}, {"a": "1"}, {"a": "2"}, 1),
        ({"type": "array", "items": ITEM, **MAP}, [{"name": "a", "n": 5}], [{"name": "b"}, {"name": "a", "n": 5}], 0),
        ({"type": "array", "items": ITEM, **MAP}, [{"name": "a", "n": 5}], [{"name": "a", "n": 6}], 1),
        ({"type": "array", "items": ITEM}, [{"name": "a", "n": 5}], [{"name": "b"}, {"name": "a", "n": 5}], 1),
        ({"type": "object", "additionalProperties": {"maxLength": 1}}, {"a": "11"}, {"a": "11", "b": "1"}, 0),
        ({**ITEM, "x-kubernetes-map-type": "atomic"}, {"n": 5}, {"n": 5, "name": "a"}, 1),
    ],
    ids=["same", "other", "a required field is missing still", "item of a map list", "changed item", "atomic list",
         "member of a map", "atomic map"],
)  # fmt: skip
def test_what_an_update_leaves_as_it_was_is_not_judged_again(
    schema: dict[str, Any], old: Any, new: Any, count: int
) -> None:
    assert len(said(schema, new, old)) == count


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("mac", "00:11:22:33:44:55", "00:11"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99"),
        ("uuid3", "bcd02e22-68f0-3046-a512-327cca9def8f", "bcd02e22-68f0-4046-a512-327cca9def8f"),
        ("uuid4", "025b0d74-00a2-4048-bf57-227c5111bb34", "025b0d74-00a2-5048-bf57-227c5111bb34"),
        ("uuid5", "886313e1-3b8a-5372-9b90-0c9aee199e5d", "886313e1-3b8a-3372-9b90-0c9aee199e5d"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-01-01T00:00:00+01:00", "2024-01-01"),
        ("duration", "1h30m", "soon"),
        ("email", "a@example.com", "a.example.com"),
        ("hostname", "a.example.com", "-a"),
        ("uri", "https://example.com/a", "a b"),
        ("byte", "aGk=", "a"),
        ("isbn10", "0-306-40615-2", "0-306-40615-3"),
        ("isbn13", "978-3-16-148410-0", "978-3-16-148410-1"),
        ("isbn", "0306406152", "1"),
        ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("ssn", "111-11-1111", "1"),
        ("hexcolor", "#FFFFFF", "#GG0000"),
        ("rgbcolor", "rgb(1,2,255)", "rgb(1,2,256)"),
        ("bsonobjectid", "507f1f77bcf86cd799439011", "1"),
    ],
)
def test_a_format_tells_good_from_bad(name: str, good: str, bad: str) -> None:
    assert formats.matches(name, good)
    assert not formats.matches(name, bad)


def test_the_quick_check_and_the_long_way_agree_on_nulls_under_logic() -> None:
    schema = {
        "type": "string",
        "nullable": True,
        "anyOf": [{"minLength": 1}, {"pattern": "^$"}],
        "not": {"enum": [None]},
    }
    assert said(schema, None) == []
