"""A node of a schema tree: what one field is, as patches, server-side apply and printers need to know it."""

from __future__ import annotations

import builtins
from typing import Any

from hyperpy.api.schema import definitions


class Node:
    """One place in a kind's structure, children are made when they are asked for. Read-only.

    Attributes:
        type: `object`, `array`, `string`, `integer`, `boolean`, `number`, or "" where several are allowed.
        format: `int32`, `date-time`, `byte`, `quantity`, ..., or "".
        int_or_string: the value may be either.
        merge_key: strategic merge patch: the field that tells items apart, or "".
        merge_strategy: strategic merge patch: of `merge`, `replace`, `retainKeys`; empty means the default, replace.
        list_type: server-side apply: `atomic`, `set`, `map`, or "" (atomic).
        map_keys: server-side apply: the fields that tell items of a `map` list apart.
        map_type: server-side apply: `granular`, `atomic`, or "" (granular).
        preserves_unknown: any field is allowed below.
        default: the value of the field when none is given; None where the schema has no default.
        compiled: what `api.apply` makes of the node, kept as long as the node is.
    """

    __slots__ = ("_children", "_schema", "compiled", "default", "format", "int_or_string", "list_type", "map_keys",
                 "map_type", "merge_key", "merge_strategy", "preserves_unknown", "type")  # fmt: skip

    def __init__(self, schema: dict[str, Any]) -> None:
        target = definitions.structure(schema["$ref"]) if "$ref" in schema else schema
        place = {**target, **schema}
        self._schema = target
        self._children: dict[str, Node | None] = {}
        self.compiled: Any = None
        self.default: Any = place.get("default")
        self.int_or_string: bool = place.get("x-kubernetes-int-or-string", False)
        self.format: str = place.get("format", "")
        self.type: str = place.get("type", "")
        self.merge_key: str = place.get("x-kubernetes-patch-merge-key", "")
        strategy = place.get("x-kubernetes-patch-strategy", "")
        self.merge_strategy: tuple[str, ...] = tuple(strategy.split(",")) if strategy else ()
        self.list_type: str = place.get("x-kubernetes-list-type", "")
        self.map_keys: tuple[str, ...] = tuple(place.get("x-kubernetes-list-map-keys", ()))
        self.map_type: str = place.get("x-kubernetes-map-type", "")
        self.preserves_unknown: bool = place.get("x-kubernetes-preserve-unknown-fields", False)

    @builtins.property
    def properties(self) -> tuple[str, ...]:
        """The names of the fields of an object with fixed fields."""
        return tuple(self._schema.get("properties", ()))

    def property(self, name: str) -> Node | None:
        """The node of a field, None when the schema has no such field."""
        return self._child(f".{name}", self._schema.get("properties", {}).get(name))

    @builtins.property
    def items(self) -> Node | None:
        """The node of the items of an array."""
        return self._child("items", self._schema.get("items"))

    @builtins.property
    def additional(self) -> Node | None:
        """The node of the values of a map with free keys."""
        return self._child("additional", self._schema.get("additionalProperties"))

    def _child(self, key: str, schema: dict[str, Any] | None) -> Node | None:
        if key not in self._children:
            self._children[key] = Node(schema) if isinstance(schema, dict) else None
        return self._children[key]
