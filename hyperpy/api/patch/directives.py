"""What strategic merge patches are made of: their directives, and where the schema says how a field merges.

Source: Kubernetes' documentation, "Update API Objects in Place Using kubectl patch: strategic merge patch".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperpy.api.patch.failure import PatchFailed

if TYPE_CHECKING:
    from hyperpy.api.schema.node import Node

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
ORDER = "$setElementOrder/"
DELETE_FROM = "$deleteFromPrimitiveList/"

Identity = str | int | float | bool | None


def child(node: Node | None, name: str) -> Node | None:
    """The node of a field or of a key of a free map; None where the schema knows nothing."""
    if node is None:
        return None
    return node.property(name) or node.additional


def strategies(node: Node | None) -> tuple[str, ...]:
    """How a field merges: of `merge`, `replace`, `retainKeys`."""
    return node.merge_strategy if node is not None else ()


def identity(item: Any, merge_key: str) -> Identity:
    """What tells an item of a merged list from the others: its merge key's value, or the item itself.

    Raises:
        PatchFailed: the item has no such field, or a value that identifies nothing.
    """
    if merge_key:
        if not isinstance(item, dict) or item.get(merge_key) is None:
            raise PatchFailed(f"map: {shown(item)} does not contain declared merge key: {merge_key}")
        item = item[merge_key]
    if isinstance(item, str | int | float | bool | None):
        return item
    raise PatchFailed(f"{shown(item)} does not identify an item of a list")


def shown(value: Any) -> str:
    """A value in a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
