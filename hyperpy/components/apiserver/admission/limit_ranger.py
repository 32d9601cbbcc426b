"""LimitRanger: containers get the requests and limits that the namespace's LimitRanges have for them, and keep to both.

Source: the admission controllers reference, "LimitRanger".
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import limitrange
from hyperpy.api.kinds import LIMIT_RANGE, Kind
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, Obj, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects


class LimitRanger:
    def __init__(self, objects: Objects) -> None:
        self._ranges = objects.in_namespace(LIMIT_RANGE)

    def concerns(self, kind: Kind) -> bool:
        """Pods and PersistentVolumeClaims."""
        return not kind.group and kind.plural in ("pods", "persistentvolumeclaims")

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or not attributes.writes_pod or attributes.obj is None:
            return
        for limit_range in await self._limit_ranges(attributes):
            limitrange.fill_in(attributes.obj, limit_range)

    async def validate(self, attributes: Attributes) -> None:
        obj = attributes.obj
        if obj is None or not _is_judged(attributes):
            return
        problems_of = limitrange.pod_problems if attributes.kind.plural == "pods" else limitrange.claim_problems
        for limit_range in await self._limit_ranges(attributes):
            problems = problems_of(obj, limit_range)
            if problems:
                distinct = list(dict.fromkeys(problems))
                raise refusal(attributes, distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")

    async def _limit_ranges(self, attributes: Attributes) -> Sequence[Obj]:
        found = await self._ranges.read(attributes.namespace or "")
        return [obj for obj in map(form.decoded, found) if not obj["metadata"].get("deletionTimestamp")]


def _is_judged(attributes: Attributes) -> bool:
    """A Pod's resources change by its subresource resize only."""
    if attributes.kind.plural == "pods":
        return (attributes.operation, attributes.subresource) in ((CREATE, ""), (UPDATE, "resize"))
    return attributes.operation in (CREATE, UPDATE) and not attributes.subresource
