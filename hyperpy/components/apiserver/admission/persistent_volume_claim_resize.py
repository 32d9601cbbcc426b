"""PersistentVolumeClaimResize: only a bound claim grows, and only where its storage class says that it may.

Source: the admission controllers reference, "PersistentVolumeClaimResize".
"""

from __future__ import annotations

from hyperpy.api import quantity
from hyperpy.api.kinds import STORAGE_CLASS, Kind
from hyperpy.api.quota import claims
from hyperpy.components.apiserver.admission.chain import UPDATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects


class PersistentVolumeClaimResize:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """PersistentVolumeClaims."""
        return not kind.group and kind.plural == "persistentvolumeclaims"

    async def validate(self, attributes: Attributes) -> None:
        new, old = attributes.obj, attributes.old
        if attributes.operation != UPDATE or attributes.subresource or new is None or old is None:
            return
        if quantity.compare(_size(new), _size(old)) <= 0:
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refusal(attributes, "Only bound persistent volume claims can be expanded")
        if not await self._may_grow(old):
            raise refusal(
                attributes,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize",
            )

    async def _may_grow(self, claim: Obj) -> bool:
        name = claims.class_of(claim)
        kv = await self._objects.find(STORAGE_CLASS, None, name) if name else None
        return kv is not None and bool(form.decoded(kv).get("allowVolumeExpansion"))


def _size(claim: Obj) -> str:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage") or "0")
