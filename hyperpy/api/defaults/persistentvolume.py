"""Defaults of PersistentVolumes and PersistentVolumeClaims."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import resources, volume

Obj = dict[str, Any]


def persistent_volume(obj: Obj) -> None:
    """Kept when it is released, used as a file system, waiting for a claim."""
    spec = obj.setdefault("spec", {})
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    volume.sources(spec)
    resources.round_up(spec.get("capacity"))
    _phase(obj)


def claim(obj: Obj) -> None:
    """Used as a file system, waiting for a volume."""
    volume.claim_spec(obj.setdefault("spec", {}))
    status = _phase(obj)
    for name in ("capacity", "allocatedResources"):
        resources.round_up(status.get(name))


def _phase(obj: Obj) -> Obj:
    status: Obj = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"
    return status


DEFAULTS = {
    ("", "PersistentVolume"): persistent_volume,
    ("", "PersistentVolumeClaim"): claim,
}
