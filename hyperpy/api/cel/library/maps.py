"""The function that the macros transformMap and transformMapEntry need; the runtime declares it without code."""

from __future__ import annotations

from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import Overload

#: Each entry copies the map that was made so far, so a map cannot grow without end.
_MAX_ENTRIES = 1000

_MAP = types.map_of(types.DYN)
_INSERT = "cel.@mapInsert"


def _insert(made: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    return _merged(made, {key: value})


def _merged(made: dict[Any, Any], more: dict[Any, Any]) -> dict[Any, Any]:
    for key in more:
        if key in made:
            raise ValueError(f"insert failed: key {key} already exists")
    if len(made) + len(more) > _MAX_ENTRIES:
        raise ValueError("operation cancelled: actual cost limit exceeded")
    return {**made, **more}


OVERLOADS = (
    Overload(_INSERT, "@mapInsert_map_key_value", (_MAP, types.DYN, types.DYN), _MAP, _insert,
             member=False, checked=False),
    Overload(_INSERT, "@mapInsert_map_map", (_MAP, _MAP), _MAP, _merged, member=False, checked=False),
)  # fmt: skip
