"""TaintToleration: keeps Pods off Nodes whose taints they do not tolerate, and prefers fewer soft taints. Pure.

Source: Kubernetes' documentation, "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import taints
from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_HARD = (taints.NO_SCHEDULE, taints.NO_EXECUTE)


class TaintToleration:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        if not node.taints:
            return ()
        taint = taints.untolerated(node.taints, pod.spec.get("tolerations") or (), effects=_HARD)
        return (f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}",) if taint else ()

    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        tolerations = pod.spec.get("tolerations") or ()
        soft = [taint for taint in node.taints if taint.get("effect") == taints.PREFER_NO_SCHEDULE]
        return float(-sum(not any(taints.tolerates(each, taint) for each in tolerations) for taint in soft))

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        worst = min(scores)
        return [MAX_SCORE if not worst else MAX_SCORE * (1 - score / worst) for score in scores]
