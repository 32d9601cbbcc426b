"""Priority: the number behind a Pod's priority class.

The two classes that Kubernetes itself brings are known; others are read when the kind PriorityClass is served.
Source: Concepts, "Pod Priority and Preemption".
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors
from hyperpy.api.kinds import Registry
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_DEFAULT_POLICY = "PreemptLowerPriority"


class Priority:
    def __init__(self, objects: Objects, kinds: Registry) -> None:
        self._objects = objects
        self._kinds = kinds

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        value, policy = await self._of(attributes, spec.get("priorityClassName") or "")
        if spec.get("priority") not in (None, value):
            raise _refusal(
                attributes,
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
                f"priority admission controller computed {value} from the given PriorityClass name",
            )
        spec["priority"] = value
        spec.setdefault("preemptionPolicy", policy)

    async def _of(self, attributes: Attributes, name: str) -> tuple[int, str]:
        if not name:
            return 0, _DEFAULT_POLICY
        if name in SYSTEM_CLASSES:
            return SYSTEM_CLASSES[name], _DEFAULT_POLICY
        kind = self._kinds.resource("scheduling.k8s.io", "v1", "priorityclasses")
        kv = await self._objects.find(kind, None, name) if kind is not None else None
        if kv is None:
            raise _refusal(attributes, f"no PriorityClass with name {name} was found")
        found: dict[str, Any] = form.decoded(kv)
        return int(found.get("value") or 0), found.get("preemptionPolicy") or _DEFAULT_POLICY


def _refusal(attributes: Attributes, why: str) -> errors.Forbidden:
    return errors.Forbidden(
        f'pods "{attributes.name}" is forbidden: {why}', details={"name": attributes.name, "kind": "pods"}
    )
