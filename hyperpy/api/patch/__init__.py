"""The ways to change an object: JSON patch, merge patch, strategic merge patch, and what client-side apply sends.

Nothing here writes to its arguments, and no result shares a dict or list with them.
"""

from __future__ import annotations

from hyperpy.api.patch.failure import MalformedPatch, PatchError, PatchFailed
from hyperpy.api.patch.jsonpatch import json_patch
from hyperpy.api.patch.mergepatch import merge_patch
from hyperpy.api.patch.strategicpatch import strategic_merge
from hyperpy.api.patch.threeway import three_way

__all__ = [
    "MalformedPatch",
    "PatchError",
    "PatchFailed",
    "json_patch",
    "merge_patch",
    "strategic_merge",
    "three_way",
]
