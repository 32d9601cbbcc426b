"""Priority: the number behind a Pod's priority class, and one default class at most.

Source: Concepts, "Pod Priority and Preemption"; the admission controllers reference, "Priority".
"""

from __future__ import annotations

from typing import Any

from hyperpy.api.kinds import PRIORITY_CLASS, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, DELETE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

_DEFAULT_POLICY = "PreemptLowerPriority"
_GIVEN = (
    "the {what} ({given}) must not be provided in pod spec; priority admission controller computed {computed} from the "
    "given PriorityClass name"
)


class Priority:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        """Pods and PriorityClasses."""
        return (kind.group, kind.plural) in (("", "pods"), (PRIORITY_CLASS.group, PRIORITY_CLASS.plural))

    async def admit(self, attributes: Attributes) -> None:
        if not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        if attributes.operation == CREATE:
            await self._settle(attributes, spec)
        elif attributes.old is not None:
            for name in ("priority", "preemptionPolicy"):
                if spec.get(name) is None and attributes.old["spec"].get(name) is not None:
                    spec[name] = attributes.old["spec"][name]

    async def validate(self, attributes: Attributes) -> None:
        obj = attributes.obj
        if attributes.kind.plural == "pods" or attributes.operation == DELETE or obj is None:
            return
        if not obj.get("globalDefault"):
            return
        default = await self._default()
        if default is not None and default["metadata"]["name"] != obj["metadata"].get("name"):
            name = default["metadata"]["name"]
            raise refusal(attributes, f"PriorityClass {name} is already marked as default. Only one default can exist")

    async def _settle(self, attributes: Attributes, spec: dict[str, Any]) -> None:
        """Give a new Pod the priority and the preemption policy of its class, in place."""
        name = spec.get("priorityClassName") or ""
        found = await self._named(attributes, name) if name else await self._default()
        value, policy = 0, _DEFAULT_POLICY
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
            value, policy = int(found.get("value") or 0), found.get("preemptionPolicy") or _DEFAULT_POLICY
        if spec.get("priority") not in (None, value):
            what = "integer value of priority"
            raise refusal(attributes, _GIVEN.format(what=what, given=spec["priority"], computed=value))
        if spec.get("preemptionPolicy") not in (None, policy):
            what = "string value of PreemptionPolicy"
            raise refusal(attributes, _GIVEN.format(what=what, given=spec["preemptionPolicy"], computed=policy))
        spec["priority"], spec["preemptionPolicy"] = value, policy

    async def _named(self, attributes: Attributes, name: str) -> Obj:
        kv = await self._objects.find(PRIORITY_CLASS, None, name)
        if kv is None:
            raise refusal(attributes, f"no PriorityClass with name {name} was found")
        return form.decoded(kv)

    async def _default(self) -> Obj | None:
        """The class of Pods that name none: of several (an old mistake) the lowest."""
        found = (await self._objects.everything(PRIORITY_CLASS)).kvs
        marked = [form.decoded(kv) for kv in found if b'"globalDefault":true' in kv.value]
        return min(marked, key=lambda each: int(each.get("value") or 0), default=None)
