"""Node IPAM: gives every node a Pod network out of the cluster's.   Watches: Node.   Writes: Node (spec.podCIDR).

The planner is `subnets`. A network is taken before it is written, so nodes that come at once never share one.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers import subnets
from hyperpy.components.controllers.context import Context


class NodeIpamController:
    """Keys are nodes. Without a cluster network in the options it gives out nothing."""

    name = "node-ipam-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        options = context.options
        self._client = context.client
        self._queue = queue
        self._events = context.events("cidrAllocator")
        self._held: dict[str, list[str]] = {}
        self._waiting: set[str] = set()
        if options.cluster_cidr:
            self._pool = subnets.of_cluster(options.cluster_cidr, options.service_cidr, options.node_cidr_mask_size)
            self._nodes = context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Give one node a network, if it has none."""
        node = self._nodes.get(key)
        if node is None or key in self._held:
            return None
        try:
            network = self._pool.take()
        except subnets.Full:
            self._waiting.add(key)
            self._event(node, "CIDRNotAvailable")
            return None
        self._held[key] = [network]
        body = {"metadata": {"uid": node["metadata"]["uid"]}, "spec": {"podCIDR": network, "podCIDRs": [network]}}
        try:
            await self._client.patch(kinds.NODE, key, body)
        except errors.StatusError as error:
            self._release(key)
            if isinstance(error, errors.NotFound):
                return None
            self._event(node, "CIDRAssignmentFailed")
            raise
        return None

    def _event(self, node: Obj, reason: str) -> None:
        message = f"Node {node['metadata']['name']} status is now: {reason}"
        self._events.event(node, kinds.NODE, "Normal", reason, message)

    def _release(self, name: str) -> None:
        for network in self._held.pop(name, ()):
            self._pool.release(network)

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name, networks = node["metadata"]["name"], _networks(node)
        if event == "DELETED":
            self._release(name)
            while self._waiting:
                self._queue.add(self._waiting.pop())
        elif networks and self._held.get(name) != networks:
            self._release(name)
            self._held[name] = networks
            for network in networks:
                self._pool.occupy(network)
        elif not networks:
            self._queue.add(name)


def _networks(node: Obj) -> list[str]:
    spec = node.get("spec") or {}
    return list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))
