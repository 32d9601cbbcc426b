"""Objects made up from the schemas: every field of its type, many of them missing, empty or null."""

from typing import Any

from hypothesis import strategies as st

from hyperpy.api import schema
from hyperpy.api.kinds import Kind
from hyperpy.api.schema.node import Node

_TEXTS = st.sampled_from(["", "a", "web", "v1", "TCP", "http", "64Mi", "10%", "User", "RollingUpdate", "Pod", "*"])
_TIMES = st.sampled_from(["2020-01-01T00:00:00Z", "2020-01-31T00:00:00.5+01:00"])
_FORMATS: dict[str, st.SearchStrategy[Any]] = {
    "date-time": _TIMES,
    "micro-time": _TIMES,
    "byte": st.sampled_from(["", "YQ=="]),
    "quantity": st.sampled_from(["0", "0.5", "64Mi", "100n", 1, "-1"]),
}
_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXTS,
    "integer": st.sampled_from([0, 1, 80, -1, 70000]),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "": st.one_of(_TEXTS, st.integers(0, 99)),
}  # fmt: skip
_DEPTH = 7


def _value(node: Node, depth: int) -> st.SearchStrategy[Any]:
    if node.type == "object":
        return _object(node, depth)
    if node.type == "array":
        items = node.items
        return st.just([]) if items is None or depth <= 0 else st.lists(_maybe(items, depth - 1), max_size=2)
    return _FORMATS[node.format] if node.format in _FORMATS else _LEAVES[node.type]


def _object(node: Node, depth: int) -> st.SearchStrategy[Any]:
    if depth <= 0:
        return st.just({})
    if node.additional is not None:
        return st.dictionaries(_TEXTS.filter(bool), _maybe(node.additional, depth - 1), max_size=2)
    names = node.properties
    if not names:
        return st.just({})
    return st.lists(st.sampled_from(names), max_size=8, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: _maybe(_property(node, name), depth - 1) for name in chosen})
    )


def _property(node: Node, name: str) -> Node:
    child = node.property(name)
    assert child is not None
    return child


def _maybe(node: Node, depth: int) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), _value(node, depth), _value(node, depth), _value(node, depth))


def objects_of(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """A strategy for objects of a kind that decode, or nearly."""
    root = schema.of(kind).root
    parts = {
        name: _value(_property(root, name), _DEPTH) for name in root.properties if name not in ("apiVersion", "kind")
    }
    fixed = {"apiVersion": st.just(kind.api_version), "kind": st.just(kind.kind)}
    return st.fixed_dictionaries(fixed, optional=parts)
