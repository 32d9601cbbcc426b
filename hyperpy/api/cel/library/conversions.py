"""`string(...)` of what the runtime knows: declared again, as abstract types can only join a function of our own."""

from __future__ import annotations

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import Overload
from hyperpy.api.cel.types import Type

_FROM = {
    types.STRING: "string", types.BOOL: "bool", types.INT: "int64", Type("uint"): "uint64", types.DOUBLE: "double",
    types.BYTES: "bytes", types.TIMESTAMP: "timestamp", types.DURATION: "duration",
}  # fmt: skip

OVERLOADS = tuple(
    Overload("string", f"{name}_to_string", (kind,), types.STRING, None, member=False) for kind, name in _FROM.items()
)
