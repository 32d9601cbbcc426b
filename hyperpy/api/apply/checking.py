"""Whether an applied configuration fits its schema: unknown fields, wrong types, items that nothing tells apart.

The texts are those of structured-merge-diff, Go's way of writing values included, as users of kubectl know them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hyperpy.api.apply import fieldset
from hyperpy.api.apply.shape import Form, Shape

_NUMBERS = ("integer", "number")
_LISTS = (Form.SET, Form.KEYED)


def problems(value: Any, shape: Shape) -> list[str]:
    """All that is wrong, each with its path: `.spec.replica: field not declared in schema`."""
    return [f"{path}: {text}" if path else text for path, text in _problems(value, shape)]


def listed(found: list[str]) -> str:
    """Problems as one text."""
    return found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {problem}" for problem in found)])


def _problems(value: Any, shape: Shape) -> Iterator[tuple[str, str]]:
    node = shape.node
    if node is None or value is None or (shape.form is Form.ANY):
        return
    if node.type == "object":
        if isinstance(value, dict):
            yield from _of_fields(value, shape)
        else:
            yield "", f"expected map, got &{{{_plain(value)}}}"
    elif node.type == "array":
        if isinstance(value, list):
            yield from _of_items(value, shape)
        else:
            yield "", f"expected list, got &{{{_plain(value)}}}"
    else:
        yield from _of_scalar(value, shape)


def _of_fields(value: dict[str, Any], shape: Shape) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if not shape.declares(name) and shape.others is None:
            yield f".{name}", "field not declared in schema"
            return
        for path, text in _problems(item, shape.field(name)[1]):
            yield f".{name}{path}", text


def _of_items(values: list[Any], shape: Shape) -> Iterator[tuple[str, str]]:
    seen = set()
    for index, item in enumerate(values):
        step = f"i:{index}"
        if shape.form in _LISTS:
            try:
                step = shape.step(item)
            except ValueError as error:
                yield "", f"element {index}: {error}"
                return
            if step in seen:
                yield "", f"duplicate entries for key {fieldset.step_text(step)}"
            seen.add(step)
        for path, text in _problems(item, shape.items):
            yield f"{fieldset.step_text(step)}{path}", text


def _of_scalar(value: Any, shape: Shape) -> Iterator[tuple[str, str]]:
    node = shape.node
    kind = node.type if node is not None else ""
    if kind in _NUMBERS:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield "", f"expected numeric (int or float), got {_type(value)}"
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield "", f"expected boolean, got &{{{_plain(value)}}}"
    elif kind == "string" and node is not None and node.format in ("", "byte"):
        if not isinstance(value, str):
            yield "", f"expected string, got &value.valueUnstructured{{Value:{_source(value)}}}"
    elif isinstance(value, dict | list):
        yield "", f"expected any scalar, got &{{{_plain(value)}}}"


def _type(value: Any) -> str:
    """A value's type as Go's `%T`."""
    names = {str: "string", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
    return names.get(type(value), "<nil>")


def _plain(value: Any) -> str:
    """A value as Go's `%v`."""
    match value:
        case dict():
            return f"map[{' '.join(f'{name}:{_plain(value[name])}' for name in sorted(value))}]"
        case list():
            return f"[{' '.join(map(_plain, value))}]"
        case bool():
            return "true" if value else "false"
        case None:
            return "<nil>"
    return str(value)


def _source(value: Any) -> str:
    """A value as Go's `%#v`."""
    match value:
        case dict():
            pairs = (f"{json.dumps(name)}:{_source(value[name])}" for name in sorted(value))
            return f"map[string]interface {{}}{{{', '.join(pairs)}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(_source, value))}}}"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None:
            return "interface {}(nil)"
    return _plain(value)
