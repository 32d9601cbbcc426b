"""What a new object of a kind is before anything is set: the parts that Go's types always have on the wire.

A field that a write adds is owned with all that leads to it; what is always there is not added. So nobody owns the
`spec` of a Deployment itself, but somebody owns that of a custom kind, which starts from nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hyperpy.api import protobuf
from hyperpy.api.schema import definitions

#: Go's zero values of the scalar types in `protobuf.fields_of`; bytes, lists, maps and times are null.
_ZEROS: dict[str, Any] = {"s": "", "i": 0, "b": False, "d": 0}

#: What a custom object starts from.
CUSTOM: dict[str, Any] = {"metadata": {}}


@cache
def built_in(name: str) -> dict[str, Any]:
    """The zero object of a definition such as `io.k8s.api.apps.v1.Deployment`, without apiVersion, kind. Read-only."""
    return {**CUSTOM, **_zero(name, frozenset())}


def _zero(name: str, above: frozenset[str]) -> dict[str, Any]:
    required = definitions.structure(name).get("required", ()) if definitions.exists(name) else ()
    result: dict[str, Any] = {}
    for field, flags, kind in protobuf.fields_of(name):
        fields = "[" not in flags and "{" not in flags and kind not in above and protobuf.fields_of(kind)
        if "i" in flags:
            result.update(_zero(kind, above | {name}))
        elif fields and ("z" not in flags or field in required):
            result[field] = _zero(kind, above | {name})
        elif "z" in flags and field in required:
            result[field] = _ZEROS.get(kind) if flags == "z" else None
    return result
