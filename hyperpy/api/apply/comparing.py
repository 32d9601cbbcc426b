"""What a write changed: the fields that have a new value, and those that are gone.

Equal parts are never walked into, so that the cost grows with the change and not with the object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperpy.api.apply import fieldset
from hyperpy.api.apply.fieldset import OWNED, SELF, Fields
from hyperpy.api.apply.owned import everything, items_of
from hyperpy.api.apply.shape import Form, Shape

_LISTS = (Form.SET, Form.KEYED)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`taken`: fields that were added or have another value. `removed`: fields that are no longer there."""

    taken: Fields
    removed: Fields


def compare(old: dict[str, Any], new: dict[str, Any], shape: Shape, *, passed_over: Fields = OWNED) -> Comparison:
    """The difference between two objects of one shape.

    Args:
        passed_over: fields that are not looked at: `f:status` when a write cannot change the status.
    """
    taken: Fields = {}
    removed: Fields = {}
    _maps(old, new, shape, taken, removed, passed_over)
    return Comparison(taken, removed)


def _maps(
    old: dict[str, Any], new: dict[str, Any], shape: Shape, taken: Fields, removed: Fields, passed_over: Fields = OWNED
) -> None:
    for name, value in new.items():
        if name not in old:
            _only_here(name, value, shape, taken, passed_over)
            continue
        before = old[name]
        if before is value or before == value:
            continue
        step, below = shape.field(name)
        skipped = passed_over.get(step) if passed_over else None
        if skipped is None:
            _differ(before, value, below, step, taken, removed)
        elif skipped and isinstance(before, dict) and isinstance(value, dict):
            inner_taken: Fields = {}
            inner_removed: Fields = {}
            _maps(before, value, below, inner_taken, inner_removed, skipped)
            _attach(step, inner_taken, inner_removed, taken, removed)
    for name, value in old.items():
        if name not in new:
            _only_here(name, value, shape, removed, passed_over)


def _only_here(name: str, value: Any, shape: Shape, fields: Fields, passed_over: Fields) -> None:
    """A field that the other object does not have."""
    step, below = shape.field(name)
    skipped = passed_over.get(step) if passed_over else None
    if skipped is None:
        fields[step] = everything(value, below)
    elif skipped:
        fields[step] = fieldset.without(everything(value, below), skipped)


def _differ(old: Any, new: Any, shape: Shape, step: str, taken: Fields, removed: Fields) -> None:
    """Two values that are not equal."""
    form = shape.form
    inner_taken: Fields = {}
    inner_removed: Fields = {}
    if form is Form.LEAF or not (old or new):
        taken[step] = OWNED
    elif form not in _LISTS and isinstance(old, dict | None) and isinstance(new, dict | None):
        _maps(old or {}, new or {}, shape, inner_taken, inner_removed)
        _attach(step, inner_taken, inner_removed, taken, removed)
    elif form in _LISTS and isinstance(old, list | None) and isinstance(new, list | None):
        _lists(old or [], new or [], shape, inner_taken, inner_removed)
        _attach(step, inner_taken, inner_removed, taken, removed)
    else:
        taken[step] = everything(new, shape)
        gone = {name: below for name, below in everything(old, shape).items() if name != SELF}
        if gone:
            removed[step] = gone


def _lists(old: list[Any], new: list[Any], shape: Shape, taken: Fields, removed: Fields) -> None:
    """Item by item. Duplicates, which only stored objects have, count as one value without parts."""
    before, after, items = items_of(old, shape), items_of(new, shape), shape.items
    for step, values in after.items():
        known = before.get(step)
        if known is None:
            taken[step] = everything(values[0], items) if len(values) == 1 else OWNED
        elif known == values:
            continue
        elif len(known) == len(values) == 1:
            _differ(known[0], values[0], items, step, taken, removed)
        else:
            if len(known) == 1:
                removed[step] = everything(known[0], items)
            taken[step] = everything(values[0], items) if len(values) == 1 else OWNED
    for step, values in before.items():
        if step not in after:
            removed[step] = everything(values[0], items) if len(values) == 1 else OWNED


def _attach(step: str, inner_taken: Fields, inner_removed: Fields, taken: Fields, removed: Fields) -> None:
    if inner_taken:
        taken[step] = inner_taken
    if inner_removed:
        removed[step] = inner_removed
