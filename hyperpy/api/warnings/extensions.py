"""Warnings about CustomResourceDefinitions: formats that check nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Obj = dict[str, Any]

#: What says how a number is kept, and needs no check of its own.
_NUMBERS = ("int32", "int64", "float", "double")


def _definition(crd: Obj) -> Iterator[str]:
    from hyperpy.api.custom import formats  # a table of checks, for clusters with definitions

    seen: dict[str, None] = {}
    for entry in (crd.get("spec") or {}).get("versions") or ():
        seen.update(dict.fromkeys(_formats((entry.get("schema") or {}).get("openAPIV3Schema") or {})))
    for name in seen:
        if name not in formats.FORMATS and name not in _NUMBERS:
            yield f'unrecognized format "{name}"'


def _formats(schema: Obj) -> Iterator[str]:
    if schema.get("format"):
        yield schema["format"]
    for child in (schema.get("properties") or {}).values():
        yield from _formats(child)
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield from _formats(schema[name])
    for name in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(name) or ():
            yield from _formats(child)


ALWAYS: dict[tuple[str, str], Callable[[Obj], Iterator[str]]] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
