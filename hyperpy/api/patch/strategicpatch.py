"""Strategic merge patch: maps are merged, lists by their merge key where the schema names one, else replaced.

Source: Kubernetes' documentation, "Update API Objects in Place Using kubectl patch", and the API server's messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyperpy.api.patch.directives import (
    DELETE_FROM,
    ORDER,
    PATCH,
    RETAIN_KEYS,
    Identity,
    child,
    identity,
    shown,
    strategies,
)
from hyperpy.api.patch.failure import MalformedPatch, PatchFailed
from hyperpy.api.patch.ordering import arrange
from hyperpy.api.patch.values import check_depth, clone, contains

if TYPE_CHECKING:
    from hyperpy.api.schema.node import Node

_BAD_ORDER = "invalid patch format of setElementOrder list"
_BAD_DELETION = "invalid patch format of primitive list"
_BAD_RETAIN = "invalid patch format of retainKeys"


def strategic_merge(doc: Any, patch: Any, node: Node | None) -> Any:
    """`doc` with a strategic merge patch laid over it.

    Args:
        doc: the object.
        patch: the patch, with its directives.
        node: the root of the kind's schema; where it knows nothing, maps are merged and lists replaced.
    Raises:
        MalformedPatch: the patch is no object, or a directive is malformed.
        PatchFailed: a list does not merge, or a directive is unknown.
    """
    if not isinstance(patch, dict):
        raise MalformedPatch("a strategic merge patch must be an object")
    check_depth(patch)
    return _merge_map(clone(doc) if isinstance(doc, dict) else {}, patch, node)


def _merge_map(original: dict[str, Any], patch: dict[str, Any], node: Node | None) -> dict[str, Any]:
    """Change `original`, which is ours, or return what takes its place."""
    rest = dict(patch)
    directive = rest.pop(PATCH, "merge")
    if directive == "replace":
        return _plain_map(rest)
    if directive == "delete":
        return {}
    if directive != "merge":
        raise PatchFailed(f"unknown patch type: {directive} in map: {shown(patch)}")
    _retain_keys(original, rest)
    for key in [key for key in rest if key.startswith(ORDER)]:
        _merge_ordered(original, rest, key, node)
    for key, value in rest.items():
        _merge_field(original, key, value, node)
    return original


def _merge_field(original: dict[str, Any], key: str, value: Any, node: Node | None) -> None:
    if key.startswith(DELETE_FROM):
        _delete_scalars(original, key.removeprefix(DELETE_FROM), value)
        return
    if value is None:
        original.pop(key, None)
        return
    old, field = original.get(key), child(node, key)
    if isinstance(old, dict) and isinstance(value, dict) and "replace" not in strategies(field):
        original[key] = _merge_map(old, value, field)
    elif isinstance(old, list) and isinstance(value, list) and "merge" in strategies(field):
        original[key] = _merge_list(old, value, field)
    elif not _is_deletion(value):
        original[key] = _plain(value)
    elif old is not None:
        original[key] = {}


def _delete_scalars(original: dict[str, Any], key: str, unwanted: Any) -> None:
    if not isinstance(unwanted, list):
        raise MalformedPatch(_BAD_DELETION)
    old = original.get(key)
    if isinstance(old, list):
        original[key] = [item for item in old if not contains(unwanted, item)]


def _retain_keys(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """Drop what `$retainKeys` does not list."""
    if RETAIN_KEYS not in patch:
        return
    kept = patch.pop(RETAIN_KEYS)
    if not isinstance(kept, list):
        raise MalformedPatch(_BAD_RETAIN)
    for key, value in patch.items():
        if value is not None and not key.startswith((ORDER, DELETE_FROM)) and key not in kept:
            raise MalformedPatch(_BAD_RETAIN)
    for key in [key for key in original if key not in kept]:
        del original[key]


def _merge_ordered(original: dict[str, Any], patch: dict[str, Any], directive: str, node: Node | None) -> None:
    """Merge the list that a `$setElementOrder` speaks of, and take both out of the patch."""
    order, name = patch.pop(directive), directive.removeprefix(ORDER)
    if not isinstance(order, list):
        raise MalformedPatch(_BAD_ORDER)
    old, new = original.get(name), patch.get(name)
    if new is None and (old is None or name in patch):
        return
    patch.pop(name, None)
    field = child(node, name)
    merge_key = field.merge_key if field is not None else ""
    if not isinstance(old, list | None) or not isinstance(new, list | None):
        raise MalformedPatch(_BAD_ORDER)
    _check_order(new or [], order, merge_key, name)
    if new is None:
        merged = old or []
    elif old is None:
        merged = _plain(new)
    else:
        merged = _merge_list(old, new, field) if "merge" in strategies(field) else _plain(new)
    original[name] = arrange(merged, wanted=order, before=old or [], merge_key=merge_key)


def _check_order(items: list[Any], order: list[Any], merge_key: str, name: str) -> None:
    """The items of a patch must stand in the order that it asks for."""
    positions = {identity(item, merge_key): index for index, item in enumerate(order)}
    last = -1
    for item in items:
        if isinstance(item, dict) and PATCH in item:
            continue
        position = positions.get(identity(item, merge_key), -1)
        if position < last or position < 0:
            raise PatchFailed(
                f"The order in patch list:\n{shown(items)}\n doesn't match {ORDER}{name} list:\n{shown(order)}\n"
            )
        last = position


def _merge_list(original: list[Any], patch: list[Any], field: Node | None) -> list[Any]:
    together = original + patch
    if any(isinstance(item, list) for item in together):
        raise PatchFailed("lists of lists are not supported")
    maps = sum(isinstance(item, dict) for item in together)
    if not maps:
        return arrange(_distinct(together), wanted=patch, before=original, merge_key="")
    if maps != len(together):
        raise PatchFailed(f"list element types are not identical: {shown(together)}")
    merge_key = field.merge_key if field is not None else ""
    if not merge_key:
        raise PatchFailed(f"cannot merge lists without merge key: {shown(patch)}")
    return _merge_maps(original, patch, field.items if field is not None else None, merge_key)


def _merge_maps(original: list[Any], patch: list[Any], items: Node | None, merge_key: str) -> list[Any]:
    plain, deleted, replaced = _sort_out(patch, merge_key)
    if replaced:
        return [_plain(item) for item in plain]
    kept = [item for item in original if identity(item, merge_key) not in deleted]
    merged = list(kept)
    positions: dict[Identity, int] = {}
    for index, item in enumerate(merged):
        positions.setdefault(identity(item, merge_key), index)
    for item in plain:
        name = identity(item, merge_key)
        if name in positions:
            merged[positions[name]] = _merge_map(merged[positions[name]], item, items)
        else:
            positions[name] = len(merged)
            merged.append(_plain(item))
    return arrange(merged, wanted=plain, before=kept, merge_key=merge_key)


def _sort_out(patch: list[Any], merge_key: str) -> tuple[list[Any], set[Identity], bool]:
    """The items of a list patch without directives, the identities to delete, and whether the list is replaced.

    An item that says `replace` speaks for the whole list and is not itself in it.
    """
    plain: list[Any] = []
    deleted: set[Identity] = set()
    replaced = False
    for item in patch:
        match item.get(PATCH, "merge"):
            case "delete":
                deleted.add(identity(item, merge_key))
            case "replace":
                replaced = True
            case "merge":
                plain.append(item)
            case other:
                raise PatchFailed(f"unknown patch type: {other} in map: {shown(item)}")
    return plain, deleted, replaced


def _distinct(items: list[Any]) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if not contains(result, item):
            result.append(item)
    return result


def _plain(value: Any) -> Any:
    """A value to be set as it is: a copy without directives and nulls."""
    if isinstance(value, dict):
        return _plain_map(value)
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_deletion(item) and item != {PATCH: "replace"}]
    return value


def _plain_map(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _plain(item)
        for key, item in value.items()
        if item is not None and not _is_deletion(item) and not _is_directive(key)
    }


def _is_directive(key: str) -> bool:
    return key in (PATCH, RETAIN_KEYS) or key.startswith((ORDER, DELETE_FROM))


def _is_deletion(value: Any) -> bool:
    return isinstance(value, dict) and value.get(PATCH) == "delete"
