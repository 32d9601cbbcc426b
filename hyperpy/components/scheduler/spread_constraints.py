"""Topology spread constraints of a Pod, read from its spec. Pure.

Source: Concepts, "Pod Topology Spread Constraints"; the API reference of TopologySpreadConstraint.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.api import labels, taints
from hyperpy.api.labels import Selector
from hyperpy.components.scheduler.affinity_terms import with_label_keys
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_HINDERING = (taints.NO_SCHEDULE, taints.NO_EXECUTE)


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint.

    Args:
        key: the label of nodes that makes a domain.
        selector: which Pods count, in the Pod's own namespace.
        hard: DoNotSchedule; else it is a wish (ScheduleAnyway).
        by_affinity: only nodes that the Pod's node affinity matches make domains.
        by_taints: only nodes whose taints the Pod bears do.
    """

    key: str
    selector: Selector
    max_skew: int
    min_domains: int
    hard: bool
    by_affinity: bool
    by_taints: bool

    def includes(self, node: NodeInfo, pod: PodInfo) -> bool:
        """Whether the node belongs to a domain of this constraint, for this Pod."""
        if self.key not in node.labels:
            return False
        if self.by_affinity and pod.selection is not None and not pod.selection.matches(node.node):
            return False
        if not self.by_taints or not node.hindering:
            return True
        return taints.untolerated(node.hindering, pod.tolerations, effects=_HINDERING) is None


def of_pod(pod: PodInfo, *, hard: bool) -> list[Constraint]:
    """The hard or the soft constraints of a Pod."""
    action = "DoNotSchedule" if hard else "ScheduleAnyway"
    return [
        Constraint(
            key=each["topologyKey"],
            selector=with_label_keys(
                labels.from_selector(each.get("labelSelector")), pod.obj, match=each.get("matchLabelKeys") or []
            ),
            max_skew=each["maxSkew"],
            min_domains=each.get("minDomains") or 1,
            hard=hard,
            by_affinity=each.get("nodeAffinityPolicy", "Honor") == "Honor",
            by_taints=each.get("nodeTaintsPolicy", "Ignore") == "Honor",
        )
        for each in pod.spec.get("topologySpreadConstraints") or ()
        if each.get("whenUnsatisfiable", "DoNotSchedule") == action
    ]
