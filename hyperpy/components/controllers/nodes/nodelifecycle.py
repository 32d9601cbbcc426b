"""Node lifecycle: a node that falls silent is Unknown, its taints follow its conditions, its Pods are not ready.

Watches: Node, Lease (kube-node-lease), Pod.   Writes: Node (taints), Node/status, Pod/status.

    heard ──grace period without a renewed Lease or status──▶ lost (Ready Unknown, unreachable) ──heard──▶ heard

Silence is measured on this process's own clock from when it saw the last sign of life. The planners are `node_health`
(what a node's state means) and `node_zones` (when its Pods are sent away).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from hyperpy.api import errors, kinds, meta, pods, taints
from hyperpy.client.protocol import STRATEGIC_PATCH, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.nodes import node_health, node_zones
from hyperpy.components.controllers.nodes.node_pods import index_by_node, pods_of

log = logging.getLogger(__name__)

LEASES = "kube-node-lease"
#: Before a node that fell silent is emptied, those that did at the same moment are counted.
_SETTLE_S = 0.1


@dataclass(slots=True)
class _Heard:
    """The last sign of life of a node: what was read, and when it was first seen; when it was given up since then
    (monotonic seconds)."""

    lease: str
    heartbeat: str
    at: float
    lost_at: float = -math.inf


class NodeLifecycleController:
    """Keys are nodes; each comes back when its grace period would end, which a healthy node moves on unnoticed."""

    name = "node-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        self._heard: dict[str, _Heard] = {}
        self._evictions = node_zones.Evictions(context.options.eviction_rates)
        self._pods = context.informers.of(kinds.POD)
        index_by_node(self._pods)
        self._nodes = context.watch(kinds.NODE, self._node_changed)
        context.watch(kinds.LEASE, self._lease_changed, namespace=LEASES)

    async def reconcile(self, key: str) -> float | None:
        """Look after one node; returns when its silence would be too long."""
        node = self._nodes.get(key)
        if node is None:
            self._heard.pop(key, None)
            return None
        left_s = self._left_s(key)
        now = meta.timestamp(self._context.clock.now())
        waits = [left_s] if left_s > 0 else []
        if left_s <= 0 and (lost := node_health.lost_status(node, now=now)) != node.get("status"):
            node = await self._declare_lost(node, lost)
        wait_s = self._turn_s(node)
        evict = wait_s == 0
        waits += [wait_s] if wait_s else []
        node = await self._taint(node, now=now, evict=evict)
        if not node_health.is_ready(node):
            await self._mark_pods(node, now=now)
        return min(waits, default=None)

    def _turn_s(self, node: Obj) -> float | None:
        """Seconds until the node's Pods are sent away: 0 is now or before now, None is not."""
        name = node["metadata"]["name"]
        if not node_health.is_failing(node) or self._evictions.stopped:
            self._evictions.withdraw(name)
            return None
        if node_health.is_evicting(node):
            self._evictions.withdraw(name)
            return 0.0
        now = self._context.clock.monotonic()
        heard = self._heard.get(name)
        if heard is not None and heard.lost_at + _SETTLE_S > now:
            return heard.lost_at + _SETTLE_S - now
        return self._evictions.wait_s(name, now=now)

    def _left_s(self, name: str) -> float:
        now = self._context.clock.monotonic()
        heard = self._heard.setdefault(name, _Heard("", "", now))
        options, node = self._context.options, self._nodes.get(name)
        new = node is not None and meta.condition(node, "Ready") is None
        return heard.at + (options.node_startup_grace_s if new else options.node_monitor_grace_s) - now

    async def _declare_lost(self, node: Obj, status: Obj) -> Obj:
        was_ready = node_health.is_ready(node)
        written = await self._client.update(kinds.NODE, {**node, "status": status}, subresource="status")
        if (heard := self._heard.get(node["metadata"]["name"])) is not None:
            heard.lost_at = self._context.clock.monotonic()
        if self._nodes.get(node["metadata"]["name"]) is not None:  # it may have gone while this was written
            self._count(written)
        if was_ready:
            self._event(node, "NodeNotReady", f"Node {node['metadata']['name']} status is now: NodeNotReady")
        return written

    async def _taint(self, node: Obj, *, now: str, evict: bool) -> Obj:
        wanted = node_health.wanted_taints(node, now=now, evict=evict)
        if wanted == taints.of_node(node):
            return node
        about = node["metadata"]
        body = {
            "metadata": {"uid": about["uid"], "resourceVersion": about["resourceVersion"]},
            "spec": {"taints": wanted or None},
        }
        return await self._client.patch(kinds.NODE, about["name"], body)

    async def _mark_pods(self, node: Obj, *, now: str) -> None:
        """Pods of a node that is not ready receive no traffic."""
        for pod in pods_of(self._pods, node["metadata"]["name"]):
            ready = meta.condition(pod, "Ready")
            if pods.is_terminal(pod) or ready is None or ready.get("status") != "True":
                continue
            new = {"type": "Ready", "status": "False", "lastTransitionTime": now}
            about = pod["metadata"]
            body = {"metadata": {"uid": about["uid"]}, "status": {"conditions": [new]}}
            try:
                await self._client.patch(
                    kinds.POD, about["name"], body,
                    namespace=about["namespace"], patch_type=STRATEGIC_PATCH, subresource="status",
                )  # fmt: skip
            except (errors.NotFound, errors.Conflict):
                continue
            self._events.event(pod, kinds.POD, "Warning", "NodeNotReady", "Node is not ready")

    def _event(self, node: Obj, reason: str, message: str) -> None:
        self._events.event(node, kinds.NODE, "Normal", reason, message)

    def _count(self, node: Obj, *, gone: bool = False) -> None:
        """Note the node's state for its zone's; who waits there is looked at when that changes."""
        name, zone = node["metadata"]["name"], node_zones.zone_of(node)
        was_stopped, before = self._evictions.stopped, self._evictions.state(zone)
        ready, counted = node_health.is_ready(node), node_zones.counts(node)
        affected = self._evictions.observe(name, None if gone else zone, ready=ready, counted=counted)
        if self._evictions.state(zone) != before:
            log.info('zone "%s" is in state %s now', zone, self._evictions.state(zone))
        if was_stopped and not self._evictions.stopped:
            now = self._context.clock.monotonic()
            for heard in self._heard.values():
                heard.at = now  # nobody could be heard: their time begins again
        for each in affected:
            self._queue.add(each)

    def _hear(self, name: str, *, lease: str | None = None, heartbeat: str | None = None) -> bool:
        """Note a sign of life; False when it is an old one."""
        now = self._context.clock.monotonic()
        heard = self._heard.setdefault(name, _Heard("", "", now))
        lease = heard.lease if lease is None else lease
        heartbeat = heard.heartbeat if heartbeat is None else heartbeat
        if (lease, heartbeat) == (heard.lease, heard.heartbeat):
            return False
        heard.lease, heard.heartbeat, heard.at = lease, heartbeat, now
        return True

    def _lease_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED":
            return
        name = new["metadata"]["name"]
        if self._nodes.get(name) is None:
            return
        silent = name in self._heard and self._left_s(name) <= 0
        if self._hear(name, lease=(new.get("spec") or {}).get("renewTime") or "") and silent:
            self._queue.add(name)

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name = node["metadata"]["name"]
        self._count(node, gone=event == "DELETED")
        if event == "DELETED":
            self._event(node, "RemovingNode", f"Node {name} event: Removing Node {name} from Controller")
        elif event == "ADDED":
            self._hear(name, heartbeat=node_health.heartbeat(node))
            self._event(node, "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")
        else:
            self._hear(name, heartbeat=node_health.heartbeat(node))
        if event != "MODIFIED" or old is None or _matters(old) != _matters(node):
            self._queue.add(name)


def _matters(node: Obj) -> tuple[object, ...]:
    conditions = (node.get("status") or {}).get("conditions") or ()
    spec = node.get("spec") or {}
    states = [(condition["type"], condition.get("status")) for condition in conditions]
    where = node_zones.zone_of(node), node_zones.counts(node)
    return where, taints.of_node(node), bool(spec.get("unschedulable")), states
