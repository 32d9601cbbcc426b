"""NodeUnschedulable: a cordoned Node takes only Pods that tolerate it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.plugins.taint_toleration import tolerates
from hyperpy.components.scheduler.pod_info import PodInfo

_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        if not node.unschedulable or tolerates(pod.spec.get("tolerations") or (), _TAINT):
            return ()
        return ("node(s) were unschedulable",)
