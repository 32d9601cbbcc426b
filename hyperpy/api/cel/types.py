"""The types that variables are declared with, by hand or from a structural schema.

Source: "Validation rules", "Kubernetes type to CEL type" in the CustomResourceDefinition documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperpy.api.cel.names import escape
from hyperpy.api.schema import definitions

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Type:
    """A CEL type: a name and the types it is made of (`list(string)`)."""

    name: str
    parameters: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Object(Type):
    """An object with fixed fields; any other field is a compile error.

    `fields` maps the name in expressions to the name in the data and the type. It is filled after the object was
    made where a schema contains itself.
    """

    fields: dict[str, Field] = field(default_factory=dict)

    # Two objects of one name are not the same.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Field:
    """`key` is the field's name in the data; the two differ for names that CEL cannot write (`x-y`, `namespace`)."""

    key: str
    type: Type


BOOL = Type("bool")
INT = Type("int")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
DYN = Type("dyn")
#: `authorizer`, whose value is a function `Access -> Answer`, and `authorizer.requestResource`, an `Access` that says
#: what the request is about; see `protocol`.
AUTHORIZER = Type("kubernetes.authorization.Authorizer")
RESOURCE_CHECK = Type("kubernetes.authorization.ResourceCheck")

_BY_FORMAT = {
    "byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP, "micro-time": TIMESTAMP,
}  # fmt: skip
_SCALARS = {"boolean": BOOL, "integer": INT, "number": DOUBLE}


def list_of(item: Type) -> Type:
    """A list of items of one type."""
    return Type("list", (item,))


def map_of(value: Type) -> Type:
    """A map from strings."""
    return Type("map", (STRING, value))


def optional(of: Type) -> Type:
    """A value that may be missing; its absence is given by leaving the variable out of the values."""
    return Type("optional_type", (of,))


def obj(name: str, fields: Mapping[str, Type]) -> Object:
    """An object with these fields, whose names are used as they are."""
    return Object(name, (), {key: Field(key, kind) for key, kind in fields.items()})


def of_schema(schema: Schema, *, root: bool = False, name: str = "Object") -> Type | None:
    """The type of the values of a structural schema.

    Args:
        schema: an OpenAPI v3 schema as in a CustomResourceDefinition, or `{"$ref": name}` of a built-in definition.
        root: a whole object: `apiVersion`, `kind`, `metadata.name` and `metadata.generateName` are there as well.
        name: for messages about the type.
    Returns:
        None where rules can see nothing: the schema does not say what the value is.
    """
    return _Builder().build(schema, name, root=root)


class _Builder:
    """Makes each built-in definition once, which is also what ends the recursion of those that contain themselves."""

    def __init__(self) -> None:
        self._known: dict[str, Type | None] = {}

    def build(self, schema: Schema, name: str, *, root: bool = False) -> Type | None:
        reference = schema.get("$ref")
        if reference is None:
            return self._built(schema, name, root=root, into=Object(name))
        if reference not in self._known:
            target = definitions.structure(reference)
            into = Object(reference.rpartition(".")[2])
            if "properties" in target:
                self._known[reference] = into
            self._known[reference] = self._built({**target, **_overrides(schema)}, into.name, root=False, into=into)
        return self._known[reference]

    def _built(self, schema: Schema, name: str, *, root: bool, into: Object) -> Type | None:
        if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
            return DYN
        kind = schema.get("type")
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(
                schema, name, root=root or bool(schema.get("x-kubernetes-embedded-resource")), into=into
            )
        if kind == "array":
            item = self.build(schema["items"], f"{name}.@idx") if isinstance(schema.get("items"), Mapping) else None
            return list_of(item) if item is not None else None
        if kind == "string" or schema.get("format") == "quantity":
            return _BY_FORMAT.get(schema.get("format", ""), STRING)
        return _SCALARS.get(kind or "")

    def _object(self, schema: Schema, name: str, *, root: bool, into: Object) -> Type | None:
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping) and not schema.get("properties"):
            kind = self.build(values, f"{name}.@elem")
            return map_of(kind) if kind is not None else None
        properties = dict(schema.get("properties") or {})
        if root:
            properties = _with_metadata(properties)
        for key, child in properties.items():
            escaped = escape(key)
            kind = self.build(child, f"{name}.{key}") if escaped is not None else None
            if escaped is not None and kind is not None:
                into.fields[escaped] = Field(key, kind)
        return into


def _overrides(schema: Schema) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$ref"}


def _with_metadata(properties: dict[str, Any]) -> dict[str, Any]:
    string = {"type": "string"}
    metadata = properties.get("metadata") or {}
    names = {**(metadata.get("properties") or {}), "name": string, "generateName": string}
    return {
        **properties,
        "apiVersion": string,
        "kind": string,
        "metadata": {"type": "object", "properties": names},
    }
