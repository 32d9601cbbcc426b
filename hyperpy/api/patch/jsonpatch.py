"""JSON patch: a list of operations on paths. Source: RFC 6902 and RFC 6901.

As in the API server, a `test` for null also passes where there is no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hyperpy.api.patch.failure import MalformedPatch, PatchFailed
from hyperpy.api.patch.values import check_depth, clone, same

#: Source: the API server's own limit.
MAX_OPERATIONS = 10_000

_INDEX = re.compile(r"0|[1-9][0-9]*", re.ASCII)


def json_patch(doc: Any, ops: Any) -> Any:
    """`doc` after every operation, in order; one that fails fails all.

    Raises:
        MalformedPatch: the patch is no list of operations.
        PatchFailed: an operation does not apply, or a test fails.
    """
    if not isinstance(ops, list):
        raise MalformedPatch("a JSON patch must be a list of operations")
    if len(ops) > MAX_OPERATIONS:
        raise MalformedPatch(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(ops)}")
    check_depth(ops)
    root = {"": clone(doc)}
    for op in ops:
        _apply(root, op)
    return root[""]


def _apply(root: dict[str, Any], op: Any) -> None:
    """Change the document inside `root`; with the extra level, the whole document is a member like any other."""
    if not isinstance(op, Mapping):
        raise MalformedPatch("each operation of a JSON patch must be an object")
    kind = op.get("op")
    path = _pointer(op, "path")
    match kind:
        case "add":
            _add(root, path, clone(_value(op)), op)
        case "remove":
            _remove(root, path, op)
        case "replace":
            value = clone(_value(op))
            container, key = _existing(root, path, op)
            container[key] = value
        case "move":
            source = _pointer(op, "from")
            if path[: len(source)] == source and path != source:
                raise PatchFailed(f"move operation does not apply: {op['from']} cannot move into itself")
            _add(root, path, _remove(root, source, op), op)
        case "copy":
            container, key = _existing(root, _pointer(op, "from"), op)
            _add(root, path, clone(container[key]), op)
        case "test":
            _test(root, path, op)
        case _:
            raise MalformedPatch(f"Unexpected kind: {kind}")


def _value(op: Mapping[str, Any]) -> Any:
    if "value" not in op:
        raise MalformedPatch(f'{op["op"]} operation of "{op["path"]}" has no value')
    return op["value"]


def _pointer(op: Mapping[str, Any], field: str) -> list[str]:
    """A JSON pointer as keys, below the extra level of `root`."""
    text = op.get(field)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise MalformedPatch(f'{op.get("op")} operation: {field} must be "" or begin with "/", not {text!r}')
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")]


def _container(root: dict[str, Any], path: list[str], op: Mapping[str, Any]) -> Any:
    """The dict or list that the last key of a path belongs to."""
    place: Any = root
    for step in path[:-1]:
        if isinstance(place, dict) and step in place:
            place = place[step]
        elif isinstance(place, list) and _INDEX.fullmatch(step) and int(step) < len(place):
            place = place[int(step)]
        else:
            raise _missing(op, "path")
    if not isinstance(place, dict | list):
        raise _missing(op, "path")
    return place


def _existing(root: dict[str, Any], path: list[str], op: Mapping[str, Any]) -> tuple[Any, Any]:
    """A container and the key or index of a member that it has."""
    container = _container(root, path, op)
    if isinstance(container, dict):
        if path[-1] not in container:
            raise _missing(op, "key")
        return container, path[-1]
    return container, _index(container, path[-1], len(container) - 1)


def _index(container: list[Any], step: str, last: int) -> int:
    if not _INDEX.fullmatch(step):
        raise PatchFailed(f'"{step}" is no index of an array')
    if int(step) > last:
        raise PatchFailed(f"Unable to access invalid index: {step}: invalid index referenced")
    return int(step)


def _add(root: dict[str, Any], path: list[str], value: Any, op: Mapping[str, Any]) -> None:
    container = _container(root, path, op)
    if isinstance(container, dict):
        container[path[-1]] = value
    elif path[-1] == "-":
        container.append(value)
    else:
        container.insert(_index(container, path[-1], len(container)), value)


def _remove(root: dict[str, Any], path: list[str], op: Mapping[str, Any]) -> Any:
    container, key = _existing(root, path, op)
    if container is root:
        removed, root[""] = root[""], None
        return removed
    return container.pop(key)


def _test(root: dict[str, Any], path: list[str], op: Mapping[str, Any]) -> None:
    expected = _value(op)
    try:
        container, key = _existing(root, path, op)
        found = container[key]
    except PatchFailed:
        if expected is not None:
            raise
        return
    if not same(found, expected):
        raise PatchFailed(f"testing path {op['path']} value failed: test failed")


def _missing(op: Mapping[str, Any], what: str) -> PatchFailed:
    return PatchFailed(f'{op["op"]} operation does not apply: doc is missing {what}: "{op["path"]}": missing value')
