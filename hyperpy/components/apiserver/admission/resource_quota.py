"""ResourceQuota: an object is written only if every quota of its namespace has room, and is charged to them first.

    read the quotas ─▶ charge ─▶ compare-and-swap their usage ─▶ the object is written
         ▲                             │ a quota changed meanwhile
         └─────────────────────────────┘

All quotas that an object counts against are charged in one transaction, so no two writers get the last place. What was
charged for an object that is then not written is given back when the quota controller counts anew.
Source: the admission controllers reference, "ResourceQuota".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from hyperpy.api import errors, quota
from hyperpy.api.kinds import RESOURCE_QUOTA, Kind
from hyperpy.api.quota import LimitedResource
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

#: Lost races after which a write is refused; within one server charges wait for each other and lose none.
_ROUNDS = 64


class ResourceQuota:
    """Args:
    limited: what may not be used without a quota.
    """

    def __init__(self, objects: Objects, clock: Clock, limited: Sequence[LimitedResource] = ()) -> None:
        self._objects = objects
        self._quotas = objects.in_namespace(RESOURCE_QUOTA)
        self._clock = clock
        self._limited: dict[tuple[str, str], list[LimitedResource]] = {}
        for each in limited:
            self._limited.setdefault((each.group, each.plural), []).append(each)
        self._charging: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def concerns(self, kind: Kind) -> bool:
        """Every namespaced kind that is counted."""
        return kind.namespaced and quota.evaluator_of(kind.group, kind.plural) is not None

    async def validate(self, attributes: Attributes) -> None:
        evaluator = quota.evaluator_of(attributes.kind.group, attributes.kind.plural)
        namespace = attributes.namespace
        if evaluator is None or not namespace or not _may_use_more(attributes, evaluator):
            return
        limited = (attributes.kind.group, attributes.kind.plural) in self._limited
        if not limited and not await self._quotas.read(namespace):
            return
        lock = self._charging.setdefault(namespace, asyncio.Lock())
        async with lock:
            for _ in range(_ROUNDS):
                if await self._charge(attributes, evaluator, namespace):
                    return
        raise errors.Conflict(
            f'the quotas of the namespace "{namespace}" change too fast; try again',
            details={"name": attributes.name, "kind": attributes.kind.plural},
        )

    async def _charge(self, attributes: Attributes, evaluator: quota.Evaluator, namespace: str) -> bool:
        """One attempt; False when a quota has changed meanwhile."""
        assert attributes.obj is not None
        kvs = await self._quotas.read(namespace)
        quotas = [form.decoded(kv) for kv in kvs]
        limited = self._limited.get((attributes.kind.group, attributes.kind.plural)) or ()
        now = self._clock.now()
        try:
            changes = quota.charge(quotas, evaluator, attributes.obj, attributes.old, now=now, limited=limited)
        except quota.Exceeded as why:
            raise refusal(attributes, str(why)) from why
        if not changes or attributes.dry_run:
            return True
        for change in changes:
            quotas[change.index]["status"]["used"] = change.used
        return await self._objects.replace_all(
            [(kvs[change.index], form.encode(quotas[change.index])) for change in changes]
        )


def _may_use_more(attributes: Attributes, evaluator: quota.Evaluator) -> bool:
    if attributes.obj is None:
        return False
    if attributes.operation == CREATE:
        return not attributes.subresource
    if attributes.operation != UPDATE:
        return False
    if attributes.subresource == "resize":
        return attributes.kind.plural == "pods"
    if attributes.subresource == "status":
        return attributes.kind.plural == "persistentvolumeclaims"
    return evaluator.on_update and not attributes.subresource
