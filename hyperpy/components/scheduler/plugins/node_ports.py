"""NodePorts: a host port is one Pod's at a time on a Node. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import HostPort, PodInfo

_ANY = "0.0.0.0"


class NodePorts:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        if any(_clash(wanted, taken) for wanted in pod.host_ports for taken in node.host_ports):
            return ("node(s) didn't have free ports for the requested pod ports",)
        return ()


def _clash(wanted: HostPort, taken: HostPort) -> bool:
    same = wanted[0] == taken[0] and wanted[2] == taken[2]
    return same and (wanted[1] == taken[1] or _ANY in (wanted[1], taken[1]))
