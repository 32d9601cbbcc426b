"""DefaultStorageClass: a claim that names no storage class gets the default one, if there is one.

Source: the admission controllers reference, "DefaultStorageClass".
"""

from __future__ import annotations

from hyperpy.api import default_class
from hyperpy.api.kinds import STORAGE_CLASS, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """PersistentVolumeClaims."""
        return not kind.group and kind.plural == "persistentvolumeclaims"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.subresource or attributes.obj is None:
            return
        claim = attributes.obj
        spec = claim.setdefault("spec", {})
        if spec.get("storageClassName") is not None:
            return
        if _CLASS_ANNOTATION in (claim["metadata"].get("annotations") or {}):
            return
        found = (await self._objects.everything(STORAGE_CLASS)).kvs
        chosen = default_class.choose(map(form.decoded, found), default_class.STORAGE_CLASS)
        if chosen is not None:
            spec["storageClassName"] = chosen["metadata"]["name"]
