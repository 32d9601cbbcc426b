"""PodNodeSelector: Pods go to the nodes that their namespace's annotation names (off by default).

The file of cluster-wide selectors that Kubernetes takes is refused by name.
Source: the admission controllers reference, "PodNodeSelector".
"""

from __future__ import annotations

from hyperpy.api.kinds import NAMESPACE, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

ANNOTATION = "scheduler.alpha.kubernetes.io/node-selector"


class PodNodeSelector:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        kv = await self._objects.find(NAMESPACE, None, attributes.namespace or "")
        if kv is None or ANNOTATION.encode() not in kv.value:
            return
        text = (form.decoded(kv)["metadata"].get("annotations") or {}).get(ANNOTATION) or ""
        pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
        selector = {key.strip(): value.strip().removeprefix("=") for key, _, value in pairs}
        spec = attributes.obj.setdefault("spec", {})
        own = spec.get("nodeSelector") or {}
        if any(own.get(key, value) != value for key, value in selector.items()):
            raise refusal(attributes, "pod node label selector conflicts with its namespace node label selector")
        if selector:
            spec["nodeSelector"] = {**own, **selector}
