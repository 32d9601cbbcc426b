"""NodeName: a Pod that names its node runs there or nowhere."""

from __future__ import annotations

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class NodeName:
    name = "NodeName"
    only_the_node = True
    _elsewhere = Rejection(name, ("node(s) didn't match the requested node name",), preemptable=False)

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        wanted = pod.spec.get("nodeName")
        if not wanted:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            return None if node.name == wanted else self._elsewhere

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        return event.change is Change.NODE_ADDED
