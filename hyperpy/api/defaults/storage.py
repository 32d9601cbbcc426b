"""Defaults of StorageClasses and CSIDrivers."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def storage_class(obj: Obj) -> None:
    """Volumes are made at once, and go with their claims."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def driver(obj: Obj) -> None:
    """A driver attaches volumes, and is told nothing about pods."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("attachRequired", True)
    for name in ("podInfoOnMount", "requiresRepublish", "seLinuxMount", "storageCapacity"):
        spec.setdefault(name, False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


DEFAULTS = {("storage.k8s.io", "StorageClass"): storage_class, ("storage.k8s.io", "CSIDriver"): driver}
