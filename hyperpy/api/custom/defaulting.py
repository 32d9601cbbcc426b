"""Defaults of a custom kind's schema, and what becomes of nulls.

Source: Kubernetes' documentation, "Defaulting" and "Defaulting and Nullable" (Extend the Kubernetes API with
CustomResourceDefinitions): a default goes where the field is missing, or null without being nullable; a null that is
neither allowed nor has a default is dropped.
"""

from __future__ import annotations

from typing import Any

import orjson

from hyperpy.api.custom import tree
from hyperpy.api.patch import values

Obj = dict[str, Any]


def drop_nulls(obj: Obj, schema: tree.Schema) -> None:
    """Drop nulls that may not be there and have no default, in place; to be called after `fill`."""
    if b"null" in orjson.dumps(obj):
        _drop_nulls(obj, schema)


def fill(value: Any, schema: tree.Schema) -> None:
    """Fill in defaults, in place."""
    if isinstance(value, dict):
        own, values_schema = tree.properties(schema), tree.additional(schema)
        for name, child in own.items():
            default = child.get("default")
            if default is not None and (name not in value or _forbidden_null(value[name], child)):
                value[name] = values.clone(default)
        for name, member in value.items():
            inner = own.get(name, values_schema)
            if inner is not None:
                fill(member, inner)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                if items.get("default") is not None and _forbidden_null(item, items):
                    value[index] = values.clone(items["default"])
                fill(value[index], items)


def _drop_nulls(value: Any, schema: tree.Schema) -> None:
    if isinstance(value, dict):
        own, values_schema = tree.properties(schema), tree.additional(schema)
        for name in list(value):
            child = own.get(name, values_schema)
            if child is None:
                continue
            if _forbidden_null(value[name], child) and child.get("default") is None:
                del value[name]
            else:
                _drop_nulls(value[name], child)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _drop_nulls(item, schema["items"])


def _forbidden_null(value: Any, schema: tree.Schema) -> bool:
    return value is None and not schema.get("nullable")
