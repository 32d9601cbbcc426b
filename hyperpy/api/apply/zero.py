"""What a new object of a kind is before anything is set: the parts that Go's types always have on the wire.

A field that an update adds is owned with all that leads to it; what is always there is not added. So a Deployment's
`spec` has no owner of its own, and that of a custom kind, which starts from nothing, has.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hyperpy.api import protobuf
from hyperpy.api.schema import definitions

_SCALARS: dict[str, Any] = {"s": "", "i": 0, "b": False, "d": 0}


@cache
def built_in(name: str) -> dict[str, Any]:
    """The zero object of a definition such as `io.k8s.api.apps.v1.Deployment`, without apiVersion and kind."""
    if not definitions.exists(name):
        return {"metadata": {}}
    return _zero(name, frozenset())


def _zero(name: str, above: frozenset[str]) -> dict[str, Any]:
    required = definitions.structure(name).get("required", ())
    result: dict[str, Any] = {}
    for field, flags, kind in protobuf.fields_of(name):
        message = kind not in _SCALARS and kind != "y" and not set("[{") & set(flags)
        plain_struct = message and "z" not in flags
        if "i" in flags and kind not in above:
            result.update(_zero(kind, above | {name}))
        elif plain_struct or (field in required and "z" in flags):
            result[field] = _empty(kind, above | {name}) if message else _SCALARS.get(kind) if not flags.strip("z") else None
    return result


def _empty(kind: str, above: frozenset[str]) -> Any:
    """The zero of a message: a struct of its own, or nothing where it writes itself (times, quantities)."""
    if kind in above or not protobuf.has_fields(kind):
        return None
    return _zero(kind, above)
