"""Laying an applied configuration over a live object, and taking fields out of an object.

Nothing here writes to its arguments; results share parts with them.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api.apply import owned
from hyperpy.api.apply.fieldset import SELF, Fields
from hyperpy.api.apply.shape import Form, Shape

_LISTS = (Form.SET, Form.KEYED)


def merged(live: Any, config: Any, shape: Shape) -> Any:
    """`live` with all that `config` says."""
    if shape.form is Form.LEAF:
        return config
    if isinstance(live, dict) and isinstance(config, dict | None) and live and shape.form not in _LISTS:
        result = dict(live)
        for name, value in (config or {}).items():
            below = shape.field(name)[1]
            result[name] = merged(live[name], value, below) if name in live else value
        return result
    if isinstance(live, list) and isinstance(config, list | None) and live and shape.form in _LISTS:
        return _merged_list(live, config or [], shape)
    return config


def _merged_list(live: list[Any], config: list[Any], shape: Shape) -> list[Any]:
    """The items of both: those of the configuration in its order, the others where they stood among them."""
    wanted, present = dict(owned.steps_of(config, shape)), owned.items_of(live, shape)
    shared = [step for step in wanted if step in present]
    waiting = [(_step(item, shape), item) for item in live]
    result: list[Any] = []
    for step, value in wanted.items():
        _move_others(waiting, wanted, result, until=shared[0] if shared else None)
        if step in present:
            shared.pop(0)
            same = present[step]
            value = merged(same[0], value, shape.items) if len(same) == 1 else value
        result.append(value)
    _move_others(waiting, wanted, result, until=None)
    return result


def _move_others(
    waiting: list[tuple[str | None, Any]], wanted: dict[str, Any], result: list[Any], *, until: str | None
) -> None:
    """Move the live items that are not configured to the result, up to where the next shared one stands."""
    while waiting and (until is None or waiting[0][0] != until):
        step, item = waiting.pop(0)
        if step is None or step not in wanted:
            result.append(item)


def _step(item: Any, shape: Shape) -> str | None:
    try:
        return shape.step(item)
    except ValueError:
        return None


def removed(value: Any, fields: Fields, shape: Shape) -> Any:
    """`value` without these fields and all below them; None where nothing is left."""
    if not fields or not value:
        return value
    if shape.form is Form.LEAF:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, dict) and shape.form not in _LISTS:
        result = {}
        for name, item in value.items():
            step, below = shape.field(name)
            unwanted = fields.get(step)
            if unwanted is None:
                result[name] = item
            elif unwanted and SELF not in unwanted:
                result[name] = removed(item, unwanted, below)
        return result or None
    if isinstance(value, list) and shape.form in _LISTS:
        return _removed_items(value, fields, shape)
    return None if isinstance(value, list) else value


def _removed_items(values: list[Any], fields: Fields, shape: Shape) -> list[Any] | None:
    result = []
    for item in values:
        step = _step(item, shape)
        unwanted = fields.get(step) if step is not None else None
        if unwanted is None:
            result.append(item)
        elif unwanted and SELF not in unwanted:
            result.append(removed(item, unwanted, shape.items))
    return result or None
