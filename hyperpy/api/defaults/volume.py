"""Defaults of a pod's volumes: an empty directory when nothing is said, file modes, what each source leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperpy.api.defaults import container, resources

Obj = dict[str, Any]

FILE_MODE = 0o644
TOKEN_LIFE_S = 3600

_BY_SOURCE: Mapping[str, Mapping[str, Any]] = {
    "secret": {"defaultMode": FILE_MODE},
    "configMap": {"defaultMode": FILE_MODE},
    "downwardAPI": {"defaultMode": FILE_MODE},
    "projected": {"defaultMode": FILE_MODE},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def apply(volume: Obj) -> None:
    """Defaults of one volume."""
    if not any(value is not None for name, value in volume.items() if name != "name"):
        volume["emptyDir"] = {}
    sources(volume)
    if "image" in volume and not volume["image"].get("pullPolicy"):
        volume["image"]["pullPolicy"] = container.pull_policy(volume["image"].get("reference") or "")
    _downward_items(volume.get("downwardAPI"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        _downward_items(source.get("downwardAPI"))
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", TOKEN_LIFE_S)
    _claim_template((volume.get("ephemeral") or {}).get("volumeClaimTemplate"))


def sources(holder: Obj) -> None:
    """What the sources of a volume, or of a PersistentVolume's spec, leave open."""
    for name, values in _BY_SOURCE.items():
        source = holder.get(name)
        if source is not None:
            for field, value in values.items():
                if field not in source or (source[field] == "" and value):
                    source[field] = value


def _downward_items(source: Obj | None) -> None:
    for item in (source or {}).get("items") or ():
        if "fieldRef" in item:
            container.field_reference(item["fieldRef"])


def _claim_template(template: Obj | None) -> None:
    if template is not None:
        claim_spec(template.setdefault("spec", {}))


def claim_spec(spec: Obj) -> None:
    """A claim asks for a file system."""
    spec.setdefault("volumeMode", "Filesystem")
    wanted = spec.setdefault("resources", {})
    for name in ("limits", "requests"):
        resources.round_up(wanted.get(name))
