"""A custom kind's schema with what every object has besides: apiVersion, kind, metadata; embedded objects too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperpy.api.schema import definitions

Schema = dict[str, Any]

META = definitions.META + "ObjectMeta"
PRESERVES = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"


def complete(schema: Schema) -> Schema:
    """The root schema of a kind as a structure that says all; the argument is not changed."""
    return _with_type(_complete(schema))


def properties(schema: Schema) -> dict[str, Schema]:
    """The fields of an object schema."""
    return schema.get("properties") or {}


def additional(schema: Schema) -> Schema | None:
    """The schema of the values of a map with free keys; None where there are none, or any value may stand."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def preserves(schema: Schema) -> bool:
    """Whether any field is kept here."""
    return bool(schema.get(PRESERVES)) or schema.get("additionalProperties") is True


def only(schema: Schema, wanted: Callable[[Schema], bool]) -> Schema | None:
    """The part of a schema that leads to wanted places, so that a walk takes no other way; None: there are none.

    The fields beside are left out of it: it is good for walks only.
    """
    fields = {name: part for name, child in properties(schema).items() if (part := only(child, wanted)) is not None}
    values, items = additional(schema), schema.get("items")
    below = {
        "additionalProperties": only(values, wanted) if values is not None else None,
        "items": only(items, wanted) if isinstance(items, dict) else None,
    }
    if not fields and not any(below.values()) and not wanted(schema):
        return None
    own = {name: value for name, value in schema.items() if name not in ("properties", *below)}
    return {**own, "properties": fields, **{name: part for name, part in below.items() if part is not None}}


def _complete(schema: Schema) -> Schema:
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: _complete(child) for name, child in properties(schema).items()}
    items, values = schema.get("items"), additional(schema)
    if isinstance(items, dict):
        result["items"] = _complete(items)
    if values is not None:
        result["additionalProperties"] = _complete(values)
    return _with_type(result) if schema.get(EMBEDDED) else result


def _with_type(schema: Schema) -> Schema:
    """The schema of an object with its apiVersion, kind and metadata."""
    own = properties(schema)
    text = {"type": "string"}
    head = {"apiVersion": own.get("apiVersion") or text, "kind": own.get("kind") or text, "metadata": {"$ref": META}}
    return {**schema, "type": "object", "properties": {**own, **head}}
