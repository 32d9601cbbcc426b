"""A node as the scheduler sees it: what it has, what its Pods take of it, kept up to date Pod by Pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.api import taints
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import requests
from hyperpy.components.scheduler.pod_info import PodInfo

_HINDERING = (taints.NO_SCHEDULE, taints.NO_EXECUTE)


class NodeInfo:
    """One node and the Pods on it. Read-only for plugins; `ClusterState` changes it.

    `obj` is None while Pods are known to be on a node that is itself not known (yet, or any more).
    """

    __slots__ = (
        "allocatable_cpu", "allocatable_memory", "allocatable_other", "allowed_pods", "hindering", "images", "labels",
        "name", "obj", "pods", "ports", "priorities", "requested_cpu", "requested_memory", "requested_other",
        "scored_cpu", "scored_memory", "taints", "unschedulable",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.obj: Obj | None = None
        self.labels: Mapping[str, str] = {}
        self.taints: Sequence[Obj] = ()
        self.hindering: Sequence[Obj] = ()
        self.unschedulable = False
        self.images: dict[str, int] = {}
        self.allocatable_cpu = 0
        self.allocatable_memory = 0
        self.allocatable_other: Mapping[str, int] = {}
        self.allowed_pods = 0
        self.pods: dict[str, PodInfo] = {}
        self.ports: dict[tuple[str, int], dict[str, int]] = {}
        #: How many of its Pods have which priority.
        self.priorities: dict[int, int] = {}
        self.requested_cpu = 0
        self.requested_memory = 0
        self.requested_other: dict[str, int] = {}
        self.scored_cpu = 0
        self.scored_memory = 0

    @property
    def node(self) -> Obj:
        """The Node object; there for every node that a plugin is given."""
        assert self.obj is not None
        return self.obj

    def describe(self, node: Obj) -> None:
        """Take over a new version of the Node."""
        status = node.get("status") or {}
        self.obj = node
        self.labels = node["metadata"].get("labels") or {}
        self.taints = taints.of_node(node)
        self.hindering = [taint for taint in self.taints if taint.get("effect") in _HINDERING]
        self.unschedulable = bool((node.get("spec") or {}).get("unschedulable"))
        self.images = {
            name: image.get("sizeBytes", 0) for image in status.get("images") or () for name in image.get("names") or ()
        }
        amounts = requests.amounts(status.get("allocatable") or status.get("capacity") or {})
        self.allowed_pods = amounts.pop("pods", 0)
        self.allocatable_cpu = amounts.pop(requests.CPU, 0)
        self.allocatable_memory = amounts.pop(requests.MEMORY, 0)
        self.allocatable_other = amounts

    def add(self, pod: PodInfo) -> None:
        """A Pod is on the node now."""
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        """A Pod is not on the node any more."""
        if self.pods.pop(pod.uid, None) is not None:
            self._count(pod, -1)

    def port_is_taken(self, address: str, protocol: str, number: int) -> bool:
        """Whether a host port clashes with one in use; 0.0.0.0 clashes with every address."""
        taken = self.ports.get((protocol, number))
        if not taken:
            return False
        return address == "0.0.0.0" or "0.0.0.0" in taken or address in taken

    def use_of(self, resource: str) -> tuple[int, int]:
        """What it has of a resource, and what its Pods take."""
        if resource == requests.CPU:
            return self.allocatable_cpu, self.requested_cpu
        if resource == requests.MEMORY:
            return self.allocatable_memory, self.requested_memory
        return self.allocatable_other.get(resource, 0), self.requested_other.get(resource, 0)

    def _count(self, pod: PodInfo, sign: int) -> None:
        asked, priority = pod.requests, pod.priority
        count = self.priorities.get(priority, 0) + sign
        if count:
            self.priorities[priority] = count
        else:
            del self.priorities[priority]
        self.requested_cpu += sign * asked.cpu
        self.requested_memory += sign * asked.memory
        self.scored_cpu += sign * asked.scored_cpu
        self.scored_memory += sign * asked.scored_memory
        for name, amount in asked.other.items():
            self.requested_other[name] = self.requested_other.get(name, 0) + sign * amount
        for address, protocol, number in pod.ports:
            users = self.ports.setdefault((protocol, number), {})
            users[address] = users.get(address, 0) + sign
            if not users[address]:
                del users[address]
            if not users:
                del self.ports[protocol, number]


def described(node: Obj) -> NodeInfo:
    """A node without Pods, to compare with another version of it."""
    info = NodeInfo(node["metadata"]["name"])
    info.describe(node)
    return info


def capacity(node: NodeInfo) -> tuple[Any, ...]:
    """What a node offers."""
    return node.allocatable_cpu, node.allocatable_memory, node.allocatable_other, node.allowed_pods
