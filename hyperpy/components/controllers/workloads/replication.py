"""The loop that ReplicaSets and ReplicationControllers share: keep spec.replicas Pods alive.

Watches: the owner's kind, Pod.   Writes: Pod, the owner's status.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, owner_index, ownership, refusals
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.upkeep.ownership import Matches
from hyperpy.components.controllers.upkeep.pod_control import PodControl
from hyperpy.components.controllers.workloads import replicas

log = logging.getLogger(__name__)

Selects = Callable[[Obj], Matches]

#: A pass looks at every Pod of its owner. Where those are many, changes of Pods are gathered for so long each, so that
#: passes and the statuses they write take a bounded share of the process however fast Pods change.
GATHER_S_A_POD = 0.0002
MANY = 100


class Replication:
    """Reconciles the owners of one kind.

    Args:
        kind: of the owners.
        selects: an owner's selector.
        component: as users see it in events.

    An owner that may not make Pods any more because its namespace is being deleted is stranded: whatever happens to its
    Pods, nothing is done for it until it goes too. A namespace never comes back from there.
    """

    def __init__(self, context: Context, queue: WorkQueue, *, kind: Kind, selects: Selects, component: str) -> None:
        self._context = context
        self._queue = queue
        self._kind = kind
        self._selects = selects
        self._pods = context.informers.of(kinds.POD)
        owner_index.index_by_controller(self._pods)
        self._control = PodControl(
            context.client,
            kind=kind,
            pods=self._pods,
            events=context.events(component),
            clock=context.clock,
            rng=context.rng,
        )
        self._written = OwnWrites()
        self._stranded: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._owners = context.watch(kind, self._owner_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one owner's Pods and status in step."""
        namespace, name = meta.split_key(key)
        owner = self._owners.get(name, namespace)
        if owner is None:
            self._control.expectations.forget(key)
            self._sizes.pop(key, None)
            return None
        if owner["metadata"]["uid"] in self._stranded and not meta.is_deleting(owner):
            return None
        owner = self._written.newest(owner)
        wait_s = await self._control.wait_s(key)
        owned = await self._claim(owner)
        self._sizes[key] = len(owned)
        now = self._context.clock.now()
        plan = replicas.plan(owner, owned, neighbours=lambda: self._neighbours(owner, owned), now=now)
        failure = None
        if wait_s is None and not meta.is_deleting(owner):
            failure = await self._carry_out(owner, plan)
        await self._write_status(owner, plan, failure=failure)
        if failure is not None and not refusals.namespace_is_leaving(failure):
            raise failure
        if failure is not None and self._owners.get(name, namespace) is not None:
            self._stranded.add(owner["metadata"]["uid"])
        return min((wait for wait in (wait_s, plan.recheck_s) if wait is not None), default=None)

    async def _claim(self, owner: Obj) -> list[Obj]:
        active = [pod for pod in owner_index.candidates(self._pods, owner) if pods.is_active(pod)]
        claims = ownership.claim(owner, active, matches=self._selects(owner))
        return await adoption.settle(self._context.client, claims, kind=kinds.POD, owner=owner, owner_kind=self._kind)

    def _neighbours(self, owner: Obj, owned: list[Obj]) -> list[Obj]:
        """Active Pods of every owner that has the same controller as this one: of all revisions of a Deployment."""
        controller = ownership.controller_uid(owner)
        found = list(owned)
        if controller:
            for sibling in self._owners.list(owner["metadata"]["namespace"]):
                if ownership.controller_uid(sibling) == controller and sibling is not owner:
                    found += self._pods.by_index(owner_index.BY_CONTROLLER, sibling["metadata"]["uid"])
        return [pod for pod in found if pods.is_active(pod)]

    async def _carry_out(self, owner: Obj, plan: replicas.Plan) -> errors.StatusError | None:
        try:
            if plan.create:
                await self._control.create(owner, plan.create)
            if plan.delete:
                await self._control.delete(owner, plan.delete)
        except errors.StatusError as error:
            return error
        return None

    async def _write_status(self, owner: Obj, plan: replicas.Plan, *, failure: errors.StatusError | None) -> None:
        told = (("FailedCreate" if plan.create else "FailedDelete"), str(failure)) if failure else None
        now = meta.timestamp(self._context.clock.now())
        status = replicas.status(owner, plan.counts, failure=told, now=now)
        if replicas.is_same_status(owner.get("status") or {}, status):
            return
        try:
            wanted = {**owner, "status": status}
            self._written.note(await self._context.client.update(self._kind, wanted, subresource="status"))
        except errors.NotFound:
            log.debug("%s %s went while its status was written", self._kind.kind, meta.key(owner))

    def _owner_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._written.observe(event, obj)
        if event == "DELETED":
            self._stranded.discard(obj["metadata"]["uid"])
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(obj))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        self._control.expectations.observe(event, pod)
        holders = {ownership.controller_uid(obj): obj for obj in (old, new) if obj is not None}
        for obj in holders.values():
            reference = meta.controller_of(obj)
            if reference is not None and reference["kind"] == self._kind.kind:
                self._pods_of_owner_changed(f"{obj['metadata']['namespace']}/{reference['name']}")
        if "" in holders and event != "DELETED" and (old is None or _labels(old) != _labels(pod) or len(holders) > 1):
            self._add_owners_that_fit(pod)

    def _pods_of_owner_changed(self, key: str) -> None:
        size = self._sizes.get(key, 0)
        self._queue.add_after(key, size * GATHER_S_A_POD if size >= MANY else 0.0)

    def _add_owners_that_fit(self, pod: Obj) -> None:
        for owner in self._owners.list(pod["metadata"]["namespace"]):
            if self._selects(owner)(_labels(pod)):
                self._queue.add(meta.key(owner))


def _labels(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}
