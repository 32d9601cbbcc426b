"""The component schemas of an OpenAPI document: definitions with their prose, in OpenAPI v3's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hyperpy.api.schema import definitions

PREFIX = "#/components/schemas/"
_TEXT_OR_NUMBER = {"oneOf": [{"type": "string"}, {"type": "number"}]}
_INT_OR_STRING = {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}


def reference(name: str) -> dict[str, Any]:
    """A pointer to the component of that name."""
    return {"$ref": PREFIX + name}


def references(node: Any) -> Iterator[str]:
    """The names of the components that a part of the document points to."""
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str):
            yield target.removeprefix(PREFIX)
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def schemas(names: Iterable[str], own: Mapping[str, Any]) -> dict[str, Any]:
    """The components of those names and of all they point to, in order of name.

    Args:
        own: those that are there already: of custom kinds.
    """
    found: dict[str, Any] = {}
    prose = definitions.Prose()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = own[name] if name in own else _component(name, prose.of(name))
            waiting += references(found[name])
    return dict(sorted(found.items()))


def _component(name: str, texts: dict[str, str]) -> dict[str, Any]:
    schema = _written(definitions.read(name))
    for field, child in schema.get("properties", {}).items():
        if field in texts:
            schema["properties"][field] = {"description": texts[field], **child}
    return {"description": texts[""], **schema} if "" in texts else schema


def _written(schema: dict[str, Any]) -> dict[str, Any]:
    """One schema of the data in OpenAPI's form; a reference beside other keys needs `allOf`."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            result |= {"allOf": [reference(value)]} if len(schema) > 1 else reference(value)
        elif key == "properties":
            result[key] = {name: _in_place(_written(child)) for name, child in value.items()}
        elif key in ("items", "additionalProperties"):
            result[key] = _written(value)
        elif key == "format" and value == "quantity":
            result |= _TEXT_OR_NUMBER
        elif key == "format" and value == "micro-time":
            result[key] = "date-time"
        elif key == "x-kubernetes-int-or-string":
            result |= _INT_OR_STRING
        else:
            result[key] = value
    return result


def _in_place(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema, ready to carry a description."""
    return {"allOf": [schema]} if "$ref" in schema else schema
