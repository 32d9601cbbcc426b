"""The schema of a custom kind: reads an object as the API server's decoder does, like `api.schema.Schema`.

A custom object is free form for the decoder: only its metadata has types. What its schema says of values is checked
later, against the object with its defaults (see `checking`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hyperpy.api.custom import tree
from hyperpy.api.schema import Cause, Node, decoding
from hyperpy.api.schema.checker import Checker
from hyperpy.api.schema.compile import DEFINITIONS, json_schema

Obj = dict[str, Any]


class CustomSchema:
    """The structure of one version of a custom kind. Compiled at the first check."""

    def __init__(self, name: str, structure: tree.Schema) -> None:
        self.name = name
        self.structure = tree.complete(structure)

    @cached_property
    def root(self) -> Node:
        """The tree of fields."""
        return Node(self.structure)

    @cached_property
    def _checker(self) -> Checker:
        return Checker(_json_schema(_strict(self.structure)))

    @cached_property
    def _settled(self) -> Checker:
        root = _strict(self.structure, with_defaults=True)
        root["properties"]["metadata"] = {}  # what is stored has good metadata, whatever the schema is
        return Checker(_json_schema(root))

    def problems(self, obj: Obj) -> list[Cause]:
        """What cannot be read of the metadata; the object is not changed."""
        return list(self._decoded(obj).causes)

    def unknown(self, obj: Obj) -> list[str]:
        """Paths of the fields that the kind does not have; the object is not changed."""
        return list(self._decoded(obj).unknown)

    def prune(self, obj: Obj) -> list[str]:
        """Drop the unknown fields, in place, and return their paths."""
        return list(self.decode(obj).unknown)

    def decode(self, obj: Obj) -> decoding.Decoded:
        """`problems` and `prune` in one check."""
        decoded = self._decoded(obj)
        decoding.apply(obj, decoded.mends)
        return decoded

    def is_settled(self, obj: Obj) -> bool:
        """Whether pruning and defaulting would leave an object as it is."""
        return self._settled.accepts(obj)

    def _decoded(self, obj: Obj) -> decoding.Decoded:
        findings = self._checker.findings(obj)
        return decoding.judge(obj, findings) if findings else decoding.CLEAN


def _json_schema(root: Obj) -> Obj:
    return {**root, DEFINITIONS: json_schema(tree.META)[DEFINITIONS]}


def _strict(schema: tree.Schema, *, with_defaults: bool = False) -> Obj:
    """The JSON Schema that reports fields to be dropped; with defaults, also those that are missing and have one.

    There are no types in it: a value of a wrong type is a matter of validation.
    """
    if "$ref" in schema:
        return {"$ref": f"#/{DEFINITIONS}/{schema['$ref']}"}
    result: Obj = {"properties": {}}  # always there: without it the checker does not name what is too much
    own, values, items = tree.properties(schema), tree.additional(schema), schema.get("items")
    if own:
        result["properties"] = {name: _strict(child, with_defaults=with_defaults) for name, child in own.items()}
        if with_defaults:
            _demand_defaults(result, own)
    if values is not None:
        result["additionalProperties"] = _strict(values, with_defaults=with_defaults)
    elif not tree.preserves(schema):
        result["additionalProperties"] = False
    if isinstance(items, dict):
        result["items"] = _strict(items, with_defaults=with_defaults)
    return result


def _demand_defaults(result: Obj, own: dict[str, tree.Schema]) -> None:
    defaulted = [name for name, child in own.items() if child.get("default") is not None]
    if not defaulted:
        return
    result["required"] = defaulted
    for name in defaulted:
        if not own[name].get("nullable"):
            result["properties"][name] = {"allOf": [result["properties"][name], {"not": {"type": "null"}}]}
