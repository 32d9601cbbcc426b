"""RuntimeClass: a Pod gets the overhead of its runtime class, and goes only to nodes that have it.

Source: the admission controllers reference, "RuntimeClass"; Concepts, "Runtime Class".
"""

from __future__ import annotations

from hyperpy.api import quantity
from hyperpy.api.kinds import RUNTIME_CLASS, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

_UNFOUNDED = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
_OTHER = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


class RuntimeClass:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        if not spec.get("runtimeClassName"):
            return
        found = await self._class(attributes, spec["runtimeClassName"])
        overhead = (found.get("overhead") or {}).get("podFixed")
        if overhead:
            given = spec.get("overhead")
            if given and not _same(given, overhead):
                raise refusal(attributes, _OTHER)
            spec["overhead"] = dict(overhead)
        _place(attributes, spec, found.get("scheduling") or {})

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        given, name = spec.get("overhead"), spec.get("runtimeClassName")
        found = await self._class(attributes, name) if name else {}
        overhead = (found.get("overhead") or {}).get("podFixed")
        if overhead and not _same(given or {}, overhead):
            raise refusal(attributes, _OTHER)
        if given and not overhead:
            raise refusal(attributes, _UNFOUNDED)

    async def _class(self, attributes: Attributes, name: str) -> Obj:
        kv = await self._objects.find(RUNTIME_CLASS, None, name)
        if kv is None:
            raise refusal(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return form.decoded(kv)


def _same(left: Obj, right: Obj) -> bool:
    return left.keys() == right.keys() and all(quantity.compare(left[name], right[name]) == 0 for name in left)


def _place(attributes: Attributes, spec: Obj, scheduling: Obj) -> None:
    """Add the node selector and the tolerations of the class, in place."""
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            raise refusal(
                attributes,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
        selector[key] = value
    if selector:
        spec["nodeSelector"] = selector
    tolerations = spec.get("tolerations") or []
    more = [each for each in scheduling.get("tolerations") or () if each not in tolerations]
    if more:
        spec["tolerations"] = [*tolerations, *more]
