"""The scheduling framework: the points at which plugins take part in the decision for one Pod. Pure.

    PreEnqueue ▶ QueueSort ▶ PreFilter ▶ Filter (each Node) ▶ Score (each Node left) ▶ the best ▶ Bind

Names and order are those of Kubernetes' scheduling framework. A plugin is any object with the methods of the points
it takes part in; the profile is the list of plugins and their weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

MAX_SCORE = 100
#: Below this many Nodes all are looked at; above it, enough feasible ones end the search (Kubernetes' own figures).
MIN_FEASIBLE_NODES = 100


@runtime_checkable
class PreEnqueue(Protocol):
    def pre_enqueue(self, pod: PodInfo) -> str | None:
        """Why the Pod may not be considered yet, or None."""


@runtime_checkable
class PreFilter(Protocol):
    def pre_filter(self, pod: PodInfo) -> str | None:
        """Why no Node at all can take the Pod, or None."""


@runtime_checkable
class Filter(Protocol):
    def filter(self, pod: PodInfo, node: NodeInfo) -> Sequence[str]:
        """Why this Node cannot take the Pod; empty when it can."""


@runtime_checkable
class Score(Protocol):
    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        """How well this Node suits the Pod, the more the better, on a scale of the plugin's own."""

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        """The scores of all feasible Nodes on the scale 0 to MAX_SCORE."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Either `node`, or why none: the count of Nodes by reason.

    Args:
        reason: why no Node at all can take it, when that was clear without looking at them.
        rejections: Node name -> plugin name -> reasons, of those looked at.
    """

    node: str | None
    total: int = 0
    reason: str = ""
    rejections: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def message(self) -> str:
        """`0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.`"""
        if self.reason:
            return f"0/{self.total} nodes are available: {self.reason}."
        if not self.total:
            return "no nodes available to schedule pods"
        counts = Counter(
            reason for plugins in self.rejections.values() for reasons in plugins.values() for reason in reasons
        )
        listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
        return f"0/{self.total} nodes are available: {listed}."


class Framework:
    """One profile of plugins.

    Args:
        plugins: (plugin, weight of its score) in order.
    """

    def __init__(self, plugins: Sequence[tuple[object, int]]) -> None:
        self._pre_enqueue = [plugin for plugin, _ in plugins if isinstance(plugin, PreEnqueue)]
        self._pre_filters = [plugin for plugin, _ in plugins if isinstance(plugin, PreFilter)]
        self._filters = [plugin for plugin, _ in plugins if isinstance(plugin, Filter)]
        self._scores = [(plugin, weight) for plugin, weight in plugins if isinstance(plugin, Score) and weight]
        self._start = 0

    def gate(self, pod: PodInfo) -> str | None:
        """Why the Pod may not be considered yet, or None."""
        return next((why for plugin in self._pre_enqueue if (why := plugin.pre_enqueue(pod)) is not None), None)

    def decide(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Decision:
        """The best Node for a Pod. The search begins where the last one ended, so that all get their turn."""
        for plugin in self._pre_filters:
            why = plugin.pre_filter(pod)
            if why is not None:
                return Decision(None, len(nodes), reason=why)
        wanted = _enough(len(nodes))
        feasible: list[NodeInfo] = []
        rejections: dict[str, Mapping[str, Sequence[str]]] = {}
        seen = 0
        for seen in range(1, len(nodes) + 1):
            node = nodes[(self._start + seen - 1) % len(nodes)]
            rejected = self._reject(pod, node)
            if rejected:
                rejections[node.name] = rejected
            else:
                feasible.append(node)
                if len(feasible) >= wanted:
                    break
        if nodes:
            self._start = (self._start + seen) % len(nodes)
        if not feasible:
            return Decision(None, len(nodes), rejections=rejections)
        return Decision(self._best(pod, feasible).name, len(nodes), rejections=rejections)

    def _reject(self, pod: PodInfo, node: NodeInfo) -> Mapping[str, Sequence[str]]:
        """The first plugin that does not want this Node, with its reasons."""
        for plugin in self._filters:
            reasons = plugin.filter(pod, node)
            if reasons:
                return {type(plugin).__name__: reasons}
        return {}

    def _best(self, pod: PodInfo, feasible: Sequence[NodeInfo]) -> NodeInfo:
        if len(feasible) == 1:
            return feasible[0]
        totals = [0.0] * len(feasible)
        for plugin, weight in self._scores:
            scores = plugin.normalize([plugin.score(pod, node) for node in feasible])
            totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
        return feasible[max(range(len(feasible)), key=totals.__getitem__)]


def _enough(nodes: int) -> int:
    """How many feasible Nodes are enough: half of them less one per cent for each 125, at least 5 %."""
    if nodes <= MIN_FEASIBLE_NODES:
        return nodes
    percentage = max(5, 50 - nodes // 125)
    return max(MIN_FEASIBLE_NODES, nodes * percentage // 100)
