"""TaintToleration: keeps Pods off Nodes whose taints they do not tolerate, and prefers fewer soft taints. Pure.

Source: Kubernetes' documentation, "Taints and Tolerations".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

Obj = Mapping[str, Any]

_HARD = ("NoSchedule", "NoExecute")


class TaintToleration:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        if not node.taints:
            return ()
        tolerations = pod.spec.get("tolerations") or ()
        for taint in node.taints:
            if taint.get("effect") in _HARD and not tolerates(tolerations, taint):
                return (f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}",)
        return ()

    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        tolerations = pod.spec.get("tolerations") or ()
        soft = [taint for taint in node.taints if taint.get("effect") == "PreferNoSchedule"]
        return float(-sum(not tolerates(tolerations, taint) for taint in soft))

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        worst = min(scores)
        return [MAX_SCORE if not worst else MAX_SCORE * (1 - score / worst) for score in scores]


def tolerates(tolerations: Sequence[Obj], taint: Obj) -> bool:
    """Whether one of the tolerations covers the taint."""
    return any(_covers(toleration, taint) for toleration in tolerations)


def _covers(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
