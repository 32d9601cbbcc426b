"""VolumeRestrictions: a claim with access mode ReadWriteOncePod has one Pod in the whole cluster."""

from __future__ import annotations

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_ONE_POD = "ReadWriteOncePod"


class VolumeRestrictions:
    name = "VolumeRestrictions"
    _in_use = Rejection(
        name,
        (
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by "
            "another pod",
        ),
    )

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        users = {
            uid: node
            for key in pod.claim_keys
            if _is_for_one_pod(key, cluster)
            for uid, node in cluster.claim_users.get(key, {}).items()
        }
        if not users:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            """Without those on the node itself that are supposed to be gone."""
            taken = any(where != node.name or uid in node.pods for uid, where in users.items())
            return self._in_use if taken else None

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.change is not Change.POD_REMOVED or event.pod is None:
            return False
        return any(key in pod.claim_keys for key in event.pod.claim_keys)


def _is_for_one_pod(key: str, cluster: ClusterState) -> bool:
    claim = cluster.volumes.claims.get(key)
    return claim is not None and _ONE_POD in (claim["spec"].get("accessModes") or ())
