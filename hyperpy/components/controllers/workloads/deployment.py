"""Deployment controller: replace Pods of an old template by those of a new one, at the pace the strategy allows.

Watches: Deployment, ReplicaSet, Pod.   Writes: ReplicaSet, Deployment (revision annotation), Deployment/status.

    template changed ──▶ new ReplicaSet ──▶ it grows, the old ones shrink ──▶ complete ──▶ old ones beyond the limit go

The planner is in `deployment_plan`, the conditions in `deployment_status`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.api import errors, kinds, labels, meta, pods
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, owner_index, ownership, refusals
from hyperpy.components.controllers.upkeep.expectations import Expectations
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.workloads import deployment_plan, deployment_status, revisions
from hyperpy.components.controllers.workloads.deployment_status import News


class DeploymentController:
    """Carries the plan out, growing sets before shrinking ones, and tells of it in events and conditions."""

    name = "deployment-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        self._expectations = Expectations()
        self._pods = context.informers.of(kinds.POD)
        self._replica_sets = context.informers.of(kinds.REPLICA_SET)
        owner_index.index_by_controller(self._pods)
        owner_index.index_by_controller(self._replica_sets)
        self._written = OwnWrites()
        self._deployments = context.watch(kinds.DEPLOYMENT, self._deployment_changed)
        context.watch(kinds.REPLICA_SET, self._replica_set_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take one Deployment a step further."""
        namespace, name = meta.split_key(key)
        deployment = self._deployments.get(name, namespace)
        if deployment is None:
            self._expectations.forget(key)
            return None
        deployment = self._written.newest(deployment)
        wait_s = await self._wait_s(key)
        if wait_s is not None:
            return wait_s
        replica_sets = await self._claim(deployment)
        step = deployment_plan.plan(deployment, replica_sets, busy=self._busy(replica_sets))
        news, deployment, replica_sets = await self._carry_out(deployment, replica_sets, step)
        now = self._context.clock.now()
        status = deployment_status.plan(
            deployment,
            revisions.find_new(deployment, replica_sets),
            replica_sets,
            news=news,
            settled=step.create is None and not step.edits,
            now=now,
        )
        if not _same(deployment.get("status") or {}, status):
            wanted = {**deployment, "status": status}
            self._written.note(await self._client.update(kinds.DEPLOYMENT, wanted, subresource="status"))
        return deployment_status.deadline_in(deployment, status, now=now)

    async def _claim(self, deployment: Obj) -> list[Obj]:
        selector = labels.from_selector(deployment["spec"].get("selector"))
        claims = ownership.claim(
            deployment, owner_index.candidates(self._replica_sets, deployment), matches=selector.matches
        )
        return await adoption.settle(
            self._client, claims, kind=kinds.REPLICA_SET, owner=deployment, owner_kind=kinds.DEPLOYMENT
        )

    def _busy(self, replica_sets: Sequence[Obj]) -> frozenset[str]:
        uids = (each["metadata"]["uid"] for each in replica_sets)
        return frozenset(
            uid
            for uid in uids
            if any(not pods.is_terminal(pod) for pod in self._pods.by_index(owner_index.BY_CONTROLLER, uid))
        )

    async def _carry_out(
        self, deployment: Obj, replica_sets: list[Obj], step: deployment_plan.Plan
    ) -> tuple[News | None, Obj, list[Obj]]:
        """Write what is planned; returns the news and the objects in their new form."""
        news = self._found(deployment, replica_sets)
        if step.create is not None:
            news, created, deployment = await self._create(deployment, step.create)
            replica_sets = [*replica_sets, *([created] if created is not None else [])]
        for edit in sorted(step.edits, key=lambda edit: edit.replicas < edit.replica_set["spec"].get("replicas", 1)):
            edited = await self._edit(deployment, edit)
            replica_sets = [edited if each is edit.replica_set else each for each in replica_sets]
        for each in step.forget:
            await self._forget(each)
        if step.revision and revisions.revision_of(deployment) != step.revision:
            namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
            body = {"metadata": {"annotations": {revisions.REVISION: str(step.revision)}}}
            deployment = await self._client.patch(kinds.DEPLOYMENT, name, body, namespace=namespace)
        return news, deployment, replica_sets

    @staticmethod
    def _found(deployment: Obj, replica_sets: Sequence[Obj]) -> News | None:
        """A first look finds the present ReplicaSet there already (adopted, or written before a crash)."""
        new = revisions.find_new(deployment, replica_sets)
        if new is None or meta.condition(deployment, "Progressing") is not None:
            return None
        return News("FoundNewReplicaSet", f'Found new replica set "{new["metadata"]["name"]}"')

    async def _create(self, deployment: Obj, wanted: Obj) -> tuple[News | None, Obj | None, Obj]:
        """Create the present ReplicaSet. A name that another template took is a collision and changes the next name."""
        name, replicas = wanted["metadata"]["name"], wanted["spec"]["replicas"]
        try:
            created = await self._client.create(kinds.REPLICA_SET, wanted)
        except errors.AlreadyExists:
            return await self._collided(deployment, wanted)
        except errors.StatusError as error:
            message = f'Failed to create new replica set "{name}": {error}'
            self._event(deployment, "Warning", "ReplicaSetCreateError", message)
            if not refusals.namespace_is_leaving(error):
                self._queue.add_after(meta.key(deployment), 1.0)
            return News("ReplicaSetCreateError", message, failed=True), None, deployment
        self._expect(deployment, created)
        if replicas:
            self._event(deployment, "Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {replicas}")
        return News("NewReplicaSetCreated", f'Created new replica set "{name}"'), created, deployment

    async def _collided(self, deployment: Obj, wanted: Obj) -> tuple[News | None, Obj | None, Obj]:
        name, namespace = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
        there = await self._client.get(kinds.REPLICA_SET, name, namespace=namespace)
        ours = ownership.controller_uid(there) == deployment["metadata"]["uid"]
        if ours and revisions.find_new(deployment, [there]) is not None:
            return None, there, deployment
        status = deployment.get("status") or {}
        collisions = (status.get("collisionCount") or 0) + 1
        changed = {**deployment, "status": {**status, "collisionCount": collisions}}
        self._queue.add_after(meta.key(deployment), 0.1)
        return None, None, await self._client.update(kinds.DEPLOYMENT, changed, subresource="status")

    async def _edit(self, deployment: Obj, edit: deployment_plan.Edit) -> Obj:
        """Write one change under the version it was planned for: a stale plan is refused as a conflict."""
        before = edit.replica_set
        annotations = {**(before["metadata"].get("annotations") or {}), **edit.annotations}
        spec = {**before["spec"], "replicas": edit.replicas}
        if edit.min_ready_s or "minReadySeconds" in spec:
            spec["minReadySeconds"] = edit.min_ready_s
        changed = {**before, "metadata": {**before["metadata"], "annotations": annotations}, "spec": spec}
        edited = await self._client.update(kinds.REPLICA_SET, changed)
        self._expect(deployment, edited)
        had, name = before["spec"].get("replicas", 1), before["metadata"]["name"]
        if edit.replicas != had:
            direction = "up" if edit.replicas > had else "down"
            message = f"Scaled {direction} replica set {name} from {had} to {edit.replicas}"
            self._event(deployment, "Normal", "ScalingReplicaSet", message)
        return edited

    def _expect(self, deployment: Obj, written: Obj) -> None:
        """The next pass waits until the cache shows this write: sizes are decided over all sets together."""
        cached = self._replica_sets.get(written["metadata"]["name"], written["metadata"]["namespace"])
        now = self._context.clock.monotonic()
        self._expectations.updated(meta.key(deployment), written, cached=cached, now=now)

    async def _wait_s(self, key: str) -> float | None:
        async def lookup(namespace: str, name: str) -> Obj | None:
            try:
                return await self._client.get(kinds.REPLICA_SET, name, namespace=namespace)
            except errors.NotFound:
                return None

        now = self._context.clock.monotonic()
        return await self._expectations.wait_s(key, now=now, lookup=lookup)

    async def _forget(self, replica_set: Obj) -> None:
        metadata = replica_set["metadata"]
        options = DeleteOptions(uid=metadata["uid"], resource_version=metadata["resourceVersion"])
        try:
            await self._client.delete(
                kinds.REPLICA_SET, metadata["name"], namespace=metadata["namespace"], options=options
            )
        except errors.NotFound:
            pass

    def _event(self, deployment: Obj, type: str, reason: str, message: str) -> None:
        self._events.event(deployment, kinds.DEPLOYMENT, type, reason, message)

    def _deployment_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._written.observe(event, obj)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(obj))

    def _replica_set_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        seen = new or old
        assert seen is not None
        self._expectations.observe(event, seen)
        for obj in (old, new):
            if obj is None:
                continue
            owner = meta.controller_of(obj)
            if owner is None:
                self._add_deployments_that_fit(obj)
            elif owner["kind"] == kinds.DEPLOYMENT.kind:
                self._queue.add(f"{obj['metadata']['namespace']}/{owner['name']}")

    def _add_deployments_that_fit(self, replica_set: Obj) -> None:
        own = replica_set["metadata"].get("labels")
        for deployment in self._deployments.list(replica_set["metadata"]["namespace"]):
            if labels.from_selector(deployment["spec"].get("selector")).matches(own):
                self._queue.add(meta.key(deployment))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        """Recreate goes on when the last old Pod is gone; ReplicaSet statuses tell everything else."""
        pod = new or old
        assert pod is not None
        gone = event == "DELETED" or (pods.is_terminal(pod) and (old is None or not pods.is_terminal(old)))
        owner = meta.controller_of(pod) if gone else None
        if owner is None or owner["kind"] != kinds.REPLICA_SET.kind:
            return
        namespace = pod["metadata"]["namespace"]
        replica_set = self._replica_sets.get(owner["name"], namespace)
        holder = meta.controller_of(replica_set) if replica_set is not None else None
        deployment = self._deployments.get(holder["name"], namespace) if holder is not None else None
        if deployment is not None and not deployment_plan.is_rolling(deployment):
            self._queue.add(meta.key(deployment))


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two statuses say the same; a missing field says 0, and a mere update time says nothing."""

    def said(status: Mapping[str, Any]) -> dict[str, Any]:
        conditions = [
            {name: value for name, value in condition.items() if name != "lastUpdateTime"}
            for condition in status.get("conditions") or ()
        ]
        return {**{name: value for name, value in status.items() if value}, "conditions": conditions}

    return said(old) == said(new)
