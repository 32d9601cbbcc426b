"""NodeAffinity: nodeSelector, required node affinity, and preferred terms as a score. Pure.

Source: Kubernetes' documentation, "Assigning Pods to Nodes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.api import labels
from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

Obj = Mapping[str, Any]

_MISMATCH = ("node(s) didn't match Pod's node affinity/selector",)


class NodeAffinity:
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        for key, value in (pod.spec.get("nodeSelector") or {}).items():
            if node.labels.get(key) != value:
                return _MISMATCH
        required = _affinity(pod).get("requiredDuringSchedulingIgnoredDuringExecution")
        if required and not any(_matches(term, node) for term in required.get("nodeSelectorTerms") or ()):
            return _MISMATCH
        return ()

    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        preferred = _affinity(pod).get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        return float(sum(term["weight"] for term in preferred if _matches(term["preference"], node)))

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        most = max(scores)
        return [MAX_SCORE * score / most if most else 0 for score in scores]


def _affinity(pod: PodInfo) -> Obj:
    return (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}


def _matches(term: Obj, node: NodeInfo) -> bool:
    """A term matches when all its expressions do; an empty one matches nothing."""
    on_labels = term.get("matchExpressions") or ()
    on_fields = term.get("matchFields") or ()
    if not on_labels and not on_fields:
        return False
    fields = {"metadata.name": node.name}
    return all(labels.from_expression(each).matches(node.labels) for each in on_labels) and all(
        labels.from_expression(each).matches(fields) for each in on_fields
    )
