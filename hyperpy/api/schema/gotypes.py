"""What the API server says of a value of the wrong type: it names the Go struct and type it was to be read into.

`json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string`
Source: Go's `encoding/json`, UnmarshalTypeError, and the Go types that the definitions were published from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api.schema import definitions

Schema = dict[str, Any]

_NUMBERS = {"int32": "int32", "int64": "int64", "": "int64"}


def mismatch(root: str, path: Sequence[str | int], value: Any) -> str:
    """The text for a value.

    Args:
        root: the name of the kind's definition.
        path: keys and indexes to the value.
    """
    struct = root
    schema: Schema = {"$ref": root}
    names: list[str] = []
    for step in path:
        struct, schema = _resolved(struct, schema)
        if isinstance(step, int):
            schema = schema.get("items") or {}
        elif step in schema.get("properties", {}):
            names.append(str(step))
            schema = schema["properties"][step]
        else:
            schema = schema.get("additionalProperties") or {}
    field = ".".join((struct.rpartition(".")[2], *names))
    return f"json: cannot unmarshal {_json_type(value)} into Go struct field {field} of type {_go_type(schema)}"


def _resolved(struct: str, schema: Schema) -> tuple[str, Schema]:
    """A schema without references, and the struct that its fields belong to."""
    while "$ref" in schema:
        struct = schema["$ref"]
        schema = definitions.structure(struct)
    return struct, schema


def _go_type(schema: Schema) -> str:
    if "$ref" in schema:
        target = definitions.structure(schema["$ref"])
        if "properties" not in target and "type" in target:
            return _go_type(target)
        return ".".join(schema["$ref"].split(".")[-2:])
    kind = schema.get("type", "")
    if kind == "array":
        return "[]" + _go_type(schema.get("items") or {})
    if kind == "object":
        return "map[string]" + _go_type(schema.get("additionalProperties") or {})
    if kind == "integer":
        return _NUMBERS.get(schema.get("format", ""), "int64")
    if schema.get("format") == "byte":
        return "[]uint8"
    return {"boolean": "bool", "number": "float64", "string": "string"}.get(kind, "interface {}")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
