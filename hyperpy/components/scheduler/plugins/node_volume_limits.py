"""NodeVolumeLimits: no more volumes of a CSI driver on a node than the driver says it can take there (CSINode)."""

from __future__ import annotations

from collections import Counter

from hyperpy.api import volume_binding
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.volumes import Volumes


class NodeVolumeLimits:
    name = "NodeVolumeLimits"
    _full = Rejection(name, ("node(s) exceed max volume count",))

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        volumes = cluster.volumes
        wanted = dict(found for key in pod.claim_keys if (found := _csi_volume(key, volumes)) is not None)
        if not wanted or not volumes.csi_nodes:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            limits = _limits(node.name, volumes)
            if not any(driver in limits for driver in wanted.values()):
                return None
            there = _attached(node, volumes)
            more = Counter(driver for handle, driver in wanted.items() if handle not in there)
            used = Counter(there.values())
            full = any(driver in limits and used[driver] + count > limits[driver] for driver, count in more.items())
            return self._full if full else None

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.change is Change.POD_REMOVED and event.pod is not None:
            return bool(event.pod.claim_keys)
        return event.change in (Change.CSI_NODE, Change.NODE_ADDED)


def _csi_volume(key: str, volumes: Volumes) -> tuple[str, str] | None:
    """What a claim attaches: a name of its own in the whole cluster, and the driver; None when it is not CSI's.

    One without a volume counts as a volume that its class's provisioner will make.
    """
    claim = volumes.claims.get(key)
    if claim is None:
        return None
    volume = volumes.volumes.get(claim["spec"].get("volumeName") or "")
    if volume is None:
        storage_class = volumes.classes.get(volume_binding.class_of(claim)) or {}
        driver = storage_class.get("provisioner") or ""
        return (f"{driver}/claim/{key}", driver) if driver and driver != volume_binding.NO_PROVISIONER else None
    csi = volume["spec"].get("csi")
    return (f"{csi['driver']}/{csi['volumeHandle']}", csi["driver"]) if csi is not None else None


def _limits(node: str, volumes: Volumes) -> dict[str, int]:
    """How many volumes a node can take, by driver; a driver without a limit is not there."""
    spec = (volumes.csi_nodes.get(node) or {}).get("spec") or {}
    return {
        driver["name"]: driver["allocatable"]["count"]
        for driver in spec.get("drivers") or ()
        if (driver.get("allocatable") or {}).get("count") is not None
    }


def _attached(node: NodeInfo, volumes: Volumes) -> dict[str, str]:
    """The volumes that the Pods of a node use, each once."""
    keys = {key for pod in node.pods.values() for key in pod.claim_keys}
    return dict(found for key in keys if (found := _csi_volume(key, volumes)) is not None)
