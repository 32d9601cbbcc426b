"""Rows of PersistentVolumes and PersistentVolumeClaims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta
from hyperpy.api.printers.columns import AGE, NAME, UNSET, Column, Obj, Printer, wide
from hyperpy.api.printers.durations import age

_SHORT_MODES = {
    "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP",
}  # fmt: skip
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_MODE = wide("VolumeMode", "Whether it is a file system or a raw device.")
_CLASSES = (
    Column("StorageClass", "Its storage class."),
    Column("VolumeAttributesClass", "Its class of attributes."),
)
_VOLUME = (
    NAME,
    Column("Capacity", "How much it holds."),
    Column("Access Modes", "From where it can be used."),
    Column("Reclaim Policy", "What becomes of it when its claim is gone."),
    Column("Status", "Whether it is bound."),
    Column("Claim", "The claim it is bound to."),
    *_CLASSES,
    Column("Reason", "Why it is in this state."),
    AGE,
    _MODE,
)
_CLAIM = (
    NAME,
    Column("Status", "Whether it is bound."),
    Column("Volume", "The volume it is bound to."),
    Column("Capacity", "How much its volume holds."),
    Column("Access Modes", "From where its volume can be used."),
    *_CLASSES,
    AGE,
    _MODE,
)


def _volume(obj: Obj, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        obj["metadata"].get("name", ""),
        (spec.get("capacity") or {}).get("storage") or "0",
        _modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy") or "",
        _phase(obj),
        f"{claim.get('namespace') or ''}/{claim.get('name') or ''}" if claim else "",
        _storage_class(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        status.get("reason") or "",
        age(obj["metadata"].get("creationTimestamp"), now=now),
        _or_unset(spec.get("volumeMode")),
    ]


def _claim(obj: Obj, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"].get("name", ""),
        _phase(obj),
        spec.get("volumeName") or "",
        ((status.get("capacity") or {}).get("storage") or "0") if bound else "",
        _modes(status.get("accessModes") or ()) if bound else "",
        _storage_class(obj),
        _or_unset(spec.get("volumeAttributesClassName")),
        age(obj["metadata"].get("creationTimestamp"), now=now),
        _or_unset(spec.get("volumeMode")),
    ]


def _phase(obj: Obj) -> str:
    return "Terminating" if meta.is_deleting(dict(obj)) else (obj.get("status") or {}).get("phase") or ""


def _modes(modes: Sequence[str]) -> str:
    return ",".join(short for mode, short in _SHORT_MODES.items() if mode in modes)


def _storage_class(obj: Obj) -> str:
    annotated = (obj["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    return annotated if annotated is not None else (obj.get("spec") or {}).get("storageClassName") or ""


def _or_unset(value: str | None) -> str:
    return UNSET if value is None else value


PRINTERS = {
    ("", "persistentvolumes"): Printer(_VOLUME, _volume),
    ("", "persistentvolumeclaims"): Printer(_CLAIM, _claim),
}
