"""Taint eviction: Pods leave a node with a NoExecute taint when they do not bear it, or no longer.

Watches: Node, Pod.   Writes: Pod (deletes), Pod/status.   Source: Concepts, "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import errors, kinds, meta, pods, taints
from hyperpy.client.protocol import STRATEGIC_PATCH, DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.nodes.node_pods import index_by_node, pods_of


def plan(pod: Obj, node_taints: Sequence[Obj], *, seen: float, now: float) -> float | None:
    """Seconds until the Pod has to leave its node: 0 is now, None is never.

    Args:
        node_taints: the taints of the Pod's node; a taint counts from its `timeAdded`, or without one from `seen`.
        seen: when the Pod was first seen with such taints, in seconds since the epoch.
    """
    if _is_leaving(pod):
        return None
    tolerations = pod["spec"].get("tolerations") or ()
    waits = []
    for taint in node_taints:
        if taint.get("effect") != taints.NO_EXECUTE:
            continue
        bears_s = taints.bears_s(taint, tolerations)
        if bears_s is not None:
            since = meta.parse_time(taint["timeAdded"]) if taint.get("timeAdded") else seen
            waits.append(max(0.0, since + bears_s - now) if bears_s else 0.0)
    return min(waits, default=None)


class TaintEvictionController:
    """Keys are Pods; one that bears a taint for a time comes back when that is over."""

    name = "taint-eviction-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        # Pods whose time runs, and since when; keys that are in the cache. A user's taint carries no time.
        self._marked: dict[str, float] = {}
        self._nodes = context.informers.of(kinds.NODE)
        self._pods = context.watch(kinds.POD, self._pod_changed)
        index_by_node(self._pods)
        context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Pod."""
        namespace, name = meta.split_key(key)
        pod = self._pods.get(name, namespace)
        node = self._nodes.get(pod["spec"].get("nodeName", "")) if pod is not None else None
        wait_s, now = None, self._context.clock.now()
        since = self._marked.get(key)
        if pod is not None and node is not None:
            wait_s = plan(pod, taints.of_node(node), seen=now if since is None else since, now=now)
        if wait_s is None:
            self._marked.pop(key, None)
            if since is not None and pod is not None and node is not None and not _is_leaving(pod):
                self._event(pod, f"Cancelling deletion of Pod {key}")
            return None
        if wait_s > 0:
            self._marked[key] = now if since is None else since
            return wait_s
        assert pod is not None, "only a Pod that is there has to leave"
        self._event(pod, f"Marking for deletion Pod {key}")
        await self._delete(pod)
        return None

    async def _delete(self, pod: Obj) -> None:
        """Say why, then delete."""
        about = pod["metadata"]
        target = {
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": meta.timestamp(self._context.clock.now()),
        }  # fmt: skip
        body = {"metadata": {"uid": about["uid"]}, "status": {"conditions": [target]}}
        try:
            if meta.condition(pod, "DisruptionTarget") is None:
                await self._client.patch(
                    kinds.POD, about["name"], body,
                    namespace=about["namespace"], patch_type=STRATEGIC_PATCH, subresource="status",
                )  # fmt: skip
            options = DeleteOptions(uid=about["uid"])
            await self._client.delete(kinds.POD, about["name"], namespace=about["namespace"], options=options)
        except errors.NotFound:
            pass

    def _event(self, pod: Obj, message: str) -> None:
        self._events.event(pod, kinds.POD, "Normal", "TaintManagerEviction", message)

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED" or _evicting(new) == (_evicting(old) if old is not None else []):
            return
        for pod in pods_of(self._pods, new["metadata"]["name"]):
            self._queue.add(meta.key(pod))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED" or not new["spec"].get("nodeName"):
            if old is not None and event == "DELETED":
                self._marked.pop(meta.key(old), None)
            return
        changed = old is None or old["spec"] != new["spec"]
        node = self._nodes.get(new["spec"]["nodeName"])
        if changed and (node is None or _evicting(node)):
            self._queue.add(meta.key(new))


def _is_leaving(pod: Obj) -> bool:
    return meta.is_deleting(pod) or pods.is_terminal(pod)


def _evicting(node: Obj) -> list[Obj]:
    return [taint for taint in taints.of_node(node) if taint.get("effect") == taints.NO_EXECUTE]
