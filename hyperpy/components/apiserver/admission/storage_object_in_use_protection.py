"""StorageObjectInUseProtection: claims and volumes get a finalizer, so that they stay while something uses them.

The controllers `pvcprotection` and `pvprotection` take it away.
Source: the admission controllers reference, "StorageObjectInUseProtection".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


class StorageObjectInUseProtection:
    def concerns(self, kind: Kind) -> bool:
        """PersistentVolumeClaims and PersistentVolumes."""
        return not kind.group and kind.plural in FINALIZERS

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.subresource or attributes.obj is None:
            return
        own, finalizer = attributes.obj["metadata"], FINALIZERS[attributes.kind.plural]
        given = own.get("finalizers") or []
        if finalizer not in given:
            own["finalizers"] = [*given, finalizer]
