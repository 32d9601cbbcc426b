"""StatefulSet controller: Pods with names, order and storage of their own.

Watches: StatefulSet, Pod, PersistentVolumeClaim, ControllerRevision.
Writes: Pod, PersistentVolumeClaim, ControllerRevision, StatefulSet/status.

The planner is in `statefulset_plan`, names and storage in `statefulset_pods`, revisions in `history`. A Pod's name
follows from its number, so nothing can be made twice, and a delete names the Pod's uid.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, kinds, labels, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, history, owner_index, ownership, refusals
from hyperpy.components.controllers.upkeep.history import Revisions
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.workloads import replicas, statefulset_plan, statefulset_pods
from hyperpy.components.controllers.workloads.statefulset_plan import Plan


class StatefulSetController:
    """Keys are StatefulSets."""

    name = "statefulset-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._events = context.events(self.name)
        self._history = history.History(context, kinds.STATEFUL_SET, hash_label="controller.kubernetes.io/hash")
        self._pods = context.informers.of(kinds.POD)
        self._claims = context.informers.of(kinds.PERSISTENT_VOLUME_CLAIM)
        owner_index.index_by_controller(self._pods)
        self._written = OwnWrites()
        self._sets = context.watch(kinds.STATEFUL_SET, self._set_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take one StatefulSet a step further."""
        namespace, name = meta.split_key(key)
        owner = self._sets.get(name, namespace)
        if owner is None:
            return None
        owner = self._written.newest(owner)
        revisions = await self._history.of(owner)
        owned = await self._claim(owner)
        current = self._current(owner, revisions)
        update = revisions.update["metadata"]["name"]
        plan = statefulset_plan.plan(owner, owned, current=current, update=update, now=self._clock.now())
        failure = None
        try:
            await self._carry_out(owner, plan, revisions, {pod["metadata"]["name"]: pod for pod in owned})
        except errors.StatusError as error:
            failure = error
        status = self._status(owner, plan, revisions, current=current)
        await self._write_status(owner, status)
        live = {status["currentRevision"], update, *(statefulset_pods.revision_of(pod) for pod in owned)}
        await self._history.forget(revisions.all, live=live, limit=owner["spec"].get("revisionHistoryLimit", 10))
        if failure is not None and not refusals.namespace_is_leaving(failure):
            raise failure
        return plan.recheck_s

    @staticmethod
    def _current(owner: Obj, revisions: Revisions) -> str:
        """The revision before the change that is under way; one that is forgotten leaves the newest."""
        known = (owner.get("status") or {}).get("currentRevision", "")
        found = revisions.named(known) or revisions.update
        return str(found["metadata"]["name"])

    async def _carry_out(self, owner: Obj, plan: Plan, revisions: Revisions, owned: dict[str, Obj]) -> None:
        for ordinal in plan.mend:
            await self._mend(owner, ordinal, owned[statefulset_pods.name_of(owner, ordinal)])
        for pod in owned.values():
            number = statefulset_pods.ordinal_of(owner, pod)
            if number is not None:
                await self._own_claims(owner, number, pod, condemned=number in plan.condemned)
        for pod in plan.delete:
            await self._delete(owner, pod, restart=pod in plan.restart)
        for ordinal, revision in plan.create:
            made_from = revisions.named(revision) or revisions.update
            await self._create(owner, ordinal, made_from)

    async def _create(self, owner: Obj, ordinal: int, revision: Obj) -> None:
        pod = statefulset_pods.pod(owner, ordinal, revision)
        name, about = pod["metadata"]["name"], owner["metadata"]
        try:
            await self._make_claims(owner, ordinal)
            await self._client.create(kinds.POD, pod)
        except errors.AlreadyExists as error:
            there = await self._client.get(kinds.POD, name, namespace=about["namespace"])
            if ownership.controller_uid(there) == about["uid"]:
                return  # the cache will show it
            message = f"create Pod {name} in StatefulSet {about['name']} failed error: {error}"
            self._event(owner, "Warning", "FailedCreate", message)
            raise
        except errors.StatusError as error:
            message = f"create Pod {name} in StatefulSet {about['name']} failed error: {error}"
            self._event(owner, "Warning", "FailedCreate", message)
            raise
        message = f"create Pod {name} in StatefulSet {about['name']} successful"
        self._event(owner, "Normal", "SuccessfulCreate", message)

    async def _delete(self, owner: Obj, pod: Obj, *, restart: bool) -> None:
        about = pod["metadata"]
        if restart:
            reason = "RecreatingFailedPod" if pod["status"]["phase"] == "Failed" else "RecreatingTerminatedPod"
            message = (
                f"StatefulSet {meta.key(owner)} is recreating {pod['status']['phase'].lower()} Pod {about['name']}"
            )
            self._event(owner, "Warning" if reason == "RecreatingFailedPod" else "Normal", reason, message)
        try:
            options = DeleteOptions(uid=about["uid"])
            await self._client.delete(kinds.POD, about["name"], namespace=about["namespace"], options=options)
        except (errors.NotFound, errors.Conflict):
            return  # gone already, or another one: the cache will show it
        except errors.StatusError as error:
            message = f"delete Pod {about['name']} in StatefulSet {owner['metadata']['name']} failed error: {error}"
            self._event(owner, "Warning", "FailedDelete", message)
            raise
        message = f"delete Pod {about['name']} in StatefulSet {owner['metadata']['name']} successful"
        self._event(owner, "Normal", "SuccessfulDelete", message)

    async def _mend(self, owner: Obj, ordinal: int, pod: Obj) -> None:
        about = pod["metadata"]
        body: Any = {"metadata": {"uid": about["uid"], "labels": statefulset_pods.identity(owner, ordinal)}}
        try:
            await self._client.patch(kinds.POD, about["name"], body, namespace=about["namespace"])
        except (errors.NotFound, errors.Conflict):
            pass

    async def _make_claims(self, owner: Obj, ordinal: int) -> None:
        """Claims come before their Pod; one that is going has to be gone first."""
        namespace = owner["metadata"]["namespace"]
        names = statefulset_pods.claims(owner, ordinal)
        for template in owner["spec"].get("volumeClaimTemplates") or ():
            name = names[template["metadata"]["name"]]
            there = self._claims.get(name, namespace)
            if there is not None and meta.is_deleting(there):
                raise errors.Conflict(f"pvc {name} is being deleted")
            if there is not None:
                continue
            try:
                await self._client.create(
                    kinds.PERSISTENT_VOLUME_CLAIM, statefulset_pods.claim(owner, ordinal, template)
                )
            except errors.AlreadyExists:
                continue
            pod = statefulset_pods.name_of(owner, ordinal)
            message = f"create Claim {name} Pod {pod} in StatefulSet {owner['metadata']['name']} success"
            self._event(owner, "Normal", "SuccessfulCreate", message)

    async def _own_claims(self, owner: Obj, ordinal: int, pod: Obj, *, condemned: bool) -> None:
        """See to it that the end of the right object ends each claim."""
        wanted = statefulset_pods.claim_owners(owner, pod, condemned=condemned)
        for name in statefulset_pods.claims(owner, ordinal).values():
            found = self._claims.get(name, owner["metadata"]["namespace"])
            references = None if found is None else statefulset_pods.corrected_owners(owner, found, wanted)
            if found is None or references is None:
                continue
            about = found["metadata"]
            body: Any = {
                "metadata": {
                    "uid": about["uid"],
                    "resourceVersion": about["resourceVersion"],
                    "ownerReferences": references or None,
                }
            }
            try:
                await self._client.patch(kinds.PERSISTENT_VOLUME_CLAIM, name, body, namespace=about["namespace"])
            except errors.NotFound:
                pass

    async def _claim(self, owner: Obj) -> list[Obj]:
        """The set's Pods; only those with a name of the set are taken in."""
        candidates = [
            pod
            for pod in owner_index.candidates(self._pods, owner)
            if statefulset_pods.ordinal_of(owner, pod) is not None or ownership.controller_uid(pod)
        ]
        claims = ownership.claim(owner, candidates, matches=labels.from_selector(owner["spec"].get("selector")).matches)
        return await adoption.settle(self._client, claims, kind=kinds.POD, owner=owner, owner_kind=kinds.STATEFUL_SET)

    @staticmethod
    def _status(owner: Obj, plan: Plan, revisions: Revisions, *, current: str) -> Obj:
        update = revisions.update["metadata"]["name"]
        status: Obj = {
            **(owner.get("status") or {}),
            **plan.counts,
            "currentRevision": current,
            "updateRevision": update,
            "observedGeneration": owner["metadata"].get("generation", 0),
            "collisionCount": revisions.collisions,
        }
        strategy = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
        if plan.done and strategy == "RollingUpdate":
            status["currentRevision"] = update
            status["currentReplicas"] = status["updatedReplicas"]
        return status

    async def _write_status(self, owner: Obj, status: Obj) -> None:
        if replicas.is_same_status(owner.get("status") or {}, status):
            return
        try:
            wanted = {**owner, "status": status}
            self._written.note(await self._client.update(kinds.STATEFUL_SET, wanted, subresource="status"))
        except errors.NotFound:
            pass

    def _event(self, owner: Obj, type: str, reason: str, message: str) -> None:
        self._events.event(owner, kinds.STATEFUL_SET, type, reason, message)

    def _set_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._written.observe(event, obj)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(obj))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            owner = meta.controller_of(pod)
            if owner is not None and owner["kind"] == kinds.STATEFUL_SET.kind:
                self._queue.add(f"{pod['metadata']['namespace']}/{owner['name']}")
            elif owner is None and event != "DELETED":
                self._add_sets_that_fit(pod)

    def _add_sets_that_fit(self, pod: Obj) -> None:
        own = pod["metadata"].get("labels") or {}
        for each in self._sets.list(pod["metadata"]["namespace"]):
            fits = labels.from_selector(each["spec"].get("selector")).matches(own)
            if fits and statefulset_pods.ordinal_of(each, pod) is not None:
                self._queue.add(meta.key(each))
