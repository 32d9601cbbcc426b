"""Structural schema -> JSON Schema for the checker: strict, so that "nothing reported" means "nothing to do".

Three departures from the published schema, all taken from what the API server's decoder does:
* unknown fields and nulls are reported, because they have to be dropped before the object is stored;
* written forms (quantities, times, ...) match only where they are canonical for sure, see `forms`;
* `required` is left out: a missing field decodes to its zero value, and the kind's own validation says what is missing.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api.schema import definitions
from hyperpy.api.schema.forms import BYTES, FORMS, Form

DEFINITIONS = "definitions"
_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
#: Places in a CustomResourceDefinition where a schema or something else may stand; published without a structure.
_OR_SOMETHING = {f"{_SCHEMA}Or{other}": kind for other, kind in (
    ("Bool", "boolean"), ("Array", "array"), ("StringArray", "array"),
)}  # fmt: skip
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 4, where 1.0 is no integer) of a definition, with all that it refers to.

    A definition that is a written form keeps its name as the key of DEFINITIONS: errors are told apart by it.
    """
    compiled: dict[str, Any] = {BYTES: _form(FORMS[BYTES])}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in compiled:
            compiled[current] = _definition(current, waiting)
    return {**_reference(name), DEFINITIONS: compiled}


def _definition(name: str, waiting: list[str]) -> dict[str, Any]:
    if name in FORMS:
        return _form(FORMS[name])
    other = _OR_SOMETHING.get(name)
    if other is None:
        return _strict(definitions.read(name), waiting)
    # The keywords of a schema bind objects only, so that they can stand beside another type.
    either = {**_strict(definitions.read(_SCHEMA), waiting), "type": ["object", other]}
    if other == "array":
        waiting.append(_SCHEMA)
        either["items"] = {"type": "string"} if name.endswith("StringArray") else _reference(_SCHEMA)
    return either


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/{DEFINITIONS}/{name}"}


def _form(form: Form) -> dict[str, Any]:
    if form.pattern:
        return {"type": form.types[0], "pattern": form.pattern}
    low, high = _RANGES["int32"]
    return {"type": list(form.types), "minimum": low, "maximum": high}


def _strict(schema: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    """One schema; names that it refers to are added to `waiting`."""
    if "$ref" in schema:
        waiting.append(schema["$ref"])
        return _reference(schema["$ref"])
    if schema.get("format") == "byte":
        return _reference(BYTES)
    kind = schema.get("type")
    result: dict[str, Any] = {"type": kind} if kind else {}
    if kind == "integer":
        result["minimum"], result["maximum"] = _RANGES[schema.get("format", "int64")]
    elif kind == "array":
        result["items"] = _strict(schema["items"], waiting)
    elif kind == "object":
        _add_members(result, schema, waiting)
    return result


def _add_members(result: dict[str, Any], schema: dict[str, Any], waiting: list[str]) -> None:
    if "additionalProperties" in schema:
        result["additionalProperties"] = _strict(schema["additionalProperties"], waiting)
    elif not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["properties"] = {name: _strict(child, waiting) for name, child in schema.get("properties", {}).items()}
        result["additionalProperties"] = False
