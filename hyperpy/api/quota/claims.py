"""PersistentVolumeClaims in quotas: their number and storage, in all and by storage class."""

from __future__ import annotations

from typing import Any

from hyperpy.api import quantity
from hyperpy.api.quota import selectors
from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]

_NAMES = ("persistentvolumeclaims", "requests.storage")
_COUNT = "count/persistentvolumeclaims"
_BY_CLASS = ".storageclass.storage.k8s.io/"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def measures(name: str) -> bool:
    """Whether a resource name is about claims, of any class or of one."""
    return name == _COUNT or name in _NAMES or any(name.endswith(_BY_CLASS + each) for each in _NAMES)


def usage(claim: Obj, now: float) -> ResourceList:
    """What a claim uses: what it asks for, or more where an expansion was given up."""
    used = {_COUNT: "1", "persistentvolumeclaims": "1"}
    storage = _storage(claim)
    if storage is not None:
        used["requests.storage"] = storage
    storage_class = class_of(claim)
    if storage_class:
        used |= {storage_class + _BY_CLASS + name: used[name] for name in _NAMES if name in used}
    return used


def class_of(claim: Obj) -> str:
    """The claim's storage class, "" for none."""
    annotations = claim["metadata"].get("annotations") or {}
    return annotations.get(_CLASS_ANNOTATION) or (claim.get("spec") or {}).get("storageClassName") or ""


def _storage(claim: Obj) -> str | None:
    asked = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    if asked is not None and allocated is not None and quantity.compare(allocated, asked) > 0:
        return str(allocated)
    return asked


def in_scope(selector: Obj, claim: Obj) -> bool:
    """Whether a claim is in the scope VolumeAttributesClass that a selector names."""
    if selector.get("scopeName") != "VolumeAttributesClass":
        return False
    status = claim.get("status") or {}
    named = {
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
    return selectors.selects(selector, {name for name in named if name})
