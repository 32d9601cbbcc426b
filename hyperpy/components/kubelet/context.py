"""What the pod workers of a node share: one value, made by the kubelet, read by everyone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hyperpy.api.kinds import POD
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.components.kubelet.dns import ClusterDns
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.host_ports import HostPorts
from hyperpy.components.kubelet.image_puller import ImagePuller
from hyperpy.components.kubelet.objects import ObjectCache
from hyperpy.components.kubelet.pod_network import NetworkGate
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.components.kubelet.probe import Handlers
from hyperpy.components.kubelet.status import Surroundings
from hyperpy.components.kubelet.volumes.manager import Volumes
from hyperpy.runtime.protocol import Runtime

Obj = dict[str, Any]


class StatusSink(Protocol):
    """Where workers put what the API shall say."""

    def publish(self, pod: Obj, status: Obj) -> None:
        """Write this status soon; a newer one replaces it."""

    def finish(self, pod: Obj) -> None:
        """After the last status: nothing of the Pod is left, its object may go."""


@dataclass(frozen=True, slots=True)
class Context:
    """Args:
    logs_dir: where the logs of pods are, one directory each.
    services: all Services as last seen.
    memory_capacity_bytes: of the node.
    """

    runtime: Runtime
    views: PodViews
    network: NetworkGate
    volumes: Volumes
    images: ImagePuller
    objects: ObjectCache
    handlers: Handlers
    host_ports: HostPorts
    events: EventRecorder
    statuses: StatusSink
    clock: Clock
    node: NodeFacts
    where: Surroundings
    cluster_dns: ClusterDns
    logs_dir: Path
    services: Callable[[], Sequence[Obj]]
    memory_capacity_bytes: int

    def log_dir(self, pod: Obj) -> Path:
        """Where the logs of a Pod's containers are."""
        return pod_log_dir(self.logs_dir, pod)

    def tell(self, pod: Obj, type: str, reason: str, message: str, *, container: str = "") -> None:
        """Say an event of a Pod, or of one of its containers."""
        self.events.event(pod, POD, type, reason, message, field_path=field_path(pod, container) if container else "")


def pod_log_dir(logs_dir: Path, pod: Obj) -> Path:
    """Where the logs of a Pod's containers are, under the node's logs directory."""
    meta = pod["metadata"]
    return logs_dir / f"{meta['namespace']}_{meta['name']}_{meta['uid']}"


def field_path(pod: Obj, container: str) -> str:
    """Where in the Pod a container stands, as events say it: `spec.containers{web}`."""
    for group in ("initContainers", "ephemeralContainers"):
        if any(c["name"] == container for c in pod["spec"].get(group) or ()):
            return f"spec.{group}{{{container}}}"
    return f"spec.containers{{{container}}}"


def find_container(pod: Obj, name: str) -> Obj | None:
    """A container of the Pod by name, of any sort."""
    for group in ("containers", "initContainers", "ephemeralContainers"):
        for container in pod["spec"].get(group) or ():
            if container["name"] == name:
                return dict(container)
    return None
