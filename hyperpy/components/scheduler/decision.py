"""The decision for one Pod: which nodes are possible, and which of them is best. Pure; dice decide among equals."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.components.scheduler import filtering, reasons
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.filtering import Filters
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

#: Of up to so many nodes every possible one is scored; of more nodes so many, or a share of 5% where that is more.
#: (kube-scheduler scores a larger share of a middle-sized cluster; the best of a hundred is as good to its users.)
SCORED_AT_LEAST = 100
_SHARE = 20


@dataclass(frozen=True, slots=True)
class Scores:
    """Why the chosen node was better than the others.

    Args:
        parts: plugin, its score of the node from 0 to 100, and its weight.
        possible: nodes that were compared.
        second: the best of the others, with its sum of scores.
    """

    parts: tuple[tuple[str, float, float], ...]
    possible: int
    second: str
    second_score: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one Pod.

    Args:
        node: where it goes, or None.
        looked_at: nodes examined; the next decision begins after them.
        total: nodes there are.
        rejected: why not, by node name; complete only when `node` is None.
        elsewhere: why not the nodes that were not looked at, when plugins named the few that were.
        refused: why no node at all will do, when a plugin said so at PreFilter.
        scores: of the node, where there was a choice.
    """

    node: str | None
    looked_at: int
    total: int
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    elsewhere: Rejection | None = None
    refused: Rejection | None = None
    scores: Scores | None = None

    @property
    def rejected_by(self) -> frozenset[str]:
        """The plugins that rejected a node, or the Pod."""
        return frozenset(
            each.plugin for each in (*self.rejected.values(), self.elsewhere, self.refused) if each is not None
        )

    def by_node(self, nodes: Sequence[NodeInfo]) -> Mapping[str, Rejection]:
        """Why not, by node name; nodes that were not worth looking at are not named."""
        return self.rejected if self.refused is None else {node.name: self.refused for node in nodes}

    def message(self) -> str:
        """Why the Pod fits nowhere, in the words of kubectl's users."""
        if not self.total:
            return "no nodes available to schedule pods"
        if self.refused is not None:
            return f"0/{self.total} nodes are available: {', '.join(self.refused.reasons)}."
        return reasons.unavailable(self.total, self.rejected.values(), self.elsewhere)


def enough(nodes: int, percentage: int = 0) -> int:
    """How many possible nodes are looked for before the best of them is taken.

    Args:
        percentage: of the nodes, as a profile wants it; 0 leaves it to their number.
    """
    share = nodes * percentage // 100 if percentage else nodes // _SHARE
    return min(nodes, max(SCORED_AT_LEAST, share))


def decide(pod: PodInfo, cluster: ClusterState, profile: Profile, *, start: int, rng: random.Random) -> Decision:
    """Find the best node for a Pod.

    Args:
        start: the node to begin with, so that Pod after Pod all nodes get their turn.
    """
    total = len(cluster.nodes)
    filters = filtering.prepare(pod, cluster, profile)
    if isinstance(filters, Rejection):
        return Decision(None, 0, total, refused=filters)
    elsewhere = filters.only[1] if filters.only is not None else None
    nodes, start, hoped = _worth_looking(filters, start)
    if hoped is not None and filters.check(hoped) is None:
        return Decision(hoped.name, 0, total)
    possible, rejected, looked_at = _search(nodes, filters, start=start)
    if not possible:
        return Decision(None, looked_at if elsewhere is None else 0, total, rejected, elsewhere)
    best, scores = possible[0].name, None
    if len(possible) > 1:
        best, scores = _best(pod, cluster, profile, possible, rng=rng)
    return Decision(best, looked_at if elsewhere is None else 0, total, rejected, elsewhere, scores=scores)


def _worth_looking(filters: Filters, start: int) -> tuple[Sequence[NodeInfo], int, NodeInfo | None]:
    """The nodes to look at, with which to begin, and the one that the Pod was promised."""
    cluster, only = filters.cluster, filters.only
    promised = cluster.nominations.node_of(filters.pod.uid) if len(cluster.nominations) else None
    hoped = cluster.node(promised) if promised is not None else None
    if only is None:
        return cluster.nodes, start, hoped
    found = [node for name in sorted(only[0]) if (node := cluster.node(name)) is not None]
    return found, 0, hoped if hoped in found else None


def _search(
    nodes: Sequence[NodeInfo], filters: Filters, *, start: int
) -> tuple[list[NodeInfo], dict[str, Rejection], int]:
    wanted = enough(len(nodes), filters.profile.score_percentage)
    checks = filters.checks
    promises = len(filters.cluster.nominations)
    possible: list[NodeInfo] = []
    rejected: dict[str, Rejection] = {}
    looked_at = 0
    for index in range(len(nodes)):
        node = nodes[(start + index) % len(nodes)]
        looked_at += 1
        for check in checks:
            rejection = check(node)
            if rejection is not None:
                rejected[node.name] = rejection
                break
        else:
            if promises and (rejection := filters.beside_nominated(node)) is not None:
                rejected[node.name] = rejection
                continue
            possible.append(node)
            if len(possible) >= wanted:
                break
    return possible, rejected, looked_at


def _best(
    pod: PodInfo, cluster: ClusterState, profile: Profile, nodes: Sequence[NodeInfo], *, rng: random.Random
) -> tuple[str, Scores]:
    totals = [0.0] * len(nodes)
    by_plugin: list[tuple[str, float, Sequence[float]]] = []
    for plugin, weight in profile.scorers:
        scoring = plugin.pre_score(pod, cluster, nodes)
        if scoring is None:
            continue
        scores: Sequence[float] = list(map(scoring.score, nodes))
        if scoring.normalize is not None:
            scores = scoring.normalize(scores)
        by_plugin.append((plugin.name, weight, scores))
        totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
    most = max(totals)
    best = rng.choice([index for index, total in enumerate(totals) if total == most])
    parts = tuple((name, scores[best], weight) for name, weight, scores in by_plugin)
    second = max((index for index in range(len(nodes)) if index != best), key=totals.__getitem__)
    return nodes[best].name, Scores(parts, len(nodes), nodes[second].name, totals[second])
