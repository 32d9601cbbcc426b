"""From a decoded body to an object of its kind: identity, types, and what becomes of unknown and repeated fields.

Source: the API reference, "Field validation" (Ignore, Warn, Strict); texts of the server's strict decoder.
"""

from __future__ import annotations

from typing import Any

import orjson

from hyperpy.api import errors, schema
from hyperpy.api.kinds import Kind
from hyperpy.api.schema import definitions, gotypes
from hyperpy.components.apiserver.content.write_options import IGNORE, STRICT

Obj = dict[str, Any]


def identify(kind: Kind, obj: Obj) -> None:
    """Make sure that `apiVersion` and `kind` are those of the URL; what a built-in kind leaves out is filled in.

    Raises:
        BadRequest: they are another's, or missing in a custom kind.
    """
    if kind.definition is not None and not obj.get("kind"):
        shown = orjson.dumps(obj).decode()
        raise errors.BadRequest(
            f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing in '{shown}'"
        )
    if kind.definition is not None and not obj.get("apiVersion"):
        obj["apiVersion"] = "/"  # what Kubernetes makes of none
    version = obj.get("apiVersion") or kind.api_version
    name = obj.get("kind") or kind.kind
    if name != kind.kind:
        raise errors.BadRequest(
            f'{name} in version "{version}" cannot be handled as a {kind.kind}: the URL names {kind.qualified}'
        )
    if version != kind.api_version:
        raise errors.BadRequest(
            f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
        )
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    if obj.get("metadata") is None:
        obj["metadata"] = {}


def settle(kind: Kind, obj: Obj, *, repeated: tuple[str, ...], level: str, lines: tuple[str, ...] = ()) -> list[str]:
    """Check types, drop unknown fields and nulls, in place, and return the warnings to send.

    Args:
        repeated: paths of keys the body holds twice.
        lines: the same of a body in YAML, each as a text that names its line.
        level: Ignore, Warn or Strict.
    Raises:
        BadRequest: a value is of the wrong type; or, with Strict, a field is unknown or repeated.
    """
    decoded = schema.of(kind).decode(obj)
    if kind.definition is None and decoded.mistyped:
        path, value = decoded.mistyped[0]
        name = definitions.name_of(kind.group, kind.version, kind.kind)
        raise _unreadable(kind, gotypes.mismatch(name, path, value))
    if decoded.causes:
        raise _unreadable(kind, ", ".join(str(cause) for cause in decoded.causes))
    if level == IGNORE:
        return []
    warnings = complaints(decoded.unknown, repeated)
    if level == STRICT and (warnings or lines):
        of_yaml = ["\n  ".join(("yaml: unmarshal errors:", *lines))] if lines else []
        raise _unreadable(kind, f"strict decoding error: {', '.join([*of_yaml, *warnings])}")
    return [*lines, *warnings]


def complaints(unknown: tuple[str, ...] | list[str], repeated: tuple[str, ...]) -> list[str]:
    """`duplicate field "..."` and `unknown field "..."`, in the order Kubernetes lists them."""
    return [*(f'duplicate field "{path}"' for path in repeated), *(f'unknown field "{path}"' for path in unknown)]


def _unreadable(kind: Kind, why: str) -> errors.BadRequest:
    return errors.BadRequest(
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}'
    )  # fmt: skip
