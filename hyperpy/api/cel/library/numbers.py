"""Comparisons between numbers of different types: Kubernetes allows `1.5 < 2`, the runtime only for `dyn`."""

from __future__ import annotations

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import Overload
from hyperpy.api.cel.types import Type

_NAMES = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}
_TYPES = {types.INT: "int64", Type("uint"): "uint64", types.DOUBLE: "double"}

OVERLOADS = tuple(
    Overload(name, f"{words}_{_TYPES[a]}_{_TYPES[b]}", (a, b), types.BOOL, None, member=False)
    for name, words in _NAMES.items()
    for a in _TYPES
    for b in _TYPES
    if a != b
)
