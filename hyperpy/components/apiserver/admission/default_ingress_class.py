"""DefaultIngressClass: an Ingress that names no class gets the default one, if there is one.

Source: the admission controllers reference, "DefaultIngressClass".
"""

from __future__ import annotations

from hyperpy.api import default_class
from hyperpy.api.kinds import INGRESS_CLASS, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """Ingresses."""
        return kind.group == "networking.k8s.io" and kind.plural == "ingresses"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.subresource or attributes.obj is None:
            return
        ingress = attributes.obj
        spec = ingress.setdefault("spec", {})
        if spec.get("ingressClassName") is not None:
            return
        if _CLASS_ANNOTATION in (ingress["metadata"].get("annotations") or {}):
            return
        found = (await self._objects.everything(INGRESS_CLASS)).kvs
        chosen = default_class.choose(map(form.decoded, found), (ANNOTATION,))
        if chosen is not None:
            spec["ingressClassName"] = chosen["metadata"]["name"]
