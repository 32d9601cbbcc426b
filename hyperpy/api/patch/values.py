"""JSON values: copies that share nothing, and equality that tells `true` from `1`."""

from __future__ import annotations

from typing import Any

from hyperpy.api.patch.failure import MalformedPatch

#: Far deeper than any schema; keeps recursion within the interpreter's limit.
MAX_DEPTH = 200


def clone(value: Any) -> Any:
    """A copy that shares no dict and no list with `value`."""
    if isinstance(value, dict):
        return {key: clone(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) if isinstance(item, dict | list) else item for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; a boolean is no number."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def contains(items: list[Any], value: Any) -> bool:
    """Whether a list holds an equal value."""
    return any(same(item, value) for item in items)


def check_depth(patch: Any) -> None:
    """Refuse what is nested too deeply to be walked.

    Raises:
        MalformedPatch: it is.
    """
    level = [patch]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise MalformedPatch("the patch exceeds the maximum depth")
