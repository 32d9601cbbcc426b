"""What makes a schema structural: every field has a type outside of the logical keywords, which only restrict values.

Source: Kubernetes' documentation, "Specifying a structural schema" (Extend the Kubernetes API with
CustomResourceDefinitions); texts of the API server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.custom import tree
from hyperpy.api.custom.checking import pattern_problem
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

_ROOT, _ITEM, _FIELD = "at the root", "for specified array items", "for specified object fields"
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
#: Keyword -> how it must be in a schema under anyOf, allOf, oneOf or not.
_NOT_NESTED = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("externalDocs", "must be undefined to be structural"),
    (tree.PRESERVES, "must be false to be structural"),
    (tree.EMBEDDED, "must be false to be structural"),
    (tree.INT_OR_STRING, "must be false to be structural"),
    (tree.LIST_KEYS, "must be empty to be structural"),
    (tree.LIST_TYPE, "must be undefined to be structural"),
    (tree.MAP_TYPE, "must be undefined to be structural"),
    (tree.RULES, "must be empty to be structural"),
)
_NAMES = ({"name"}, {"generateName"}, {"name", "generateName"})


def causes(schema: tree.Schema, path: str) -> list[Cause]:
    """Why a schema is not structural, in the order of the messages."""
    found = [*_invariants(schema, path, _ROOT), *_completeness(schema, schema, path)]
    return sorted(found, key=str)


def _invariants(schema: tree.Schema, path: str, level: str) -> Iterator[Cause]:
    items, values = schema.get("items"), schema.get("additionalProperties")
    if schema.get("type") == "array" and items is None:
        yield cause.required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        yield from _invariants(items, f"{path}.items", _ITEM)
    for name, child in tree.properties(schema).items():
        yield from _invariants(child, f"{path}.properties[{name}]", _FIELD)
    if values is not None:
        if level == _ROOT:
            yield cause.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(values, dict):
            yield from _invariants(values, f"{path}.additionalProperties", _FIELD)
    yield from _extensions(schema, path)
    yield from _value_rules(schema, path, pattern=_is_int_or_string(schema))
    yield from _type(schema, path, level)
    if level == _ROOT or schema.get(tree.EMBEDDED):
        yield from _head(schema, path)
    if level == _ROOT and "metadata" in tree.properties(schema):
        yield from _metadata(tree.properties(schema)["metadata"], f"{path}.properties[metadata]")


def _extensions(schema: tree.Schema, path: str) -> Iterator[Cause]:
    if schema.get(tree.INT_OR_STRING):
        for name in (tree.PRESERVES, tree.EMBEDDED):
            if schema.get(name):
                yield cause.invalid(f"{path}.{name}", True, "must be false if x-kubernetes-int-or-string is true")
    if schema.get(tree.EMBEDDED):
        if schema.get("additionalProperties") is not None:
            text = "must not be used if x-kubernetes-embedded-resource is set"
            yield cause.forbidden(f"{path}.additionalProperties", text)
        if not schema.get(tree.PRESERVES) and not tree.properties(schema):
            text = (
                "must not be empty if x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields"
            )
            yield cause.required(f"{path}.properties", text)


def _type(schema: tree.Schema, path: str, level: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if schema.get(tree.EMBEDDED) and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield cause.invalid(f"{path}.type", kind, text) if kind else cause.required(f"{path}.type", text)
    elif not kind and not schema.get(tree.INT_OR_STRING) and not schema.get(tree.PRESERVES):
        yield cause.required(f"{path}.type", f"must not be empty {level}")
    if level == _ROOT and kind and kind != "object":
        yield cause.invalid(f"{path}.type", kind, "must be object at the root")


def _head(schema: tree.Schema, path: str) -> Iterator[Cause]:
    own = tree.properties(schema)
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        if name in own and own[name].get("type") != wanted:
            yield cause.invalid(f"{path}.properties[{name}].type", own[name].get("type") or "", f"must be {wanted}")


def _metadata(schema: tree.Schema, path: str) -> Iterator[Cause]:
    """The metadata of the object itself: only rules for the name may be given."""
    rest = {name for name, value in schema.items() if value and name not in ("type", "properties", "default")}
    own = tree.properties(schema)
    if rest or (own and set(own) not in _NAMES):
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield cause.forbidden(path, text)


def _is_int_or_string(schema: tree.Schema) -> str:
    """Where the two types of an int-or-string may be named although they are nested: `anyOf`, `allOf` or ""."""
    if schema.get("anyOf") == _INT_OR_STRING:
        return "anyOf"
    if (schema.get("allOf") or [{}])[0].get("anyOf") == _INT_OR_STRING:
        return "allOf"
    return ""


def _value_rules(schema: tree.Schema, path: str, *, pattern: str = "") -> Iterator[Cause]:
    """`pattern`: which keyword holds the two types of an int-or-string, see `_is_int_or_string`."""
    if pattern != "anyOf":
        for i, child in enumerate(schema.get("anyOf") or ()):
            yield from _nested(child, f"{path}.anyOf[{i}]")
    for i, child in enumerate(schema.get("allOf") or ()):
        inner = "anyOf" if pattern == "allOf" and i == 0 else ""
        yield from _nested(child, f"{path}.allOf[{i}]", pattern=inner)
    for i, child in enumerate(schema.get("oneOf") or ()):
        yield from _nested(child, f"{path}.oneOf[{i}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], f"{path}.not")
    if schema.get("pattern"):
        problem = pattern_problem(schema["pattern"])
        if problem:
            text = f"must be a valid regular expression, but isn't: {problem}"
            yield cause.invalid(f"{path}.pattern", schema["pattern"], text)


def _nested(schema: tree.Schema, path: str, *, pattern: str = "") -> Iterator[Cause]:
    yield from _value_rules(schema, path, pattern=pattern)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], f"{path}.items")
    for name, child in tree.properties(schema).items():
        yield from _nested(child, f"{path}.properties[{name}]")
    for name, text in _NOT_NESTED:
        if schema.get(name):
            yield cause.forbidden(f"{path}.{name}", text)
    if "metadata" in tree.properties(schema):
        yield cause.forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(schema: tree.Schema, outer: tree.Schema, path: str) -> Iterator[Cause]:
    """Every field that a nested schema names is there outside of the nesting too."""
    for keyword in ("anyOf", "allOf", "oneOf"):
        for i, child in enumerate(schema.get(keyword) or ()):
            yield from _covered(child, outer, f"{path}.{keyword}[{i}]", path)
    if schema.get("not") is not None:
        yield from _covered(schema["not"], outer, f"{path}.not", path)
    for name, child in tree.properties(schema).items():
        yield from _completeness(child, child, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _completeness(schema[name], schema[name], f"{path}.{name}")


def _covered(nested: tree.Schema, outer: Any, path: str, wanted: str) -> Iterator[Cause]:
    """What a nested schema says is said of fields that the outer one has.

    Args:
        path: of the nested schema.
        wanted: the path that the outer one has, or should have.
    """
    for keyword in ("anyOf", "allOf", "oneOf"):
        for i, child in enumerate(nested.get(keyword) or ()):
            yield from _covered(child, outer, f"{path}.{keyword}[{i}]", wanted)
    if nested.get("not") is not None:
        yield from _covered(nested["not"], outer, f"{path}.not", wanted)
    for name, child in tree.properties(nested).items():
        place, inner = f"{wanted}.properties[{name}]", tree.properties(outer).get(name)
        if inner is None:
            yield cause.required(place, f"because it is defined in {path}.properties[{name}]")
        else:
            yield from _covered(child, inner, f"{path}.properties[{name}]", place)
    if isinstance(nested.get("items"), dict):
        if not isinstance(outer.get("items"), dict):
            yield cause.required(f"{wanted}.items", f"because it is defined in {path}.items")
        else:
            yield from _covered(nested["items"], outer["items"], f"{path}.items", f"{wanted}.items")
