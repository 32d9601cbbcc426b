"""Takes changes of Pods, Nodes and Namespaces into the cluster state and the queue, and wakes Pods they may help.

Claims, volumes and storage come in by `volume_intake`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from hyperpy.api import kinds, meta, pods
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import node_info
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event
from hyperpy.components.scheduler.options import Options
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profiles import Profiles
from hyperpy.components.scheduler.queue import Place, QueuedPod, SchedulingQueue
from hyperpy.components.scheduler.volume_intake import VolumeIntake

log = logging.getLogger(__name__)


class Intake:
    """The scheduler's ears.

    Args:
        changed: called after every change that may give the scheduler something to do.
    """

    def __init__(
        self,
        informers: Informers,
        options: Options,
        profiles: Profiles,
        *,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._pods = informers.of(kinds.POD)
        self._nodes = informers.of(kinds.NODE)
        self._namespaces = informers.of(kinds.NAMESPACE)
        self._budgets = informers.of(kinds.POD_DISRUPTION_BUDGET)
        self._profiles = profiles
        self._clock = clock
        self._changed = changed
        self._subscriptions: list[Callable[[], None]] = []
        self.cluster = ClusterState(self._labels_of, clock=clock)
        self.queue = SchedulingQueue(
            profiles.queue_sort.sort_key, backoff_s=options.backoff_s, max_backoff_s=options.max_backoff_s
        )
        self._volumes = VolumeIntake(informers, self.cluster.volumes, self._tell)

    async def open(self) -> None:
        """Wait for the caches, then follow them."""
        for informer in (self._nodes, self._namespaces, self._budgets, self._pods):
            await informer.synced()
        await self._volumes.open()
        self._subscriptions = [
            self._namespaces.subscribe(self._namespace_changed),
            self._nodes.subscribe(self._node_changed),
            self._pods.subscribe(self._pod_changed),
        ]

    def close(self) -> None:
        """Follow no more."""
        while self._subscriptions:
            self._subscriptions.pop()()
        self._volumes.close()

    def pending(self, pod: PodInfo) -> PodInfo | None:
        """The Pod in its latest version if it still needs a node from this scheduler, else None."""
        obj = self._pods.get(pod.name, pod.namespace)
        if obj is None or obj["metadata"]["uid"] != pod.uid or not self._is_ours(obj):
            return None
        return PodInfo(obj)

    def budgets(self) -> Sequence[Obj]:
        """Every PodDisruptionBudget."""
        return self._budgets.list()

    def stir(self, uid: str) -> None:
        """Try a Pod that waits once more."""
        self.queue.stir(uid, now=self._clock.monotonic())
        self._changed()

    def forget(self, pod: PodInfo) -> None:
        """A Pod that was assumed is not bound: others may have its room."""
        self.cluster.forget(pod.uid)
        self._tell(Event(Change.POD_REMOVED, pod=pod), too_early=self.cluster.nominations.victim_gone(pod.uid))

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        found = self._namespaces.get(namespace)
        return (found["metadata"].get("labels") or {}) if found is not None else {}

    def _is_ours(self, obj: Obj) -> bool:
        """It waits for a node from one of our profiles."""
        spec = obj["spec"]
        return (
            not spec.get("nodeName")
            and self._profiles.of(obj) is not None
            and not meta.is_deleting(obj)
            and not pods.is_terminal(obj)
        )

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        uid = obj["metadata"]["uid"]
        if event == "DELETED" or pods.is_terminal(obj):
            self._needs_no_node(uid)
            gone = self.cluster.remove_pod(uid)
            if gone is not None:
                for key in gone.claim_keys:
                    self.cluster.volumes.touch(key)  # it may be the Pod itself that waits for them
                self._tell(Event(Change.POD_REMOVED, pod=gone), too_early=self.cluster.nominations.victim_gone(uid))
        elif obj["spec"].get("nodeName"):
            self._pod_placed(obj)
        elif self._is_ours(obj):
            self._nominate(old, obj)
            self._pod_waits(obj)
        else:
            self._needs_no_node(uid)

    def _needs_no_node(self, uid: str) -> None:
        """Any more: what it was promised is free."""
        self.queue.remove(uid)
        self.cluster.nominations.remove(uid)

    def _nominate(self, old: Obj | None, new: Obj) -> None:
        """Take over what the API says that a Pod was promised; it may not say yet what we have just promised."""
        promised = _promised(new)
        if promised and self.cluster.pod(new["metadata"]["uid"]) is None:
            self.cluster.nominations.put(PodInfo(new), promised)
        elif old is not None and _promised(old) and not promised:
            self.cluster.nominations.remove(new["metadata"]["uid"])

    def _pod_placed(self, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        self._needs_no_node(uid)
        before, assumed = self.cluster.pod(uid), self.cluster.is_assumed(uid)
        where = self.cluster.node_of(uid)
        pod = self.cluster.place(obj)
        if before is not None and where != obj["spec"]["nodeName"]:
            self._tell(Event(Change.POD_REMOVED, pod=before))
            before = None
        if before is None or assumed:
            self._tell(Event(Change.POD_PLACED, pod=pod))
        elif before is not pod:
            self._tell(Event(Change.POD_UPDATED, pod=pod, before=before))

    def _pod_waits(self, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        if self.cluster.pod(uid) is not None:
            # Decided on a moment ago; the API does not show it bound yet.
            return
        queued = self.queue.get(uid)
        if queued is not None and queued.pod.says_the_same(obj):
            queued.pod.obj = obj
            return
        now, pod = self._clock.monotonic(), PodInfo(obj)
        if queued is not None and queued.place is not Place.GATED:
            queued.pod = pod
            self.queue.stir(uid, now=now)
        else:
            self.queue.remove(uid)
            self._enqueue(pod, now)
        self._changed()

    def _enqueue(self, pod: PodInfo, now: float) -> None:
        gate = self._gate(pod)
        if gate is None:
            self.queue.add(pod, now=now)
        else:
            opens = self._profiles.running(pod).opens_by_changes(gate)
            self.queue.add(pod, now=now, gated_by=frozenset([gate]), opens_by_changes=opens)

    def _gate(self, pod: PodInfo) -> str | None:
        """The plugin that keeps the Pod out of the queue, or None. One that fails lets it in."""
        try:
            gate = self._profiles.running(pod).gate(pod)
        except Exception:
            log.exception("a plugin failed at PreEnqueue of pod %s", pod.key)
            return None
        return gate.plugin if gate is not None else None

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        if event == "DELETED" or new is None:
            self.cluster.remove_node(node["metadata"]["name"])
            return
        if old is not None and _same_to_scheduling(old, new):
            return
        info = self.cluster.put_node(new)
        if old is None:
            self._tell(Event(Change.NODE_ADDED, node=info))
        else:
            self._tell(Event(Change.NODE_UPDATED, node=info, old=node_info.described(old)))

    def _namespace_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event == "DELETED" or (
            old is not None and new is not None and old["metadata"].get("labels") != new["metadata"].get("labels")
        ):
            self.cluster.matches.forget()

    def _tell(self, event: Event, *, too_early: frozenset[str] = frozenset()) -> None:
        """Wake the Pods that an event may help, but for those whose other victims are there still."""
        self.queue.wake(
            lambda queued: queued.pod.uid not in too_early and self._may_help(queued, event),
            now=self._clock.monotonic(),
        )
        self.queue.open_gates(lambda queued: self._may_open(queued, event))
        self._changed()

    def _may_help(self, queued: QueuedPod, event: Event) -> bool:
        try:
            return self._profiles.running(queued.pod).may_help(queued.pod, queued.rejected_by, event)
        except Exception:
            log.exception("a plugin failed to say whether %s helps pod %s", event.change.value, queued.pod.key)
            return True

    def _may_open(self, queued: QueuedPod, event: Event) -> bool:
        profile = self._profiles.running(queued.pod)
        may = any(profile.may_open(queued.pod, name, event) for name in queued.rejected_by)
        return may and self._gate(queued.pod) is None


def _promised(pod: Obj) -> str:
    """The node that the API says that a Pod was promised, or ""."""
    return (pod.get("status") or {}).get("nominatedNodeName") or ""


def _same_to_scheduling(old: Obj, new: Obj) -> bool:
    """A heartbeat, for example: nothing about where Pods may go."""
    before, after = old.get("status") or {}, new.get("status") or {}
    return bool(
        old.get("spec") == new.get("spec")
        and old["metadata"].get("labels") == new["metadata"].get("labels")
        and before.get("allocatable") == after.get("allocatable")
        and before.get("images") == after.get("images")
    )
