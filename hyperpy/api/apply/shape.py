"""Shape: what server-side apply needs to know of one place in a schema, compiled from its Node and kept.

Which fields are merged one by one and which are one value is told by the list and map types of the schema; where the
schema says nothing about the fields below (preserve-unknown-fields), maps are merged and lists are one value.
Source: Kubernetes' documentation, "Server-Side Apply: merge strategy".
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from hyperpy.api.apply import fieldset
from hyperpy.api.schema.node import Node


class Form(Enum):
    """How a place merges."""

    LEAF = "leaf"  #: a scalar, or an atomic map or list: one value
    MAP = "map"  #: field by field
    SET = "set"  #: a list of scalars, each there or not
    KEYED = "keyed"  #: a list of objects, told apart by key fields
    ANY = "any"  #: not described: a map is merged, anything else is one value


class Shape:
    """One place. Children are made when they are asked for and kept; read-only otherwise.

    Attributes:
        form: how the place merges.
        node: its schema; None below what the schema does not describe.
        keys: of a KEYED list, the names of the key fields.
        items: of a SET, KEYED or atomic list, the shape of its items.
    """

    __slots__ = ("_defaults", "_fields", "_items", "_lenient", "_others", "form", "keys", "node")

    def __init__(self, node: Node | None, *, lenient: bool = False) -> None:
        """`lenient`: fields that are not named are let pass, because they are somewhere above."""
        self.node = node
        self._lenient = lenient or (node is not None and node.preserves_unknown)
        self.form = _form(node)
        self.keys: tuple[str, ...] = node.map_keys if node is not None and self.form is Form.KEYED else ()
        self._fields: dict[str, tuple[str, Shape]] = {}
        self._items: Shape | None = None
        self._others: Shape | None = None
        self._defaults: dict[str, Any] | None = None

    def field(self, name: str) -> tuple[str, Shape]:
        """The step to a field and the field's shape. Only fields that the schema names are kept."""
        found = self._fields.get(name)
        if found is not None:
            return found
        node = self.node.property(name) if self.node is not None else None
        if node is None:
            return f"f:{name}", self.others or UNDESCRIBED
        found = self._fields[name] = f"f:{name}", self._below(node)
        return found

    def declares(self, name: str) -> bool:
        """Whether the schema names this field, instead of allowing any key."""
        return name in self._fields or (self.node is not None and self.node.property(name) is not None)

    @property
    def is_atomic(self) -> bool:
        """Whether the place is a list or map that is one value."""
        return self.form is Form.LEAF and self.node is not None and self.node.type in ("array", "object")

    @property
    def others(self) -> Shape | None:
        """The shape of fields that are not named; None when there may be none."""
        node = self.node
        if node is None:
            return UNDESCRIBED
        if self._others is None:
            if node.additional is not None:
                self._others = self._below(node.additional)
            elif self._lenient or not node.properties:
                self._others = UNDESCRIBED
        return self._others

    @property
    def items(self) -> Shape:
        """The shape of a list's items."""
        if self._items is None:
            node = self.node.items if self.node is not None else None
            self._items = self._below(node) if node is not None else UNDESCRIBED
        return self._items

    def _below(self, node: Node) -> Shape:
        return Shape(node, lenient=self._lenient)

    def step(self, item: Any) -> str:
        """The step to an item of a SET or KEYED list.

        Raises:
            ValueError: nothing tells the item apart.
        """
        if self.form is Form.SET:
            return _value_step(item)
        if not isinstance(item, dict):
            what = "a null element" if item is None else "non-map elements"
            raise ValueError(f"associative list with keys may not have {what}")
        if len(self.keys) == 1:
            value = item.get(self.keys[0])
            if type(value) is str and value.isalnum() and value.isascii():
                return f'k:{{"{self.keys[0]}":"{value}"}}'
        return fieldset.key_step({name: self._key(item, name) for name in self.keys})

    def _key(self, item: dict[str, Any], name: str) -> Any:
        if name in item:
            return item[name]
        if self._defaults is None:
            fields = ((key, self.items.node.property(key) if self.items.node else None) for key in self.keys)
            self._defaults = {
                key: node.default for key, node in fields if node is not None and node.default is not None
            }
        if name not in self._defaults:
            raise ValueError(
                f'associative list with keys has an element that omits key field "{name}" '
                "(and doesn't have default value)"
            )
        return self._defaults[name]


def _form(node: Node | None) -> Form:
    if node is None:
        return Form.ANY
    if node.type == "object":
        return Form.LEAF if node.map_type == "atomic" else Form.MAP
    if node.type == "array":
        return {"set": Form.SET, "map": Form.KEYED}.get(node.list_type, Form.LEAF)
    if node.type or node.int_or_string or not node.preserves_unknown:
        return Form.LEAF
    return Form.ANY


def _value_step(item: Any) -> str:
    if isinstance(item, dict):
        raise ValueError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise ValueError("not supported: associative list with lists as elements")
    if item is None:
        raise ValueError("associative list without keys has an element that's an explicit null")
    return fieldset.value_step(item)


def of(node: Node) -> Shape:
    """The shape of the root of a schema, made once for each node."""
    if node.compiled is None:
        node.compiled = Shape(node)
    shape: Shape = node.compiled
    return shape


#: A place that no schema describes.
UNDESCRIBED = Shape(None)
