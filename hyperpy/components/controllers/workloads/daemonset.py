"""DaemonSet controller: a Pod on every node that is one for it.

Watches: DaemonSet, Pod, Node, ControllerRevision.   Writes: Pod, ControllerRevision, DaemonSet/status.

The planner is in `daemonset_plan`, which nodes and what Pod in `daemonset_nodes`, revisions in `history`.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, labels, meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, history, owner_index, ownership, pod_control, refusals
from hyperpy.components.controllers.upkeep.history import Revisions
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.workloads import daemonset_nodes, daemonset_plan, replicas
from hyperpy.components.controllers.workloads.daemonset_plan import Plan

#: How long a Pod that has ended stays before the next one comes on its node, doubled each time. Source: its back-off in
#: kube-controller-manager.
_BACK_OFF_S, _MAX_BACK_OFF_S = 1.0, 900.0


class DaemonSetController:
    """Keys are DaemonSets. Changes of a node that matter to none of them are passed over."""

    name = "daemonset-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._rng = context.rng
        self._queue = queue
        self._events = context.events(self.name)
        self._history = history.History(context, kinds.DAEMON_SET, hash_label=history.LABEL)
        self._pods = context.informers.of(kinds.POD)
        owner_index.index_by_controller(self._pods)
        self._control = pod_control.PodControl(
            context.client, kind=kinds.DAEMON_SET, pods=self._pods, events=self._events, clock=context.clock,
            rng=context.rng,
        )  # fmt: skip
        self._back_offs = _BackOffs()
        self._written = OwnWrites()
        self._sets = context.informers.of(kinds.DAEMON_SET)
        self._nodes = context.watch(kinds.NODE, self._node_changed)
        context.watch(kinds.DAEMON_SET, self._set_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one DaemonSet's Pods and status in step."""
        namespace, name = meta.split_key(key)
        cached = self._sets.get(name, namespace)
        if cached is None:
            self._control.expectations.forget(key)
            self._back_offs.forget(key)
            return None
        owner = self._written.newest(cached)
        revisions = await self._history.of(owner)
        wait_s = await self._control.wait_s(key)
        owned = await self._claim(owner)
        update = daemonset_nodes.hash_of(revisions.update)
        plan = daemonset_plan.plan(owner, owned, self._nodes.list(), update=update, now=self._clock.now())
        failure, back_off_s = None, None
        if wait_s is None:
            failure, back_off_s = await self._carry_out(owner, plan, revisions)
        await self._write_status(owner, plan, revisions)
        await self._forget_history(owner, owned, revisions)
        if failure is not None and not refusals.namespace_is_leaving(failure):
            raise failure
        return min((each for each in (wait_s, plan.recheck_s, back_off_s) if each is not None), default=None)

    async def _carry_out(
        self, owner: Obj, plan: Plan, revisions: Revisions
    ) -> tuple[errors.StatusError | None, float | None]:
        """Write what is planned; returns a failure, and how long a Pod that has ended has to wait."""
        due, back_off_s = self._due(owner, plan.ended)
        base = f"{owner['metadata']['name']}-"
        made = [
            daemonset_nodes.pod(owner, node, revisions.update, name=meta.generate_name(base, self._rng))
            for node in plan.create
        ]
        try:
            await self._control.create_pods(owner, made)
            await self._control.delete(owner, [*plan.delete, *due])
        except errors.StatusError as error:
            return error, back_off_s
        return None, back_off_s

    def _due(self, owner: Obj, ended: tuple[Obj, ...]) -> tuple[list[Obj], float | None]:
        """Pods that have ended and whose back-off is over, and the shortest wait of the others."""
        due: list[Obj] = []
        waits: list[float] = []
        now = self._clock.monotonic()
        for pod in ended:
            node, about = daemonset_nodes.node_of(pod), pod["metadata"]
            wait_s = self._back_offs.wait_s(meta.key(owner), node, about["uid"], now=now)
            if wait_s > 0:
                waits.append(wait_s)
                continue
            failed = pods.phase(pod) == "Failed"
            reason, word = ("FailedDaemonPod", "failed") if failed else ("SucceededDaemonPod", "succeeded")
            verb = "kill" if failed else "delete"
            message = f"Found {word} daemon pod {meta.key(pod)} on node {node}, will try to {verb} it"
            self._events.event(owner, kinds.DAEMON_SET, "Warning" if failed else "Normal", reason, message)
            due.append(pod)
        return due, min(waits, default=None)

    async def _claim(self, owner: Obj) -> list[Obj]:
        claims = ownership.claim(
            owner,
            owner_index.candidates(self._pods, owner),
            matches=labels.from_selector(owner["spec"].get("selector")).matches,
        )
        return await adoption.settle(self._client, claims, kind=kinds.POD, owner=owner, owner_kind=kinds.DAEMON_SET)

    async def _write_status(self, owner: Obj, plan: Plan, revisions: Revisions) -> None:
        old = owner.get("status") or {}
        status: Obj = {**old, **plan.counts, "observedGeneration": owner["metadata"].get("generation", 0)}
        if revisions.collisions:
            status["collisionCount"] = revisions.collisions
        if old and replicas.is_same_status(old, status):
            return
        try:
            wanted = {**owner, "status": status}
            self._written.note(await self._client.update(kinds.DAEMON_SET, wanted, subresource="status"))
        except errors.NotFound:
            pass

    async def _forget_history(self, owner: Obj, owned: list[Obj], revisions: Revisions) -> None:
        used = {(pod["metadata"].get("labels") or {}).get(history.LABEL) for pod in owned}
        live = {each["metadata"]["name"] for each in revisions.all if daemonset_nodes.hash_of(each) in used}
        live.add(revisions.update["metadata"]["name"])
        await self._history.forget(revisions.all, live=live, limit=owner["spec"].get("revisionHistoryLimit", 10))

    def _set_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._written.observe(event, obj)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(obj))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        self._control.expectations.observe(event, pod)
        for obj in (old, new):
            if obj is None:
                continue
            owner = meta.controller_of(obj)
            if owner is not None and owner["kind"] == kinds.DAEMON_SET.kind:
                self._queue.add(f"{obj['metadata']['namespace']}/{owner['name']}")
            elif owner is None and event != "DELETED":
                self._add_sets_that_fit(obj)

    def _add_sets_that_fit(self, pod: Obj) -> None:
        own = pod["metadata"].get("labels") or {}
        for each in self._sets.list(pod["metadata"]["namespace"]):
            if labels.from_selector(each["spec"].get("selector")).matches(own):
                self._queue.add(meta.key(each))

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for each in self._sets.list():
            before = daemonset_nodes.fit(each, old) if old is not None and event != "ADDED" else None
            after = daemonset_nodes.fit(each, new) if new is not None and event != "DELETED" else None
            if before != after:
                self._queue.add(meta.key(each))


class _BackOffs:
    """Waits before a Pod that has ended is replaced, by set and node. Bounded by the sets times the nodes."""

    def __init__(self) -> None:
        self._by_set: dict[str, dict[str, tuple[str, float, float]]] = {}

    def wait_s(self, key: str, node: str, uid: str, *, now: float) -> float:
        """Seconds until this Pod may be replaced. A quiet time of twice the longest wait starts anew."""
        nodes = self._by_set.setdefault(key, {})
        last, since, delay_s = nodes.get(node, ("", now, 0.0))
        if last != uid:
            quiet = now - since > 2 * _MAX_BACK_OFF_S
            delay_s = 0.0 if not last or quiet else min(max(delay_s * 2, _BACK_OFF_S), _MAX_BACK_OFF_S)
            since = now
            nodes[node] = (uid, since, delay_s)
        return since + delay_s - now

    def forget(self, key: str) -> None:
        """The set is gone."""
        self._by_set.pop(key, None)
