"""From values to field sets: all the fields a value has, and those that an applied configuration speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.apply.fieldset import OWNED, SELF, Fields
from hyperpy.api.apply.shape import Form, Shape

_LEAF, _LISTS = Form.LEAF, (Form.SET, Form.KEYED)


def everything(value: Any, shape: Shape) -> Fields:
    """What leads to a value and all below it: every place is owned, maps and lists too."""
    form = shape.form
    if form is _LEAF or not value:
        return OWNED
    if isinstance(value, dict):
        if form in _LISTS:
            return OWNED
        fields: Fields = {SELF: OWNED}
        for name, item in value.items():
            step, below = shape.field(name)
            fields[step] = OWNED if below.form is _LEAF else everything(item, below)
        return fields
    if isinstance(value, list) and form in _LISTS:
        fields = {SELF: OWNED}
        for step, items in items_of(value, shape).items():
            fields[step] = everything(items[0], shape.items) if len(items) == 1 else OWNED
        return fields
    return OWNED


def applied(value: dict[str, Any], shape: Shape) -> Fields:
    """The fields that a configuration speaks of: what has a value, each item of a list, each key of a free map."""
    fields: Fields = {}
    for name, item in value.items():
        step, below = shape.field(name)
        owned = _applied(item, below)
        if owned is not None:
            fields[step] = owned if shape.declares(name) or not owned else {SELF: OWNED, **owned}
    return fields


def _applied(value: Any, shape: Shape) -> Fields | None:
    """What leads to a value; None where nothing is to be owned: an empty list that merges item by item."""
    if shape.form is _LEAF or value is None:
        return OWNED
    if isinstance(value, dict):
        return applied(value, shape) or OWNED
    if not isinstance(value, list) or shape.form not in _LISTS:
        return OWNED
    fields: Fields = {}
    for step, items in items_of(value, shape).items():
        below = _applied(items[0], shape.items) if len(items) == 1 else OWNED
        fields[step] = {SELF: OWNED, **below} if below else OWNED
    return fields or None


def items_of(values: list[Any], shape: Shape) -> dict[str, list[Any]]:
    """The items of a list by their step; more than one where stored lists have duplicates.

    Items that nothing tells apart (which validation refuses, and old objects may have) are left out.
    """
    found: dict[str, list[Any]] = {}
    for step, item in steps_of(values, shape):
        found.setdefault(step, []).append(item)
    return found


def steps_of(values: list[Any], shape: Shape) -> Iterator[tuple[str, Any]]:
    """The items of a list with their steps, in order; those that have none are left out."""
    for item in values:
        try:
            step = shape.step(item)
        except ValueError:
            continue
        yield step, item


def with_named(fields: Fields, shape: Shape) -> Fields:
    """The set, with every named field that leads to an owned one owned too; keys of free maps and items are not."""
    result: Fields = {}
    for step, below in fields.items():
        if not below:
            result[step] = below
            continue
        inner = below_of(shape, step)
        named = with_named(below, inner)
        if step.startswith("f:") and shape.declares(step[2:]):
            named = {SELF: OWNED, **named}
        result[step] = named
    return result


def collapsed(fields: Fields, shape: Shape) -> Fields:
    """The set, where what became one value (an atomic list or map) is owned as such. Unchanged, it is the set itself.

    A schema may change so; what was one value and is merged now is left as it is.
    """
    result = fields
    for step, below in fields.items():
        if not below:
            continue
        inner = below_of(shape, step)
        after = OWNED if inner.is_atomic else collapsed(below, inner)
        if after is not below:
            result = dict(result) if result is fields else result
            result[step] = after
    return result


def below_of(shape: Shape, step: str) -> Shape:
    """The shape that a step leads to."""
    return shape.field(step[2:])[1] if step.startswith("f:") else shape.items
