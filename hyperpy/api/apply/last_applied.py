"""From client-side to server-side apply: what kubectl's last-applied annotation is worth.

Only the manager `kubectl` is treated so. Source: fieldmanager's lastAppliedManager and lastAppliedUpdater.
"""

from __future__ import annotations

import json
from typing import Any

from hyperpy.api.apply import checking, comparing, fieldset, owned
from hyperpy.api.apply.fieldset import Fields
from hyperpy.api.apply.shape import Shape

Obj = dict[str, Any]

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
#: Bytes of all annotations of an object; beyond, the annotation is dropped instead of the write refused.
_MAX_ANNOTATIONS = 256 * 1024

# Go's JSON encoder writes these as escapes, so that the text may stand in HTML.
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def owned_fields(live: Obj, shape: Shape) -> Fields:
    """The fields that client-side apply set and that still are what it set: these may be taken over.

    Empty when there is no annotation, or one that says nothing about this version of the kind.
    """
    text = _annotation(live)
    try:
        last = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != live.get("apiVersion"):
        return {}
    if checking.problems(last, shape):
        return {}
    difference = comparing.compare(last, live, shape)
    fields = fieldset.difference(owned.applied(last, shape), difference.taken)
    return fieldset.difference(fields, difference.removed)


def refreshed(obj: Obj, config: Obj) -> Obj:
    """`obj`, whose annotation (if it has one) now holds the configuration that was just applied."""
    if not _annotation(obj):
        return obj
    metadata = obj["metadata"]
    annotations = {**metadata["annotations"], ANNOTATION: _text(config)}
    if sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items()) > _MAX_ANNOTATIONS:
        del annotations[ANNOTATION]
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _annotation(obj: Obj) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(ANNOTATION) or "")


def _text(config: Obj) -> str:
    metadata = config.get("metadata") or {}
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        rest = {name: value for name, value in annotations.items() if name != ANNOTATION}
        config = {**config, "metadata": {**metadata, "annotations": rest}}
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPED) + "\n"
