"""Nodes with what is left on them, kept by adding and removing: a decision never counts the placed Pods again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.components.scheduler.pod_info import HostPort, PodInfo
from hyperpy.components.scheduler.resources import PODS, Amounts, amounts

Obj = Mapping[str, Any]


class NodeInfo:
    """One Node: its object, what it can give, and what its Pods have taken."""

    __slots__ = ("allocatable", "host_ports", "images", "labels", "name", "obj", "pods", "requested", "scored")

    def __init__(self, name: str) -> None:
        self.name = name
        self.obj: Obj | None = None
        self.labels: Mapping[str, str] = {}
        self.allocatable: Amounts = {}
        self.images: frozenset[str] = frozenset()
        self.pods: dict[str, PodInfo] = {}
        self.requested: Counter[str] = Counter()
        self.scored: Counter[str] = Counter()
        self.host_ports: Counter[HostPort] = Counter()

    @property
    def taints(self) -> Sequence[dict[str, Any]]:
        return (self.obj or {}).get("spec", {}).get("taints") or ()

    @property
    def unschedulable(self) -> bool:
        return bool((self.obj or {}).get("spec", {}).get("unschedulable"))

    def set_node(self, node: Obj | None) -> None:
        """Take the Node's newest state; None when it is gone."""
        self.obj = node
        status = (node or {}).get("status") or {}
        self.labels = ((node or {}).get("metadata") or {}).get("labels") or {}
        self.allocatable = amounts(status.get("allocatable") or status.get("capacity"))
        self.images = frozenset(name for image in status.get("images") or () for name in image.get("names") or ())

    def add(self, pod: PodInfo) -> None:
        """Count a Pod in; one that is counted already is counted anew."""
        self.remove(pod.uid)
        self.pods[pod.uid] = pod
        self.requested.update(pod.requests)
        self.requested[PODS] += 1
        self.scored.update(pod.scored_requests)
        self.host_ports.update(pod.host_ports)

    def remove(self, uid: str) -> None:
        """Count a Pod out."""
        pod = self.pods.pop(uid, None)
        if pod is None:
            return
        self.requested.subtract(pod.requests)
        self.requested[PODS] -= 1
        self.scored.subtract(pod.scored_requests)
        for port in pod.host_ports:
            self.host_ports[port] -= 1
            if not self.host_ports[port]:
                del self.host_ports[port]


class Snapshot:
    """All Nodes. A Pod that was just bound counts from that moment (assumed), not from when the API tells of it."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._node_of: dict[str, str] = {}
        self._list: list[NodeInfo] | None = None

    def nodes(self) -> Sequence[NodeInfo]:
        """Those that exist, in the order they came."""
        if self._list is None:
            self._list = [info for info in self._nodes.values() if info.obj is not None]
        return self._list

    def set_node(self, name: str, node: Obj | None) -> None:
        """A Node came, changed or (None) went. Pods may be told of before their Node."""
        info = self._nodes.setdefault(name, NodeInfo(name))
        info.set_node(node)
        self._list = None
        if node is None and not info.pods:
            del self._nodes[name]

    def place(self, pod: PodInfo, node_name: str) -> None:
        """A Pod is on a Node, or was just bound to it."""
        if self._node_of.get(pod.uid) not in (None, node_name):
            self.remove(pod.uid)
        self._node_of[pod.uid] = node_name
        self._nodes.setdefault(node_name, NodeInfo(node_name)).add(pod)

    def remove(self, uid: str) -> None:
        """A Pod is gone or finished, or its binding failed."""
        name = self._node_of.pop(uid, None)
        if name is None:
            return
        info = self._nodes[name]
        info.remove(uid)
        if info.obj is None and not info.pods:
            del self._nodes[name]

    def node_of(self, uid: str) -> str | None:
        """The Node a Pod counts on."""
        return self._node_of.get(uid)
