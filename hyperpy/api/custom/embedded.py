"""Objects inside of objects (`x-kubernetes-embedded-resource`): apiVersion, kind and metadata must be good ones.

Source: Kubernetes' documentation, "RawExtension"; the texts are the API server's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hyperpy.api.custom import tree
from hyperpy.api.kinds import Kind
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, metadata

_NAMED = "fakename"
_ANY = Kind("", "v1", "Validation", "validations")


def is_embedded(schema: tree.Schema) -> bool:
    """Whether this is the schema of an embedded object."""
    return bool(schema.get(tree.EMBEDDED))


def causes(value: Any, schema: tree.Schema, *, path: str = "") -> Iterator[Cause]:
    """What is wrong with the embedded objects in a value.

    Args:
        schema: what leads to them, see `tree.only`.
    """
    if isinstance(value, dict):
        if schema.get(tree.EMBEDDED):
            yield from _head(value, path)
        own, values = tree.properties(schema), tree.additional(schema)
        for name, member in value.items():
            if name in own:
                yield from causes(member, own[name], path=f"{path}.{name}" if path else name)
            elif values is not None:
                yield from causes(member, values, path=f"{path}[{name}]")
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from causes(item, schema["items"], path=f"{path}[{index}]")


def _head(obj: dict[str, Any], path: str) -> Iterator[Cause]:
    for name in ("apiVersion", "kind"):
        field, given = f"{path}.{name}", obj.get(name, "")
        if not isinstance(given, str):
            yield cause.invalid(field, given, "must be a string")
        elif not given:
            yield cause.required(field)
        elif name == "apiVersion" and given.count("/") > 1:
            yield cause.invalid(field, given, f"unexpected GroupVersion string: {given}")
        elif name == "kind":
            problems = formats.dns_1035_label(given.lower())
            if problems:
                text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
                yield cause.invalid(field, given, text)
    own = obj.get("metadata")
    if isinstance(own, dict):
        kind = replace(_ANY, namespaced=bool(own.get("namespace")))
        for found in metadata.on_create(kind, {**own, "name": _NAMED}):
            yield replace(found, field=f"{path}.{found.field}")
