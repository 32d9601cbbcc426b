"""NodeUnschedulable: a cordoned Node takes only Pods that tolerate it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import taints
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_TAINT = {"key": taints.UNSCHEDULABLE, "effect": taints.NO_SCHEDULE}


class NodeUnschedulable:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        tolerations = pod.spec.get("tolerations") or ()
        if node.unschedulable and not any(taints.tolerates(each, _TAINT) for each in tolerations):
            return ("node(s) were unschedulable",)
        return ()
