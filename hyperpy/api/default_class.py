"""Which of several classes is the default one: StorageClasses and IngressClasses say so by an annotation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Obj = dict[str, Any]

#: By which a StorageClass says so.
STORAGE_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def choose(classes: Iterable[Obj], annotations: Sequence[str]) -> Obj | None:
    """The newest class that one of the annotations marks as default, of equally new ones the first by name; or None."""
    marked = [each for each in classes if _is_marked(each, annotations)]
    if not marked:
        return None
    newest = max(each["metadata"].get("creationTimestamp") or "" for each in marked)
    return min(
        (each for each in marked if (each["metadata"].get("creationTimestamp") or "") == newest),
        key=lambda each: each["metadata"]["name"],
    )


def _is_marked(obj: Obj, annotations: Sequence[str]) -> bool:
    given = obj["metadata"].get("annotations") or {}
    return any(given.get(annotation) == "true" for annotation in annotations)
