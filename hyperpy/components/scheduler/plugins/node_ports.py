"""NodePorts: two Pods on one node never take the same host port."""

from __future__ import annotations

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Change, Event, NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class NodePorts:
    name = "NodePorts"
    only_the_node = True
    _taken = Rejection(name, ("node(s) didn't have free ports for the requested pod ports",))

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        if not pod.ports:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            return self._taken if node.ports and any(node.port_is_taken(*port) for port in pod.ports) else None

        return check

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.change is Change.NODE_ADDED:
            return True
        if event.change is not Change.POD_REMOVED or event.pod is None:
            return False
        freed = {(protocol, number) for _, protocol, number in event.pod.ports}
        return any((protocol, number) in freed for _, protocol, number in pod.ports)
