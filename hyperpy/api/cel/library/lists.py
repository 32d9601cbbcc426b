"""Lists: isSorted, sum, min, max, indexOf, lastIndexOf."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import Overload
from hyperpy.api.cel.types import Type

_UINT = Type("uint")
_SUMMED = (types.INT, _UINT, types.DOUBLE, types.DURATION)
_COMPARED = (*_SUMMED, types.BOOL, types.TIMESTAMP, types.STRING, types.BYTES)


def _is_sorted(items: list[Any]) -> bool:
    return all(a <= b for a, b in pairwise(items))


def _sum(items: list[Any]) -> Any:
    if items and isinstance(items[0], datetime.timedelta):
        return _given(sum(items, datetime.timedelta()))
    return sum(items)


def _least(items: list[Any]) -> Any:
    if not items:
        raise ValueError("min called on empty list")
    return _given(min(items))


def _greatest(items: list[Any]) -> Any:
    if not items:
        raise ValueError("max called on empty list")
    return _given(max(items))


def _given(value: Any) -> Any:
    """Times in the form that the runtime takes back."""
    from hyperpy.api.cel import values

    if isinstance(value, datetime.datetime):
        return values.timestamp(value)
    return values.duration(value) if isinstance(value, datetime.timedelta) else value


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((i for i, item in enumerate(items) if _equal(item, wanted)), -1)


def _last_index_of(items: list[Any], wanted: Any) -> int:
    return next((i for i in reversed(range(len(items))) if _equal(items[i], wanted)), -1)


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _of(name: str, items: tuple[Type, ...], code: Callable[..., Any], returns: Type | None = None) -> list[Overload]:
    return [Overload(name, f"list_{item.name}_{name}", (types.list_of(item),), returns or item, code) for item in items]


_ANY = types.list_of(types.DYN)
OVERLOADS = (
    *_of("isSorted", _COMPARED, _is_sorted, types.BOOL),
    *_of("sum", _SUMMED, _sum),
    *_of("min", _COMPARED, _least),
    *_of("max", _COMPARED, _greatest),
    Overload("indexOf", "list_a_index_of_int", (_ANY, types.DYN), types.INT, _index_of),
    Overload("lastIndexOf", "list_a_last_index_of_int", (_ANY, types.DYN), types.INT, _last_index_of),
)
