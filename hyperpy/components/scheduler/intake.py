"""Takes changes of Pods, Nodes and Namespaces into the cluster state and the queue, and wakes Pods they may help.

Claims, volumes and storage come in by `volume_intake`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hyperpy.api import kinds, meta, pods
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import node_info
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile
from hyperpy.components.scheduler.queue import Place, SchedulingQueue
from hyperpy.components.scheduler.volume_intake import VolumeIntake


class Intake:
    """The scheduler's ears.

    Args:
        changed: called after every change that may give the scheduler something to do.
    """

    def __init__(
        self,
        informers: Informers,
        *,
        profile: Profile,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._pods = informers.of(kinds.POD)
        self._nodes = informers.of(kinds.NODE)
        self._namespaces = informers.of(kinds.NAMESPACE)
        self._profile = profile
        self._clock = clock
        self._changed = changed
        self._subscriptions: list[Callable[[], None]] = []
        self.cluster = ClusterState(self._labels_of, clock=clock)
        self.queue = SchedulingQueue(profile.queue_sort.sort_key)
        self._volumes = VolumeIntake(informers, self.cluster.volumes, self._tell)

    async def open(self) -> None:
        """Wait for the caches, then follow them."""
        for informer in (self._nodes, self._namespaces, self._pods):
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

    def forget(self, pod: PodInfo) -> None:
        """A Pod that was assumed is not bound: others may have its room."""
        self.cluster.forget(pod.uid)
        self._tell(Event(Change.POD_REMOVED, pod=pod))

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        found = self._namespaces.get(namespace)
        return (found["metadata"].get("labels") or {}) if found is not None else {}

    def _is_ours(self, obj: Obj) -> bool:
        """It waits for a node from a scheduler of our name."""
        spec = obj["spec"]
        return (
            not spec.get("nodeName")
            and spec.get("schedulerName", self._profile.scheduler_name) == self._profile.scheduler_name
            and not meta.is_deleting(obj)
            and not pods.is_terminal(obj)
        )

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        uid = obj["metadata"]["uid"]
        if event == "DELETED" or pods.is_terminal(obj):
            self.queue.remove(uid)
            gone = self.cluster.remove_pod(uid)
            if gone is not None:
                for key in gone.claim_keys:
                    self.cluster.volumes.touch(key)  # it may be the Pod itself that waits for them
                self._tell(Event(Change.POD_REMOVED, pod=gone))
        elif obj["spec"].get("nodeName"):
            self._pod_placed(obj)
        elif self._is_ours(obj):
            self._pod_waits(obj)
        else:
            self.queue.remove(uid)

    def _pod_placed(self, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        self.queue.remove(uid)
        before, assumed = self.cluster.pod(uid), self.cluster.is_assumed(uid)
        pod = self.cluster.place(obj)
        if before is not None and before is not pod:
            self._tell(Event(Change.POD_REMOVED, pod=before))
        if assumed or before is not pod:
            self._tell(Event(Change.POD_PLACED, pod=pod))

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
            gate = self._profile.gate(pod)
            self.queue.add(pod, now=now, gated_by=frozenset([gate.plugin]) if gate is not None else frozenset())
        self._changed()

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

    def _tell(self, event: Event) -> None:
        self.queue.wake(
            lambda queued: self._profile.may_help(queued.pod, queued.rejected_by, event), now=self._clock.monotonic()
        )
        self._changed()


def _same_to_scheduling(old: Obj, new: Obj) -> bool:
    """A heartbeat, for example: nothing about where Pods may go."""
    before, after = old.get("status") or {}, new.get("status") or {}
    return bool(
        old.get("spec") == new.get("spec")
        and old["metadata"].get("labels") == new["metadata"].get("labels")
        and before.get("allocatable") == after.get("allocatable")
        and before.get("images") == after.get("images")
    )
