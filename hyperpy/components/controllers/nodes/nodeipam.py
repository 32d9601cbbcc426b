"""Node IPAM: gives every node a Pod network of each of the cluster's address families.

Watches: Node.   Writes: Node (spec.podCIDR, spec.podCIDRs).   The planner is `subnets`.

A network is taken before it is written, so nodes that come at once never share one; and it stays taken when nobody
knows whether it was written.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.nodes import subnets


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
        self._pools: list[subnets.Subnets] = []
        if options.cluster_cidr:
            self._pools = subnets.of_cluster(
                options.cluster_cidr,
                options.service_cidr,
                ipv4_prefix=options.node_cidr_mask_size_ipv4,
                ipv6_prefix=options.node_cidr_mask_size_ipv6,
            )
            self._nodes = context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Give one node its networks, if it has none."""
        node = self._nodes.get(key)
        if node is None or _networks(node):
            return None
        if key not in self._held and not self._take(key):
            self._waiting.add(key)
            self._event(node, "CIDRNotAvailable")
            return None
        networks = self._held[key]
        body = {"metadata": {"uid": node["metadata"]["uid"]}, "spec": {"podCIDR": networks[0], "podCIDRs": networks}}
        try:
            await self._client.patch(kinds.NODE, key, body)
        except errors.StatusError as error:
            if error.code < 500:
                self._release(key)
            if isinstance(error, errors.NotFound):
                return None
            self._event(node, "CIDRAssignmentFailed")
            raise
        return None

    def _take(self, name: str) -> bool:
        """Take a network of every family for a node; False when a family has none left."""
        taken: list[str] = []
        try:
            for pool in self._pools:
                taken.append(pool.take())
        except subnets.Full:
            for network in taken:
                self._give_back(network)
            return False
        self._held[name] = taken
        return True

    def _event(self, node: Obj, reason: str) -> None:
        message = f"Node {node['metadata']['name']} status is now: {reason}"
        self._events.event(node, kinds.NODE, "Normal", reason, message)

    def _release(self, name: str) -> None:
        for network in self._held.pop(name, ()):
            self._give_back(network)

    def _give_back(self, network: str) -> None:
        for pool in self._pools:
            pool.release(network)  # another family's pool has nothing of it
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
                for pool in self._pools:
                    pool.occupy(network)
        elif not networks:
            self._queue.add(name)


def _networks(node: Obj) -> list[str]:
    spec = node.get("spec") or {}
    return list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))
