"""ExtendedResourceToleration: a Pod that asks for an extended resource tolerates nodes kept for it (off by default).

Source: the admission controllers reference, "ExtendedResourceToleration".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.api.validation import resources
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, Obj


class ExtendedResourceToleration:
    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation not in (CREATE, UPDATE) or not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj.get("spec") or {}
        tolerations = spec.get("tolerations") or []
        wanted = [{"key": name, "operator": "Exists"} for name in sorted(_extended(spec))]
        missing = [each for each in wanted if each not in tolerations]
        if missing:
            spec["tolerations"] = [*tolerations, *missing]


def _extended(spec: Obj) -> set[str]:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    asked = {name for each in containers for name in (each.get("resources") or {}).get("requests") or {}}
    return {name for name in asked if resources.is_extended(name)}
