"""Lists that are sets or maps: no item, or no key of an item, stands twice.

Source: Kubernetes' documentation, "Merge strategy" (Server-Side Apply): `x-kubernetes-list-type`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from hyperpy.api.custom import tree
from hyperpy.api.custom.checking import ABSENT, old_item, old_member
from hyperpy.api.patch.values import same
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause


def is_unique(schema: tree.Schema) -> bool:
    """Whether this is the schema of a set or a map."""
    return schema.get(tree.LIST_TYPE) in ("set", "map")


def duplicates(value: Any, schema: tree.Schema, *, old: Any = ABSENT, path: str = "") -> Iterator[Cause]:
    """Items that stand twice; lists that an update leaves as they were are not judged again.

    Args:
        schema: what leads to sets and maps, see `tree.only`.
    """
    if old is not ABSENT and same(value, old):
        return
    if isinstance(value, dict):
        own, values = tree.properties(schema), tree.additional(schema)
        for name, member in value.items():
            child = own.get(name, values)
            if child is not None:
                place = f"{path}[{name}]" if name not in own else f"{path}.{name}" if path else name
                yield from duplicates(member, child, old=old_member(name, schema, old), path=place)
    elif isinstance(value, list):
        yield from _repeated(value, schema, path)
        items = schema.get("items")
        if not isinstance(items, dict):
            return
        for index, item in enumerate(value):
            inner = old_item(item, schema, old)
            yield from duplicates(item, items, old=inner, path=f"{path}[{index}]")


def _repeated(items: list[Any], schema: tree.Schema, path: str) -> Iterator[Cause]:
    kind = schema.get(tree.LIST_TYPE)
    if kind not in ("set", "map"):
        return
    keys = schema.get(tree.LIST_KEYS) or ()
    seen: set[bytes] = set()
    for index, item in enumerate(items):
        identity = item
        if kind == "map":
            if not isinstance(item, dict):
                continue
            identity = {key: item[key] for key in keys if key in item}
        encoded = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
        if encoded in seen:
            yield cause.duplicate(f"{path}[{index}]", identity)
        seen.add(encoded)
