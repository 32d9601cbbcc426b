"""Warnings about PersistentVolumes and PersistentVolumeClaims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.warnings import amounts, node_labels

Obj = dict[str, Any]

_CLASS = "volume.beta.kubernetes.io/storage-class"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_SOURCES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_RECYCLE = (
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach "
    "is to use dynamic provisioning."
)


def volume(obj: Obj) -> Iterator[str]:
    """A PersistentVolume."""
    spec, annotations = obj.get("spec") or {}, obj["metadata"].get("annotations") or {}
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    for i, term in enumerate(terms):
        yield from node_labels.of_term(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{i}]")
    if _CLASS in annotations:
        yield f'metadata.annotations[{_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead'
    if _MOUNT_OPTIONS in annotations:
        yield f'metadata.annotations[{_MOUNT_OPTIONS}]: deprecated since v1.31; use "mountOptions" attribute instead'
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield _RECYCLE
    for name, text in _SOURCES.items():
        if spec.get(name) is not None:
            yield f"spec.{name}: {text}"
    yield from amounts.fractions(spec.get("capacity"), "spec.capacity", names=("storage",))


def claim(obj: Obj) -> Iterator[str]:
    """A PersistentVolumeClaim."""
    if _CLASS in (obj["metadata"].get("annotations") or {}):
        yield f'metadata.annotations[{_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead'
    yield from claim_spec(obj.get("spec") or {}, "spec")


def claim_spec(spec: Obj, path: str) -> Iterator[str]:
    """The spec of a claim, wherever it stands."""
    wanted = spec.get("resources") or {}
    for field in ("requests", "limits"):
        yield from amounts.fractions(wanted.get(field), f"{path}.resources.{field}", names=("storage",))


ALWAYS = {("", "PersistentVolume"): volume, ("", "PersistentVolumeClaim"): claim}
