"""The cluster as the scheduler believes it to be: nodes, the Pods on them, and the Pods it has just put there itself.

    unbound ──assume──▶ assumed ──the cache shows it bound──▶ placed ──gone or finished──▶ unknown
                           └── binding failed: forget ──▶ unbound

A decision is made in one go, without waiting, on this state itself: between its first and its last look nothing
changes, so no copy is taken, and keeping the state costs the same per event however many Pods there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.match_counts import MatchCounts
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.nominations import Nominations
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.term_index import TermIndex
from hyperpy.components.scheduler.volumes import Volumes

NamespaceLabels = Callable[[str], Mapping[str, str]]


class ClusterState:
    """Nodes and Pods. Plugins read it; the scheduler writes it.

    Args:
        namespace_labels: the labels of a namespace, for terms with a namespace selector.
        clock: the time of Pods that wait for their volumes.
    """

    def __init__(self, namespace_labels: NamespaceLabels = lambda name: {}, *, clock: Clock | None = None) -> None:
        self.namespace_labels = namespace_labels
        self.matches = MatchCounts()
        self.terms = TermIndex()
        self.volumes = Volumes(clock)
        #: The Pods that use a claim, by its key and their uid, with their node.
        self.claim_users: dict[str, dict[str, str]] = {}
        self.nominations = Nominations()
        self.image_nodes: dict[str, int] = {}
        #: Nodes that some Pods may not use: with hindering taints, or unschedulable. With a preference against them.
        self.hindered = 0
        self.disliked = 0
        #: Goes up when a node comes, changes or goes: what rests on nodes alone holds as long as it stays.
        self.node_changes = 0
        self._nodes: dict[str, NodeInfo] = {}
        self._listed: list[NodeInfo] | None = None
        self._place: dict[str, tuple[PodInfo, str]] = {}
        self._assumed: set[str] = set()

    @property
    def nodes(self) -> Sequence[NodeInfo]:
        """Every known node, in a fixed order."""
        if self._listed is None:
            self._listed = [node for node in self._nodes.values() if node.obj is not None]
        return self._listed

    def node(self, name: str) -> NodeInfo | None:
        """A known node, or None."""
        found = self._nodes.get(name)
        return found if found is not None and found.obj is not None else None

    def put_node(self, node: Obj) -> NodeInfo:
        """A node appeared or changed."""
        name = node["metadata"]["name"]
        self.node_changes += 1
        info = self._nodes.get(name)
        if info is None:
            info = self._nodes[name] = NodeInfo(name)
        self._tally(info, -1)
        if info.obj is None:
            self._listed = None
        info.describe(node)
        self._tally(info, 1)
        return info

    def remove_node(self, name: str) -> None:
        """A node is gone; Pods that are still on it stay known until they go too."""
        info = self._nodes.get(name)
        if info is None or info.obj is None:
            return
        self.node_changes += 1
        self._tally(info, -1)
        info.obj = None
        self._listed = None
        if not info.pods:
            del self._nodes[name]

    def assume(self, pod: PodInfo, node: str) -> None:
        """Believe that a Pod is on a node, before the API says so."""
        self._put(pod, node)
        self._assumed.add(pod.uid)
        self.nominations.remove(pod.uid)

    def forget(self, uid: str) -> None:
        """Do not believe it any more: it could not be bound."""
        if uid in self._assumed:
            self.remove_pod(uid)

    def place(self, obj: Obj) -> PodInfo:
        """The API shows a Pod on a node; the same Pod may have been assumed there, or known in an older version."""
        uid, node = obj["metadata"]["uid"], obj["spec"]["nodeName"]
        known = self._place.get(uid)
        self._assumed.discard(uid)
        if known is not None:
            info, where = known
            newer = PodInfo(obj)
            if where == node and _counts_the_same(info, newer):
                info.obj = obj
                return info
            self.remove_pod(uid)
        info = PodInfo(obj)
        self._put(info, node)
        return info

    def remove_pod(self, uid: str) -> PodInfo | None:
        """A Pod is gone or finished: what it took is free. Returns it as it was known, or None."""
        self._assumed.discard(uid)
        known = self._place.pop(uid, None)
        if known is None:
            return None
        pod, name = known
        node = self._nodes[name]
        self._leave(pod, node)
        if node.obj is None and not node.pods:
            del self._nodes[name]
        return pod

    def pod(self, uid: str) -> PodInfo | None:
        """A Pod that is placed or assumed, or None."""
        known = self._place.get(uid)
        return known[0] if known is not None else None

    def node_of(self, uid: str) -> str | None:
        """The node of a Pod that is placed or assumed, or None."""
        known = self._place.get(uid)
        return known[1] if known is not None else None

    def is_assumed(self, uid: str) -> bool:
        """Only we believe that the Pod is where it is."""
        return uid in self._assumed

    def suppose_gone(self, pod: PodInfo, node: NodeInfo) -> None:
        """For a trial: the Pod is not on its node. `suppose_there` must follow before anything else happens."""
        self._leave(pod, node)

    def suppose_there(self, pod: PodInfo, node: NodeInfo) -> None:
        """For a trial: the Pod is on a node. `suppose_gone` must follow when it was not."""
        self._enter(pod, node)

    def _put(self, pod: PodInfo, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = NodeInfo(name)
        self._enter(pod, node)
        self._place[pod.uid] = (pod, name)

    def _enter(self, pod: PodInfo, node: NodeInfo) -> None:
        node.add(pod)
        self.matches.add(pod, node.name)
        self.terms.add(pod, node.name)
        for key in pod.claim_keys:
            self.claim_users.setdefault(key, {})[pod.uid] = node.name

    def _leave(self, pod: PodInfo, node: NodeInfo) -> None:
        node.remove(pod)
        self.matches.remove(pod, node.name)
        self.terms.remove(pod, node.name)
        for key in pod.claim_keys:
            self.claim_users[key].pop(pod.uid)
            if not self.claim_users[key]:
                del self.claim_users[key]

    def _tally(self, node: NodeInfo, sign: int) -> None:
        if node.obj is None:
            return
        self.hindered += sign * bool(node.hindering or node.unschedulable)
        self.disliked += sign * any(taint.get("effect") == "PreferNoSchedule" for taint in node.taints)
        for name in node.images:
            self.image_nodes[name] = self.image_nodes.get(name, 0) + sign
            if not self.image_nodes[name]:
                del self.image_nodes[name]


def _counts_the_same(old: PodInfo, new: PodInfo) -> bool:
    """Whether a newer version takes the same room and answers every question alike."""
    return (
        old.labels == new.labels
        and old.leaving == new.leaving
        and old.requests == new.requests
        and old.spec.get("affinity") == new.spec.get("affinity")
    )
