"""A small schema with every way to merge, and values of it for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hyperpy.api.apply import fieldset
from hyperpy.api.apply.shape import Shape
from hyperpy.api.schema import Node

Obj = dict[str, Any]

_TEXT = {"type": "string"}
_ITEM = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "protocol": {"type": "string", "default": "TCP"},
        "value": _TEXT,
        "inner": {"type": "object", "properties": {"a": _TEXT, "b": _TEXT}},
    },
}
SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "metadata": {
            "type": "object",
            "properties": {
                "name": _TEXT,
                "labels": {"type": "object", "additionalProperties": _TEXT},
                "annotations": {"type": "object", "additionalProperties": _TEXT},
            },
        },
        "spec": {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "on": {"type": "boolean"},
                "text": _TEXT,
                "selector": {"type": "object", "additionalProperties": _TEXT, "x-kubernetes-map-type": "atomic"},
                "words": {"type": "array", "items": _TEXT},
                "set": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
                "items": {
                    "type": "array",
                    "items": _ITEM,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name", "protocol"],
                },
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "port": {"x-kubernetes-int-or-string": True},
            },
        },
        "status": {"type": "object", "properties": {"phase": _TEXT}},
    },
}


def shape() -> Shape:
    """The shape of SCHEMA."""
    return Shape(Node(SCHEMA))


class OneVersion:
    """`apply.Versions` of a kind with one version."""

    def __init__(self, of: Shape | None = None) -> None:
        self._shape = of or shape()

    def shape(self, api_version: str) -> Shape | None:
        return self._shape if api_version == "v1" else None

    def convert(self, obj: Obj, api_version: str) -> Obj:
        return obj


def names(*paths: str) -> fieldset.Fields:
    """The set of dotted paths of plain names."""
    return fieldset.of_paths(*(tuple(path.split(".")) for path in paths))


_WORD = st.sampled_from(["a", "b", "c", "d"])
_MAP = st.dictionaries(_WORD, _WORD, max_size=3)
_ITEMS = st.lists(
    st.fixed_dictionaries(
        {"name": _WORD},
        optional={
            "protocol": st.sampled_from(["TCP", "UDP"]),
            "value": _WORD,
            "inner": st.fixed_dictionaries({}, optional={"a": _WORD, "b": _WORD}),
        },
    ),
    max_size=3,
    unique_by=lambda item: (item["name"], item.get("protocol", "TCP")),
)
_ANY = st.recursive(_WORD | st.integers(0, 3), lambda inner: st.dictionaries(_WORD, inner, max_size=2), max_leaves=4)
_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(0, 3),
        "on": st.booleans(),
        "text": _WORD,
        "selector": _MAP,
        "words": st.lists(_WORD, max_size=3),
        "set": st.lists(_WORD, max_size=3, unique=True),
        "items": _ITEMS,
        "any": st.dictionaries(_WORD, _ANY, max_size=2),
        "port": st.integers(1, 3) | _WORD,
    },
)


@st.composite
def objects(draw: st.DrawFn) -> Obj:
    """Objects, or configurations, of SCHEMA."""
    metadata = draw(st.fixed_dictionaries({"name": st.just("x")}, optional={"labels": _MAP, "annotations": _MAP}))
    obj: Obj = {"apiVersion": "v1", "kind": "Thing", "metadata": metadata}
    if draw(st.booleans()):
        obj["spec"] = draw(_SPEC)
    return obj
