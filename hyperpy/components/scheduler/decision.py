"""The decision for one Pod: which nodes are possible, and which of them is best. Pure; dice decide among equals."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import NodeFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

#: Of up to so many nodes every possible one is scored; of more nodes so many, or a share of 5% where that is more.
#: (kube-scheduler scores a larger share of a middle-sized cluster; the best of a hundred is as good to its users.)
SCORED_AT_LEAST = 100
_SHARE = 20


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one Pod.

    Args:
        node: where it goes, or None.
        looked_at: nodes examined; the next decision begins after them.
        rejected: why not, by node name; complete only when `node` is None.
        total: nodes there are.
        refused: why no node was even looked at, where the reason lies in the Pod itself.
    """

    node: str | None
    looked_at: int
    total: int
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    refused: Rejection | None = None

    @property
    def rejected_by(self) -> frozenset[str]:
        """The plugins that rejected a node."""
        return frozenset(rejection.plugin for rejection in self.rejected.values())

    def message(self) -> str:
        """Why the Pod fits nowhere, in the words of kubectl's users."""
        if not self.total:
            return "no nodes available to schedule pods"
        if self.refused is not None:
            return f"0/{self.total} nodes are available: {', '.join(self.refused.reasons)}."
        counts = Counter(reason for rejection in self.rejected.values() for reason in rejection.reasons)
        told = sorted(f"{count} {reason}" for reason, count in counts.items())
        return f"0/{self.total} nodes are available: {', '.join(told)}."


def enough(nodes: int) -> int:
    """How many possible nodes are looked for before the best of them is taken."""
    return min(nodes, max(SCORED_AT_LEAST, nodes // _SHARE))


def decide(pod: PodInfo, cluster: ClusterState, profile: Profile, *, start: int, rng: random.Random) -> Decision:
    """Find the best node for a Pod.

    Args:
        start: the node to begin with, so that Pod after Pod all nodes get their turn.
    """
    nodes = cluster.nodes
    filters: list[NodeFilter] = []
    for plugin in profile.filters:
        found = plugin.pre_filter(pod, cluster)
        if isinstance(found, Rejection):
            return Decision(None, 0, len(nodes), {node.name: found for node in nodes}, refused=found)
        if found is not None:
            filters.append(found)
    possible, rejected, looked_at = _search(nodes, filters, start=start)
    if not possible:
        return Decision(None, looked_at, len(nodes), rejected)
    best = possible[0] if len(possible) == 1 else _best(pod, cluster, profile, possible, rng=rng)
    return Decision(best.name, looked_at, len(nodes), rejected)


def _search(
    nodes: Sequence[NodeInfo], filters: Sequence[NodeFilter], *, start: int
) -> tuple[list[NodeInfo], dict[str, Rejection], int]:
    wanted = enough(len(nodes))
    possible: list[NodeInfo] = []
    rejected: dict[str, Rejection] = {}
    looked_at = 0
    for index in range(len(nodes)):
        node = nodes[(start + index) % len(nodes)]
        looked_at += 1
        for check in filters:
            rejection = check(node)
            if rejection is not None:
                rejected[node.name] = rejection
                break
        else:
            possible.append(node)
            if len(possible) >= wanted:
                break
    return possible, rejected, looked_at


def _best(
    pod: PodInfo, cluster: ClusterState, profile: Profile, nodes: Sequence[NodeInfo], *, rng: random.Random
) -> NodeInfo:
    totals = [0.0] * len(nodes)
    for plugin, weight in profile.scorers:
        scoring = plugin.pre_score(pod, cluster, nodes)
        if scoring is None:
            continue
        scores: Sequence[float] = list(map(scoring.score, nodes))
        if scoring.normalize is not None:
            scores = scoring.normalize(scores)
        totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
    most = max(totals)
    return nodes[rng.choice([index for index, total in enumerate(totals) if total == most])]
