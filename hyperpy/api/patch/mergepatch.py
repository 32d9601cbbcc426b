"""JSON merge patch. Source: RFC 7386."""

from __future__ import annotations

from typing import Any

from hyperpy.api.patch.failure import MalformedPatch
from hyperpy.api.patch.values import check_depth, clone


def merge_patch(doc: Any, patch: Any) -> Any:
    """`doc` with `patch` laid over it: null deletes, objects are merged, anything else replaces.

    Raises:
        MalformedPatch: the patch is no object.
    """
    if not isinstance(patch, dict):
        raise MalformedPatch("a merge patch must be an object")
    check_depth(patch)
    return _lay(clone(doc) if isinstance(doc, dict) else {}, patch)


def _lay(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Change `base`, which is ours."""
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict):
            child = base.get(key)
            base[key] = _lay(child if isinstance(child, dict) else {}, value)
        else:
            base[key] = clone(value)
    return base
