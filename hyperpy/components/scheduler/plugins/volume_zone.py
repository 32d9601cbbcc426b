"""VolumeZone: a node in the zone and region that the labels of the Pod's volumes name.

Volumes of today say it by node affinity (VolumeBinding); labels are how it was said before, and still count.
"""

from __future__ import annotations

from hyperpy.api import meta
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

#: The labels, each with the newer name that a node may have instead.
_TOPOLOGY = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}
#: Between the zones of a volume that has several.
_SEPARATOR = "__"


class VolumeZone:
    name = "VolumeZone"
    _elsewhere = Rejection(name, ("node(s) had no available volume zone",), preemptable=False)

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        demands = [demand for key in pod.claim_keys for demand in _demands(key, cluster)]
        if not demands:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            own = node.labels
            if not any(label in own for label in _TOPOLOGY):
                return None  # a cluster without zones
            fits = all(own.get(label, own.get(_TOPOLOGY[label])) in values for label, values in demands)
            return None if fits else self._elsewhere

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.node is not None:
            return event.old is None or event.old.labels != event.node.labels
        if event.change is Change.CLAIM and event.obj is not None:
            return meta.key(event.obj) in pod.claim_keys
        if event.change is not Change.VOLUME or event.obj is None:
            return False
        reference = event.obj["spec"].get("claimRef") or {}
        return f"{reference.get('namespace')}/{reference.get('name')}" in pod.claim_keys


def _demands(key: str, cluster: ClusterState) -> list[tuple[str, frozenset[str]]]:
    claim: Obj = cluster.volumes.claims.get(key) or {"spec": {}}
    volume = cluster.volumes.volumes.get(claim["spec"].get("volumeName") or "")
    own = (volume["metadata"].get("labels") or {}) if volume is not None else {}
    return [(label, frozenset(own[label].split(_SEPARATOR))) for label in _TOPOLOGY if label in own]
