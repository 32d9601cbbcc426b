"""Taint eviction: Pods leave a node with a NoExecute taint when they do not bear it, or no longer.

Watches: Node, Pod.   Writes: Pod (deletes).   Source: Concepts, "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import errors, kinds, meta, pods, taints
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.node_pods import index_by_node, pods_of


def plan(pod: Obj, node_taints: Sequence[Obj], *, now: float) -> float | None:
    """Seconds until the Pod has to leave its node: 0 is now, None is never.

    Args:
        node_taints: the taints of the Pod's node; a taint counts from its `timeAdded`, or from now.
    """
    if meta.is_deleting(pod) or pods.is_terminal(pod):
        return None
    tolerations = pod["spec"].get("tolerations") or ()
    waits = []
    for taint in node_taints:
        if taint.get("effect") != taints.NO_EXECUTE:
            continue
        bears_s = taints.bears_s(taint, tolerations)
        if bears_s is not None:
            since = meta.parse_time(taint["timeAdded"]) if taint.get("timeAdded") else now
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
        self._nodes = context.informers.of(kinds.NODE)
        self._pods = context.watch(kinds.POD, self._pod_changed)
        index_by_node(self._pods)
        context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Pod."""
        namespace, name = meta.split_key(key)
        pod = self._pods.get(name, namespace)
        node = self._nodes.get(pod["spec"].get("nodeName", "")) if pod is not None else None
        if pod is None or node is None:
            return None
        wait_s = plan(pod, taints.of_node(node), now=self._context.clock.now())
        if wait_s is None or wait_s > 0:
            return wait_s
        self._events.event(pod, kinds.POD, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}")
        try:
            options = DeleteOptions(uid=pod["metadata"]["uid"])
            await self._client.delete(kinds.POD, name, namespace=namespace, options=options)
        except errors.NotFound:
            pass
        return None

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED" or _evicting(new) == (_evicting(old) if old is not None else []):
            return
        for pod in pods_of(self._pods, new["metadata"]["name"]):
            self._queue.add(meta.key(pod))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED" or not new["spec"].get("nodeName"):
            return
        changed = old is None or old["spec"] != new["spec"]
        node = self._nodes.get(new["spec"]["nodeName"])
        if changed and (node is None or _evicting(node)):
            self._queue.add(meta.key(new))


def _evicting(node: Obj) -> list[Obj]:
    return [taint for taint in taints.of_node(node) if taint.get("effect") == taints.NO_EXECUTE]
