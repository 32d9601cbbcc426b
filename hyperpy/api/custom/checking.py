"""Values of a custom object against its schema: one quick check by compiled schema, and words for what is wrong.

The quick check decides nothing but that all is well; whatever it finds, `_Walk` looks at in the way and with the texts
of the API server.

Source: OpenAPI v3 as kube-openapi's `validate` reads it, message texts included. Ratcheting: KEP-4008, a value that an
update leaves as it was is not judged again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from hyperpy.api.custom import formats, tree
from hyperpy.api.patch.values import same
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.schema.checker import BadPattern, Checker

Obj = dict[str, Any]

ABSENT = object()
_INT_OR_STRING = ("integer", "string")
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_KEPT = (
    "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "required",
)  # fmt: skip


class ValueChecker:
    """The rules of one schema for values. Compiled at the first check."""

    def __init__(self, schema: tree.Schema) -> None:
        self._schema = schema

    @cached_property
    def _quick(self) -> Checker | None:
        try:
            return Checker(_json_schema(self._schema), formats=formats.FORMATS)
        except BadPattern:
            return None  # stored before patterns were checked: every value takes the long way

    def causes(self, value: Any, old: Any = ABSENT, *, path: str = "") -> list[Cause]:
        """What is wrong with a value; `old` is the value that it replaces."""
        if self._quick is not None and self._quick.accepts(value):
            return []
        return list(_node(value, self._schema, path, old))


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> Checker:
    return Checker({"pattern": pattern})


def pattern_problem(pattern: str) -> str:
    """Why a pattern cannot be used, or ""."""
    try:
        _pattern(pattern)
    except BadPattern as error:
        return str(error)
    return ""


def _json_schema(schema: tree.Schema) -> Obj:
    result: Obj = {name: schema[name] for name in _KEPT if name in schema}
    _tidy(result)
    kinds = _types(schema)
    if kinds:
        result["type"] = [*kinds, "null"] if schema.get("nullable") else list(kinds)
    if schema.get("format") in formats.FORMATS:
        result["format"] = schema["format"]
    elif schema.get("format") in _RANGES and schema.get("type") == "integer":
        low, high = _RANGES[schema["format"]]
        result["minimum"] = max(low, result.get("minimum", low))
        result["maximum"] = min(high, result.get("maximum", high))
    if tree.properties(schema):
        result["properties"] = {name: _json_schema(child) for name, child in tree.properties(schema).items()}
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            result[name] = _json_schema(schema[name])
    for name in ("allOf", "anyOf", "oneOf"):
        if schema.get(name):
            result[name] = [_json_schema(child) for child in schema[name]]
    return result


def _tidy(result: Obj) -> None:
    """Leave out what means nothing and draft 4 forbids: empty lists, things said twice, a manner without its bound."""
    if "required" in result:
        result["required"] = list(dict.fromkeys(result["required"]))
    if "enum" in result:
        choices = result["enum"]
        result["enum"] = [each for i, each in enumerate(choices) if not any(same(each, one) for one in choices[:i])]
    for name in ("required", "enum", "multipleOf"):
        if name in result and not result[name]:
            del result[name]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if bound not in result:
            result.pop(exclusive, None)


def _types(schema: tree.Schema) -> tuple[str, ...]:
    if schema.get(tree.INT_OR_STRING):
        return _INT_OR_STRING
    return (schema["type"],) if schema.get("type") else ()


def _node(value: Any, schema: tree.Schema, path: str, old: Any) -> Iterator[Cause]:
    """Everything that is wrong with one value, in the order of the API server's validators."""
    if old is not ABSENT and same(value, old):
        return
    wrong = _type_problem(value, schema, path)
    if wrong is not None:
        yield wrong
    if value is not None:
        yield from _combined(value, schema, path, old)
        if isinstance(value, str):
            yield from _text(value, schema, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from _number(value, schema, path)
        elif isinstance(value, list):
            yield from _list(value, schema, path, old)
    if schema.get("enum") and not any(same(value, choice) for choice in schema["enum"]):
        yield _not_supported(_field(path), value, schema["enum"])
    if isinstance(value, dict):
        yield from _object(value, schema, path, old)


def _field(path: str) -> str:
    return path or "<nil>"


def _type_problem(value: Any, schema: tree.Schema, path: str) -> Cause | None:
    kinds = _types(schema)
    if not kinds or (value is None and schema.get("nullable")):
        return None
    actual = type_name(value)
    if actual in kinds or (actual == "integer" and "number" in kinds):
        return None
    if actual == "number" and "integer" in kinds and float(value).is_integer():
        return None
    text = f"{path} in body must be of type {','.join(kinds)}: {cause.shown(actual)}"
    return cause.type_invalid(_field(path), actual, text)


def type_name(value: Any) -> str:
    """The JSON type of a value, as messages call it."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _combined(value: Any, schema: tree.Schema, path: str, old: Any) -> Iterator[Cause]:
    quoted = f'"{path}"'
    if schema.get("anyOf"):
        results = [list(_node(value, child, path, ABSENT)) for child in schema["anyOf"]]
        if all(results):
            yield _composite(f"{quoted} must validate at least one schema (anyOf)")
            yield from min(results, key=len)
    if schema.get("oneOf"):
        results = [list(_node(value, child, path, ABSENT)) for child in schema["oneOf"]]
        valid = sum(not result for result in results)
        text = f"{quoted} must validate one and only one schema (oneOf)."
        if not valid:
            yield _composite(f"{text} Found none valid")
            yield from min(results, key=len)
        elif valid > 1:
            yield _composite(f"{text} Found {valid} valid alternatives")
    if schema.get("allOf"):
        results = [list(_node(value, child, path, old)) for child in schema["allOf"]]
        for result in results:
            yield from result
        if any(results):
            none = ". None validated" if all(results) else ""
            yield _composite(f"{quoted} must validate all the schemas (allOf){none}")
    if schema.get("not") is not None and not list(_node(value, schema["not"], path, ABSENT)):
        yield _composite(f"{quoted} must not validate the schema (not)")


def _composite(text: str) -> Cause:
    """What is wrong with a combination of schemas: the API server names no field there."""
    return cause.invalid("<nil>", "", text)


def _text(value: str, schema: tree.Schema, path: str) -> Iterator[Cause]:
    field = _field(path)
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield cause.too_long(field, schema["maxLength"])
    if "minLength" in schema and len(value) < schema["minLength"]:
        yield cause.invalid(field, value, f"{path} in body should be at least {schema['minLength']} chars long")
    if schema.get("pattern") and not _matches(schema["pattern"], value):
        yield cause.invalid(field, value, f"{path} in body should match '{schema['pattern']}'")
    name = schema.get("format")
    if name and not formats.matches(name, value):
        text = f"{path} in body must be of type {name}: {cause.shown(value)}"
        yield cause.type_invalid(field, value, text)


def _matches(pattern: str, value: str) -> bool:
    try:
        return _pattern(pattern).accepts(value)
    except BadPattern:
        return True


def _number(value: float, schema: tree.Schema, path: str) -> Iterator[Cause]:
    field = _field(path)
    rules = (
        ("maximum", "exclusiveMaximum", "less", lambda bound: value < bound),
        ("minimum", "exclusiveMinimum", "greater", lambda bound: value > bound),
    )
    for name, exclusive, word, holds in rules:
        bound = schema.get(name)
        if bound is None or holds(bound) or (value == bound and not schema.get(exclusive)):
            continue
        than = "than" if schema.get(exclusive) else "than or equal to"
        yield cause.invalid(field, value, f"{path} in body should be {word} {than} {_plain(bound)}")
    step = schema.get("multipleOf")
    if step and Decimal(str(value)) % Decimal(str(step)):
        yield cause.invalid(field, value, f"{path} in body should be a multiple of {_plain(step)}")
    low, high = _RANGES.get(schema.get("format", ""), (None, None))
    if schema.get("type") == "integer" and low is not None and high is not None and not low <= value <= high:
        text = f"Checked value must be of type integer with format {schema['format']} in {path}"
        yield cause.invalid(field, value, text)


def _plain(number: float) -> str:
    """A number as Go writes a float."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e21 else repr(number)


def _list(value: list[Any], schema: tree.Schema, path: str, old: Any) -> Iterator[Cause]:
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield cause.too_many(_field(path), len(value), schema["maxItems"])
    if "minItems" in schema and len(value) < schema["minItems"]:
        text = f"{path} in body should have at least {schema['minItems']} items"
        yield cause.invalid(_field(path), len(value), text)
    items = schema.get("items")
    if not isinstance(items, dict):
        return
    for index, item in enumerate(value):
        yield from _node(item, items, f"{path}[{index}]", old_item(item, schema, old))


def old_item(item: Any, schema: tree.Schema, old: Any) -> Any:
    """The item of the old list that stands for the same thing: only maps and sets have such; else ABSENT."""
    if not isinstance(old, list):
        return ABSENT
    if schema.get(tree.LIST_TYPE) == "map" and isinstance(item, dict):
        keys = schema.get(tree.LIST_KEYS) or ()
        wanted = [item.get(key) for key in keys]
        for other in old:
            if isinstance(other, dict) and same([other.get(key) for key in keys], wanted):
                return other
    elif schema.get(tree.LIST_TYPE) == "set":
        return next((other for other in old if same(other, item)), ABSENT)
    return ABSENT


def old_member(name: str, schema: tree.Schema, old: Any) -> Any:
    """The member of the old object under a name, where members of old and new belong together; else ABSENT."""
    if not isinstance(old, dict) or schema.get(tree.MAP_TYPE) == "atomic":
        return ABSENT
    return old.get(name, ABSENT)


def _object(value: Obj, schema: tree.Schema, path: str, old: Any) -> Iterator[Cause]:
    if "minProperties" in schema and len(value) < schema["minProperties"]:
        text = f"{path} in body should have at least {schema['minProperties']} properties"
        yield cause.invalid(_field(path), len(value), text)
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        yield cause.too_many(_field(path), len(value), schema["maxProperties"])
    below = f"{path}." if path else ""
    for name in schema.get("required") or ():
        if name not in value:
            yield cause.required(f"{below}{name}")
    own, values = tree.properties(schema), tree.additional(schema)
    for name, member in value.items():
        child = own.get(name, values)
        if child is not None:
            yield from _node(member, child, f"{below}{name}", old_member(name, schema, old))


def _not_supported(field: str, value: Any, choices: list[Any]) -> Cause:
    """The value is none of an enum, whose order is kept."""
    texts = [choice if isinstance(choice, str) else cause.shown(choice) for choice in choices]
    listed = ", ".join(json.dumps(text, ensure_ascii=False) for text in texts)
    return Cause(field, cause.NOT_SUPPORTED, f"Unsupported value: {cause.shown(value)}: supported values: {listed}")
