"""NodeAffinity: only nodes that the Pod's nodeSelector and node affinity match; rather those that it prefers."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import node_selection
from hyperpy.api.node_selection import NodeSelection
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Event, NodeFilter, Rejection, Scoring, to_hundred
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class NodeAffinity:
    """Nodes that a Pod insists on or prefers.

    Args:
        added: a NodeAffinity that holds for every Pod of the profile, beside its own.
    """

    name = "NodeAffinity"
    only_the_node = True
    _mismatch = Rejection(name, ("node(s) didn't match Pod's node affinity/selector",), preemptable=False)
    _unwanted = Rejection(name, ("node(s) didn't match scheduler-enforced node affinity",), preemptable=False)

    def __init__(self, *, added: Obj | None = None) -> None:
        spec = {"affinity": {"nodeAffinity": added or {}}}
        self._added = node_selection.required(spec)
        self._added_wishes = node_selection.preferred(spec)

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        selection, added = pod.selection, self._added
        if selection is None and added is None:
            return None
        if added is None and selection is not None and selection.terms is None:
            return self._has_labels(selection)

        def check(node: NodeInfo) -> Rejection | None:
            if added is not None and not added.matches(node.node):
                return self._unwanted
            return None if selection is None or selection.matches(node.node) else self._mismatch

        return check

    def _has_labels(self, selection: NodeSelection) -> NodeFilter:
        """A nodeSelector alone, which is what most Pods have that choose: kept short, since every node is asked."""
        wanted, mismatch = selection.selector.items(), self._mismatch

        def check(node: NodeInfo) -> Rejection | None:
            return None if wanted <= node.labels.items() else mismatch

        return check

    def narrow(self, pod: PodInfo) -> frozenset[str] | None:
        """Every term names its nodes, as those of the DaemonSet controller do."""
        return pod.selection.node_names() if pod.selection is not None else None

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        terms = [*self._added_wishes, *node_selection.preferred(pod.spec)]
        if not terms:
            return None

        def weigh(node: NodeInfo) -> float:
            return float(sum(weight for term, weight in terms if term.matches(node.node)))

        return Scoring(weigh, to_hundred)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        node = event.node
        if node is None or (event.old is not None and self._admits(pod, event.old)):
            return False
        return self._admits(pod, node)

    def _admits(self, pod: PodInfo, node: NodeInfo) -> bool:
        return all(each is None or each.matches(node.node) for each in (self._added, pod.selection))
