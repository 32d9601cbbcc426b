"""TTL controller: tells kubelets how long they may keep Secrets and ConfigMaps, longer in a larger cluster.

Watches: Node.   Writes: Node (annotation `node.alpha.kubernetes.io/ttl`).
"""

from __future__ import annotations

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context

ANNOTATION = "node.alpha.kubernetes.io/ttl"

#: Seconds by the number of nodes: (smallest, largest, seconds). They overlap, so that a cluster whose size swings
#: about a boundary does not rewrite its nodes each time. Source: kube-controller-manager.
_STEPS = (
    (0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 10_000, 300), (9000, 1 << 31, 600),
)  # fmt: skip


def step_for(nodes: int, step: int) -> int:
    """The step for a number of nodes, coming from another one."""
    while nodes < _STEPS[step][0]:
        step -= 1
    while nodes > _STEPS[step][1]:
        step += 1
    return step


class TTLController:
    """Keys are nodes. A new step is a change for all of them."""

    name = "ttl-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._step = 0
        self._nodes = context.informers.of(kinds.NODE)
        context.watch(kinds.NODE, self._changed)  # it may call at once, with what is known already

    async def reconcile(self, key: str) -> float | None:
        """Write one node's annotation."""
        node = self._nodes.get(key)
        wanted = str(_STEPS[self._step][2])
        if node is None or (node["metadata"].get("annotations") or {}).get(ANNOTATION) == wanted:
            return None
        try:
            await self._client.patch(kinds.NODE, key, {"metadata": {"annotations": {ANNOTATION: wanted}}})
        except errors.NotFound:
            pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        nodes = self._nodes.list()
        before, self._step = self._step, step_for(len(nodes), self._step)
        if self._step != before:
            for node in nodes:
                self._queue.add(node["metadata"]["name"])
        elif event != "DELETED" and new is not None:
            self._queue.add(new["metadata"]["name"])
