"""NodeName: a Pod that names its Node goes nowhere else. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class NodeName:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        wanted = pod.spec.get("nodeName")
        return () if not wanted or wanted == node.name else ("node(s) didn't match the requested node name",)
