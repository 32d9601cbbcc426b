"""NodeUnschedulable: no new Pods on a cordoned node, unless they bear its taint."""

from __future__ import annotations

from hyperpy.api import taints
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_TAINT = {"key": taints.UNSCHEDULABLE, "effect": taints.NO_SCHEDULE}


class NodeUnschedulable:
    name = "NodeUnschedulable"
    only_the_node = True
    _cordoned = Rejection(name, ("node(s) were unschedulable",), preemptable=False)

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        if not cluster.hindered or any(taints.tolerates(each, _TAINT) for each in pod.tolerations):
            return None

        def check(node: NodeInfo) -> Rejection | None:
            return self._cordoned if node.unschedulable else None

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        node = event.node
        if node is None or node.unschedulable:
            return False
        return event.change is Change.NODE_ADDED or (event.old is not None and event.old.unschedulable)
