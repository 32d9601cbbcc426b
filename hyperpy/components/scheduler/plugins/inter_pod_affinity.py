"""InterPodAffinity: Pods near Pods they belong to, and away from Pods they must not share a place with.

Three rules filter: the Pod's own required affinity, its own required anti-affinity, and the anti-affinity of Pods that
are there already. Wishes of either side score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from hyperpy.components.scheduler import topology
from hyperpy.components.scheduler.affinity_terms import Term
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Event, NodeFilter, Rejection, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

#: The values of one label of nodes.
Domains = tuple[str, AbstractSet[str]]


class InterPodAffinity:
    """Near some Pods and away from others.

    Args:
        hard_weight: how much a required affinity of a placed Pod counts when nodes are scored.
        ignore_preferred: wishes of placed Pods count only for Pods that have some themselves.
    """

    name = "InterPodAffinity"
    _alone = Rejection(name, ("node(s) didn't match pod affinity rules",), preemptable=False)
    _near = Rejection(name, ("node(s) didn't match pod anti-affinity rules",))
    _unwelcome = Rejection(name, ("node(s) didn't satisfy existing pods anti-affinity rules",))

    def __init__(self, *, hard_weight: int = 1, ignore_preferred: bool = False) -> None:
        self._hard_weight = hard_weight
        self._ignore_preferred = ignore_preferred

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        wanted = _wanted(pod, cluster)
        avoided = [_places((term,), term.topology_key, cluster) for term in pod.required_anti_affinity]
        forbidden = _forbidden(pod, cluster)
        if not wanted and not avoided and not forbidden:
            return None

        def check(node: NodeInfo) -> Rejection | None:
            for key, values in wanted:
                value = node.labels.get(key)
                if value is None or (values is not None and value not in values):
                    return self._alone
            if _is_in(node, avoided):
                return self._near
            return self._unwelcome if _is_in(node, forbidden) else None

        return check

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        if self._ignore_preferred and not pod.preferences:
            return None
        weights = _weights(pod, cluster, hard_weight=self._hard_weight)
        if not weights:
            return None

        def attraction(node: NodeInfo) -> float:
            return float(
                sum(domains.get(node.labels[key], 0) for key, domains in weights.items() if key in node.labels)
            )

        return Scoring(attraction, _stretched)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        if event.node is not None:
            return event.old is None or event.old.labels != event.node.labels
        if event.before is not None and event.pod is not None:
            return event.before.labels != event.pod.labels
        # A Pod that came may be the one to be near to; one that went may have been the one to keep away from.
        return event.pod is not None


def _wanted(pod: PodInfo, cluster: ClusterState) -> list[tuple[str, AbstractSet[str] | None]]:
    """Where the Pod's affinity lets it go: a label and its values; None stands for any value.

    Only Pods that match all terms count. The first Pod of a group that belongs to itself may go anywhere.
    """
    terms = pod.required_affinity
    if not terms:
        return []
    places = [_places(terms, term.topology_key, cluster) for term in terms]
    labels_of = cluster.namespace_labels(pod.namespace)
    first = not any(values for _, values in places)
    if first and all(term.matches(pod.labels, pod.namespace, labels_of) for term in terms):
        return [(key, None) for key, _ in places]
    return list(places)


def _places(terms: tuple[Term, ...], key: str, cluster: ClusterState) -> Domains:
    """The values of a label where there are Pods that match all of the terms."""
    return key, topology.by_domain(_counts(terms, cluster), key, cluster).keys()


def _counts(terms: tuple[Term, ...], cluster: ClusterState) -> Mapping[str, int]:
    def matches(other: PodInfo) -> bool:
        labels_of = cluster.namespace_labels(other.namespace)
        return all(term.matches(other.labels, other.namespace, labels_of) for term in terms)

    return cluster.matches.of(("terms", terms), matches, cluster.nodes)


def _forbidden(pod: PodInfo, cluster: ClusterState) -> list[Domains]:
    """Where Pods are that keep this one away."""
    if not len(cluster.terms):
        return []
    labels_of = cluster.namespace_labels(pod.namespace)
    return [
        (wish.term.topology_key, topology.by_domain(nodes, wish.term.topology_key, cluster).keys())
        for wish, nodes in cluster.terms
        if wish.required_anti and wish.term.matches(pod.labels, pod.namespace, labels_of)
    ]


def _is_in(node: NodeInfo, places: Sequence[Domains]) -> bool:
    return any(node.labels.get(key) in values for key, values in places)


def _weights(pod: PodInfo, cluster: ClusterState, *, hard_weight: int) -> dict[str, dict[str, int]]:
    """What each domain is worth: by label, then by its value."""
    weights: dict[str, dict[str, int]] = {}

    def give(term: Term, weight: int, nodes: Mapping[str, int]) -> None:
        domains = weights.setdefault(term.topology_key, {})
        for value, count in topology.by_domain(nodes, term.topology_key, cluster).items():
            domains[value] = domains.get(value, 0) + weight * count

    for term, weight in pod.preferences:
        give(term, weight, _counts((term,), cluster))
    if len(cluster.terms):
        labels_of = cluster.namespace_labels(pod.namespace)
        for wish, nodes in cluster.terms:
            weight = hard_weight if wish.required else wish.weight
            if weight and wish.term.matches(pod.labels, pod.namespace, labels_of):
                give(wish.term, weight, nodes)
    return {key: domains for key, domains in weights.items() if domains}


def _stretched(scores: Sequence[float]) -> Sequence[float]:
    """The least attractive node at 0, the most attractive at 100."""
    most, least = max(scores, default=0.0), min(scores, default=0.0)
    if most == least:
        return [0.0] * len(scores)
    return [MAX_SCORE * (score - least) / (most - least) for score in scores]
