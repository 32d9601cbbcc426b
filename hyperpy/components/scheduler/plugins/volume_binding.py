"""VolumeBinding: a node that can use the Pod's volumes, or where its unbound claims get some.

    Filter: volumes found a node ──▶ Reserve: assumed ──▶ PreBind: written ──▶ BindWait: the binder binds, a provisioner
    makes ──▶ the Pod is bound

A claim for which a volume is to be made gets the annotation `selected-node`; provisioners wait for it, and take it
away when they cannot make one there. Source: Concepts, "Storage Classes", "Volume Binding Mode".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Sequence

from hyperpy.api import kinds, meta, quantity, volume_binding
from hyperpy.client.protocol import Client, Obj
from hyperpy.components.scheduler import pod_volumes
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Change, Event, NodeFilter, Rejection, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.pod_volumes import Placement
from hyperpy.components.scheduler.volume_wait import VolumeWait


class VolumeBinding:
    """Keeps what it found for the Pod that is decided on, and what it assumed for those that are being bound."""

    name = "VolumeBinding"

    def __init__(self) -> None:
        self._found: tuple[str, dict[str, Placement]] = ("", {})
        self._cluster: ClusterState | None = None
        #: Bounded by the Pods whose binding is under way.
        self._waits: dict[str, VolumeWait] = {}

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | Rejection | None:
        if not pod.claims:
            return None
        volumes = cluster.volumes
        problem = pod_volumes.problem(pod, volumes)
        if problem:
            return Rejection(self.name, (problem,), preemptable=False)
        needs = pod_volumes.of_pod(pod, volumes)
        found: dict[str, Placement] = {}
        self._cluster, self._found = cluster, (pod.uid, found)

        def check(node: NodeInfo) -> Rejection | None:
            placed = pod_volumes.place(needs, node, volumes)
            if isinstance(placed, Placement):
                found[node.name] = placed
                return None
            return Rejection(self.name, tuple(placed), preemptable=False)

        return check

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        """Rather a node where less of the volumes stays unused."""
        uid, found = self._found
        if not pod.claims or uid != pod.uid or not any(placement.static for placement in found.values()):
            return None
        return Scoring(lambda node: _utilization(found[node.name]) if node.name in found else 0.0)

    def reserve(self, pod: PodInfo, node: str) -> Rejection | None:
        uid, found = self._found
        if not pod.claims or uid != pod.uid or self._cluster is None:
            return None
        placement = found[node]
        if placement.static or placement.provision:
            self._waits[pod.uid] = wait = VolumeWait(pod, node, placement, self._cluster)
            wait.assume()
        return None

    def unreserve(self, pod: PodInfo, node: str) -> None:
        wait = self._waits.pop(pod.uid, None)
        if wait is not None:
            wait.give_back()

    async def pre_bind(self, pod: PodInfo, node: str, client: Client) -> None:
        wait = self._waits.get(pod.uid)
        if wait is None:
            return
        for volume in list(wait.volumes):
            wait.written(await client.update(kinds.PERSISTENT_VOLUME, volume), volume)
        for claim in list(wait.claims):
            wait.written(await client.update(kinds.PERSISTENT_VOLUME_CLAIM, claim), claim)

    def waiting(self, pod: PodInfo, node: str) -> Awaitable[str] | None:
        wait = self._waits.get(pod.uid)
        return None if wait is None else wait.run()

    def post_bind(self, pod: PodInfo, node: str) -> None:
        self._waits.pop(pod.uid, None)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.obj is not None:
            return self._storage_may_help(pod, event.change, event.obj)
        if event.change is Change.POD_REMOVED and event.pod is not None:
            return bool(pod.claims and event.pod.claims)  # volumes that were assumed for it are free
        if event.node is None:
            return False
        return event.old is None or event.old.labels != event.node.labels

    def _storage_may_help(self, pod: PodInfo, change: Change, obj: Obj) -> bool:
        if change is Change.CLAIM:
            return meta.key(obj) in pod.claim_keys
        if change is not Change.VOLUME or self._cluster is None:
            return bool(pod.claims) and change is not Change.CSI_NODE
        reference = obj["spec"].get("claimRef")
        if reference is not None:
            return f"{reference.get('namespace')}/{reference.get('name')}" in pod.claim_keys
        claims = map(self._cluster.volumes.claims.get, pod.claim_keys)
        return any(
            claim is not None and volume_binding.class_of(claim) == volume_binding.class_of(obj) for claim in claims
        )


def _utilization(placement: Placement) -> float:
    """How much of the volumes is asked for, the mean over their classes; 0 to 100."""
    asked: defaultdict[str, float] = defaultdict(float)
    there: defaultdict[str, float] = defaultdict(float)
    for claim, volume in placement.static:
        name = volume_binding.class_of(volume)
        asked[name] += float(quantity.parse(volume_binding.wanted(claim)))
        there[name] += float(quantity.parse(volume_binding.capacity(volume)))
    return MAX_SCORE * sum(asked[name] / there[name] for name in asked) / len(asked) if asked else 0.0
