"""The columns of a custom kind, as its definition names them by JSONPath.

Source: Kubernetes' documentation, "Additional printer columns".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hyperpy.api import jsonpath
from hyperpy.api.printers.columns import NAME, Column, Printer
from hyperpy.api.printers.durations import age

Obj = Mapping[str, Any]
Cell = Callable[[Obj, float], Any]

_AGE = {
    "name": "Age",
    "type": "date",
    "description": (
        "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
        "guaranteed to be set in happens-before order across separate operations."
    ),
    "jsonPath": ".metadata.creationTimestamp",
}


def printer(columns: Sequence[Mapping[str, Any]]) -> Printer:
    """The printer for `additionalPrinterColumns`; name and age where there are none."""
    shown: list[Column] = [NAME]
    cells: list[Cell] = [_name]
    for entry in columns or (_AGE,):
        try:
            find = jsonpath.finder(entry["jsonPath"])
        except jsonpath.JsonPathError:
            break  # what comes after a path that makes no sense is not shown either
        shown.append(_column(entry))
        cells.append(_cell(find, entry["type"]))
    return Printer(tuple(shown), lambda obj, now: [cell(obj, now) for cell in cells])


def _name(obj: Obj, now: float) -> Any:
    return obj["metadata"].get("name", "")


def _column(entry: Mapping[str, Any]) -> Column:
    text = entry.get("description") or (
        f"Custom resource definition column (in JSONPath format): {entry['jsonPath']}"
    )  # fmt: skip
    return Column(entry["name"], text, entry["type"], entry.get("format", ""), entry.get("priority", 0))


def _cell(find: Callable[[Any], list[Any]], kind: str) -> Cell:
    shape = _SHAPES.get(kind, _text)

    def cell(obj: Obj, now: float) -> Any:
        found = find(obj)
        return shape(found[0], now) if found and found[0] is not None else None

    return cell


def _text(value: Any, now: float) -> Any:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _integer(value: Any, now: float) -> Any:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any, now: float) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any, now: float) -> Any:
    return value if isinstance(value, bool) else None


def _date(value: Any, now: float) -> Any:
    return age(value, now=now) if isinstance(value, str) else None


_SHAPES: dict[str, Callable[[Any, float], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
