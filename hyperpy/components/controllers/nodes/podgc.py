"""Pod garbage collector: removes Pods of nodes that are gone, Pods that left before they got a node, old finished ones.

Watches: Pod, Node.   Writes: Pod (deletes), Pod/status.
Source: Concepts, "Pod Lifecycle" (garbage collection of Pods).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.client.protocol import STRATEGIC_PATCH, DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.nodes.node_pods import index_by_node, pods_of

#: How long a node may be missing before its Pods are given up; it may come back under its name.
QUARANTINE_S = 40.0
_FINISHED = "finished"
_TOO_MANY = "finished/"


def plan(pod: Obj, *, node_exists: bool) -> str | None:
    """Why the Pod has to go, or None."""
    if not pod["spec"].get("nodeName"):
        return "unscheduled" if meta.is_deleting(pod) else None
    return None if node_exists else "orphaned"


def surplus(finished: Sequence[Obj], *, threshold: int) -> list[Obj]:
    """The oldest of the finished Pods, beyond so many. A threshold of 0 keeps all."""
    count = len(finished) - threshold
    if threshold <= 0 or count <= 0:
        return []
    return sorted(finished, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), meta.key(pod)))[:count]


class PodGarbageCollector:
    """Keys are Pods, and one key stands for all the finished ones."""

    name = "pod-garbage-collector-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._threshold = context.options.terminated_pod_threshold
        self._finished = 0
        self._nodes = context.watch(kinds.NODE, self._node_changed)
        self._pods = context.informers.of(kinds.POD)
        index_by_node(self._pods)
        self._pods.add_index(_FINISHED, _is_finished)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Pod, or to all finished ones."""
        if key == _TOO_MANY:
            for ended in surplus(self._pods.by_index(_FINISHED, "true"), threshold=self._threshold):
                await self._delete(ended)
            return None
        namespace, name = meta.split_key(key)
        pod = self._pods.get(name, namespace)
        if pod is None:
            return None
        why = plan(pod, node_exists=await self._node_exists(pod["spec"].get("nodeName")))
        if why == "orphaned":
            await self._fail(pod)
        if why is not None:
            await self._delete(pod)
        return None

    async def _node_exists(self, name: str | None) -> bool:
        """Asked of the API itself: a cache that is behind must not cost a Pod."""
        if not name or self._nodes.get(name) is not None:
            return True
        try:
            await self._client.get(kinds.NODE, name)
        except errors.NotFound:
            return False
        return True

    async def _fail(self, pod: Obj) -> None:
        """Nobody will ever report on the Pod again: it has failed, and says why it is removed."""
        if pods.is_terminal(pod):
            return
        now = meta.timestamp(self._context.clock.now())
        target = {
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists", "lastTransitionTime": now,
        }  # fmt: skip
        about = pod["metadata"]
        body = {"metadata": {"uid": about["uid"]}, "status": {"phase": "Failed", "conditions": [target]}}
        try:
            await self._client.patch(
                kinds.POD, about["name"], body,
                namespace=about["namespace"], patch_type=STRATEGIC_PATCH, subresource="status",
            )  # fmt: skip
        except errors.NotFound:
            pass

    async def _delete(self, pod: Obj) -> None:
        about = pod["metadata"]
        options = DeleteOptions(grace_s=0, uid=about["uid"])
        try:
            await self._client.delete(kinds.POD, about["name"], namespace=about["namespace"], options=options)
        except errors.NotFound:
            pass

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        gone = new or old
        assert gone is not None
        if event != "DELETED":
            return
        for pod in pods_of(self._pods, gone["metadata"]["name"]):
            self._queue.add_after(meta.key(pod), QUARANTINE_S)

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        before = old is not None and pods.is_terminal(old)
        after = event != "DELETED" and pods.is_terminal(pod)
        self._finished += after - before
        if after and 0 < self._threshold < self._finished:
            self._queue.add(_TOO_MANY)
        if event == "DELETED":
            return
        node = pod["spec"].get("nodeName")
        if not node and meta.is_deleting(pod):
            self._queue.add(meta.key(pod))
        elif node and (old is None or not old["spec"].get("nodeName")) and self._nodes.get(node) is None:
            self._queue.add_after(meta.key(pod), QUARANTINE_S)


def _is_finished(pod: Obj) -> Iterable[str]:
    return ("true",) if pods.is_terminal(pod) else ()
