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
        if node is None or _networks(node):
            return None
        if key not in self._held:
            try:
                self._held[key] = [self._pool.take()]
            except subnets.Full:
                self._waiting.add(key)
                self._event(node, "CIDRNotAvailable")
                return None
        await self._write(node, self._held[key])
        return None

    async def _write(self, node: Obj, networks: list[str]) -> None:
        """Give a node the networks held for it. After a server's failure it may have them, so they stay held."""
        about = node["metadata"]
        body = {"metadata": {"uid": about["uid"]}, "spec": {"podCIDR": networks[0], "podCIDRs": networks}}
        try:
            await self._client.patch(kinds.NODE, about["name"], body)
        except errors.StatusError as error:
            if error.code < 500:
                self._release(about["name"])
            if isinstance(error, errors.NotFound):
                return
            self._event(node, "CIDRAssignmentFailed")
            raise

    def _event(self, node: Obj, reason: str) -> None:
        message = f"Node {node['metadata']['name']} status is now: {reason}"
        self._events.event(node, kinds.NODE, "Normal", reason, message)

    def _release(self, name: str) -> None:
        for network in self._held.pop(name, ()):
            self._pool.release(network)
        while self._waiting:
            self._queue.add(self._waiting.pop())

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name, networks = node["metadata"]["name"], _networks(node)
        if event == "DELETED":
            self._waiting.discard(name)
            self._release(name)
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
