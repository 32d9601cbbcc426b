"""DefaultIngressClass: a new Ingress that names no class gets the default one, the newest if there are several.

Source: the admission controllers reference, "DefaultIngressClass".
"""

from __future__ import annotations

from typing import Any

from hyperpy.api.kinds import INGRESS_CLASS, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


class DefaultIngressClass:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        return (kind.group, kind.plural) == ("networking.k8s.io", "ingresses")

    async def admit(self, attributes: Attributes) -> None:
        obj = attributes.obj
        if attributes.operation != CREATE or attributes.subresource or obj is None:
            return
        spec = obj.setdefault("spec", {})
        if spec.get("ingressClassName") is not None:
            return
        if (obj["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION) is not None:
            return
        chosen = await self._default()
        if chosen:
            spec["ingressClassName"] = chosen

    async def _default(self) -> str:
        found = map(form.decoded, (await self._objects.everything(INGRESS_CLASS)).kvs)
        marked = [own["metadata"] for own in found if _is_default(own)]
        newest = max((own["creationTimestamp"] for own in marked), default="")
        return min((str(own["name"]) for own in marked if own["creationTimestamp"] == newest), default="")


def _is_default(obj: dict[str, Any]) -> bool:
    return bool((obj["metadata"].get("annotations") or {}).get(_DEFAULT_ANNOTATION) == "true")
