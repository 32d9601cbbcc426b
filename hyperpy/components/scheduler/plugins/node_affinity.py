"""NodeAffinity: only nodes that the Pod's nodeSelector and node affinity match; rather those that it prefers."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import node_selection
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Event, NodeFilter, Rejection, Scoring, to_hundred
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class NodeAffinity:
    name = "NodeAffinity"
    only_the_node = True
    _mismatch = Rejection(name, ("node(s) didn't match Pod's node affinity/selector",), preemptable=False)

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        selection = pod.selection
        if selection is None:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            return None if selection.matches(node.node) else self._mismatch

        return check

    def narrow(self, pod: PodInfo) -> frozenset[str] | None:
        """Every term names its nodes, as those of the DaemonSet controller do."""
        return pod.selection.node_names() if pod.selection is not None else None

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        terms = node_selection.preferred(pod.spec)
        if not terms:
            return None

        def weigh(node: NodeInfo) -> float:
            return float(sum(weight for term, weight in terms if term.matches(node.node)))

        return Scoring(weigh, to_hundred)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        node, selection = event.node, pod.selection
        if node is None or selection is None:
            return False
        if event.old is not None and selection.matches(event.old.node):
            return False
        return selection.matches(node.node)
