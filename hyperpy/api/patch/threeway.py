"""The patch that client-side apply sends: what the manifest sets, less what its last version set and this one does not.

With a schema it is a strategic merge patch, without one a merge patch. Source: Kubernetes' documentation, "Declarative
Management of Kubernetes Objects Using Configuration Files: how apply calculates differences and merges changes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperpy.api.patch.directives import DELETE_FROM, ORDER, PATCH, RETAIN_KEYS, Identity, child, identity, strategies
from hyperpy.api.patch.values import check_depth, clone, contains, same

if TYPE_CHECKING:
    from hyperpy.api.schema.node import Node


def three_way(original: Any, modified: Any, current: Any, node: Node | None) -> dict[str, Any]:
    """The patch that makes `current` what `modified` says; {} when it is that already.

    Args:
        original: the manifest as it was applied last; {} when it never was.
        modified: the manifest as it is to be.
        current: the live object.
        node: the root of the kind's schema; None makes a merge patch (RFC 7386).
    Raises:
        PatchFailed: an item of a list that merges by a key has none.
    """
    for document in (original, modified, current):
        check_depth(document)
    return _map_difference(original, modified, current, node)


def _map_difference(
    original: Any, modified: Any, current: Any, node: Node | None, *, retain: bool = False
) -> dict[str, Any]:
    """The patch of a map; with `retain` it also names the keys that may stay (a union of which one is to be set)."""
    original = original if isinstance(original, dict) else {}
    patch: dict[str, Any] = {}
    for key, wanted in modified.items():
        _field_difference(patch, key, (original.get(key), wanted, current.get(key)), child(node, key))
    for key, value in original.items():
        if key not in modified and value is not None:
            patch[key] = None
    if patch and retain:
        patch[RETAIN_KEYS] = sorted(modified)
    return patch


def _field_difference(patch: dict[str, Any], key: str, versions: tuple[Any, Any, Any], field: Node | None) -> None:
    """Add to `patch` what takes one field there."""
    old, wanted, live = versions
    if isinstance(wanted, dict) and isinstance(live, dict) and "replace" not in strategies(field):
        inner = _map_difference(old, wanted, live, field, retain="retainKeys" in strategies(field))
        if inner:
            patch[key] = inner
    elif isinstance(wanted, list) and isinstance(live, list) and "merge" in strategies(field):
        _list_difference(patch, key, (old if isinstance(old, list) else [], wanted, live), field)
    elif not same(wanted, live):
        patch[key] = clone(wanted)


def _list_difference(
    patch: dict[str, Any], key: str, versions: tuple[list[Any], list[Any], list[Any]], field: Node | None
) -> None:
    merge_key = field.merge_key if field is not None else ""
    old, wanted, live = versions
    if merge_key and all(isinstance(item, dict) for item in (*old, *wanted, *live)):
        changes = _map_items(versions, field, merge_key)
        deletions: list[Any] = []
        order: list[Any] = [{merge_key: item[merge_key]} for item in wanted]
    else:
        changes = [clone(item) for item in wanted if not contains(live, item)]
        deletions = [clone(item) for item in old if not contains(wanted, item)]
        order = clone(wanted)
        merge_key = ""
    if changes:
        patch[key] = changes
    if deletions:
        patch[f"{DELETE_FROM}{key}"] = deletions
    if changes or deletions or not _same_order(wanted, live, merge_key):
        patch[f"{ORDER}{key}"] = order


def _map_items(versions: tuple[list[Any], list[Any], list[Any]], field: Node | None, merge_key: str) -> list[Any]:
    """The items to change and to add, in the manifest's order, then those to delete."""
    old, wanted, live = (_by_identity(items, merge_key) for items in versions)
    items, retain = (field.items if field is not None else None), "retainKeys" in strategies(field)
    changes: list[Any] = []
    for name, item in wanted.items():
        if name not in live:
            changes.append(clone(item))
            continue
        inner = _map_difference(old.get(name), item, live[name], items, retain=retain)
        if inner:
            changes.append({merge_key: item[merge_key], **inner})
    for name, item in old.items():
        if name not in wanted:
            changes.append({PATCH: "delete", merge_key: item[merge_key]})
    return changes


def _by_identity(items: list[Any], merge_key: str) -> dict[Identity, Any]:
    return {identity(item, merge_key): item for item in items}


def _same_order(wanted: list[Any], live: list[Any], merge_key: str) -> bool:
    """Whether the manifest's items stand in its order already."""
    names = [identity(item, merge_key) for item in wanted]
    return [name for name in (identity(item, merge_key) for item in live) if name in names] == names
