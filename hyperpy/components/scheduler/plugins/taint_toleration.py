"""TaintToleration: no Pod on a node whose taints it does not bear; rather not where a taint asks not to be used."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import taints
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import Event, NodeFilter, Rejection, Scoring, to_hundred
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_HINDERING = (taints.NO_SCHEDULE, taints.NO_EXECUTE)


class TaintToleration:
    name = "TaintToleration"
    only_the_node = True

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        if not cluster.hindered:
            return None
        tolerations = pod.tolerations

        def check(node: NodeInfo) -> Rejection | None:
            if not node.hindering:
                return None
            taint = taints.untolerated(node.hindering, tolerations, effects=_HINDERING)
            return None if taint is None else self._rejection(taint["key"], taint.get("value") or "")

        return check

    def _rejection(self, key: str, value: str) -> Rejection:
        return Rejection(self.name, (f"node(s) had untolerated taint {{{key}: {value}}}",), preemptable=False)

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        if not cluster.disliked:
            return None
        effects = ("", taints.PREFER_NO_SCHEDULE)
        tolerations = [each for each in pod.tolerations if (each.get("effect") or "") in effects]

        def count(node: NodeInfo) -> float:
            disliked = [taint for taint in node.taints if taint.get("effect") == taints.PREFER_NO_SCHEDULE]
            return float(sum(not any(taints.tolerates(each, taint) for each in tolerations) for taint in disliked))

        return Scoring(count, lambda scores: to_hundred(scores, reverse=True))

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        node = event.node
        if node is None:
            return False
        if event.old is not None and event.old.taints == node.taints:
            return False
        return taints.untolerated(node.hindering, pod.tolerations, effects=_HINDERING) is None
