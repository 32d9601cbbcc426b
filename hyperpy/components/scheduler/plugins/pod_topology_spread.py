"""PodTopologySpread: Pods of one kind spread evenly over zones, nodes or whatever a label tells apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.components.scheduler import spread_constraints, topology
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Change, Event, NodeFilter, Rejection, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.spread_constraints import Constraint

_NO_DOMAIN = -1.0


class PodTopologySpread:
    name = "PodTopologySpread"
    _skewed = Rejection(name, ("node(s) didn't match pod topology spread constraints",))
    _unlabeled = Rejection(
        name, ("node(s) didn't match pod topology spread constraints (missing required label)",), preemptable=False
    )

    def __init__(self) -> None:
        self._known: tuple[ClusterState, tuple[Any, ...], list[_Domains]] | None = None

    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | None:
        constraints = spread_constraints.of_pod(pod, hard=True)
        if not constraints:
            return None
        domains = self._domains_of(constraints, pod, cluster)
        limits = [_limit(constraint, each, pod, cluster) for constraint, each in zip(constraints, domains, strict=True)]

        def check(node: NodeInfo) -> Rejection | None:
            for key, domains, most in limits:
                value = node.labels.get(key)
                if value is None:
                    return self._unlabeled
                if domains.get(value, 0) > most:
                    return self._skewed
            return None

        return check

    def _domains_of(self, constraints: Sequence[Constraint], pod: PodInfo, cluster: ClusterState) -> list[_Domains]:
        """The domains of each constraint: those of the last Pod again, as long as it is one of the same kind."""
        affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity")
        kind = (cluster.node_changes, constraints, pod.spec.get("nodeSelector"), affinity, pod.tolerations)
        known = self._known
        if known is None or known[0] is not cluster or known[1] != kind:
            found = [_domains(each, constraints, pod, cluster) for each in constraints]
            known = self._known = (cluster, kind, found)
        return known[2]

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        constraints = spread_constraints.of_pod(pod, hard=False)
        if not constraints:
            return None
        parts = []
        for each in constraints:
            domains = topology.by_domain(_counts(each, pod, cluster), each.key, cluster)
            size = len({node.labels[each.key] for node in nodes if each.key in node.labels})
            # With more domains, a Pod more in one of them weighs more. Source: kube-scheduler.
            parts.append((each.key, domains, math.log(size + 2), each.max_skew - 1))

        def crowd(node: NodeInfo) -> float:
            total = 0.0
            for key, domains, weight, allowance in parts:
                value = node.labels.get(key)
                if value is None:
                    return _NO_DOMAIN
                total += domains.get(value, 0) * weight + allowance
            return total

        return Scoring(crowd, _emptiest_first)

    def may_help(self, pod: PodInfo, event: Event) -> bool:
        constraints = spread_constraints.of_pod(pod, hard=True)
        if event.pod is not None:
            return event.pod.namespace == pod.namespace and any(
                each.selector.matches(other.labels)
                for other in (event.pod, event.before)
                if other is not None
                for each in constraints
            )
        node, old = event.node, event.old
        if node is None:
            return False
        if old is not None:
            return any(node.labels.get(each.key) != old.labels.get(each.key) for each in constraints)
        return event.change is Change.NODE_ADDED and all(each.key in node.labels for each in constraints)


@dataclass(frozen=True, slots=True)
class _Domains:
    """The nodes that make the domains of a constraint, with their domains; and every domain, with 0."""

    of_node: Mapping[str, str]
    empty: Mapping[str, int]


def _domains(
    constraint: Constraint, all_of_them: Sequence[Constraint], pod: PodInfo, cluster: ClusterState
) -> _Domains:
    of_node = {
        node.name: node.labels[constraint.key]
        for node in cluster.nodes
        if constraint.includes(node, pod) and all(each.key in node.labels for each in all_of_them)
    }
    return _Domains(of_node, dict.fromkeys(of_node.values(), 0))


def _limit(
    constraint: Constraint, known: _Domains, pod: PodInfo, cluster: ClusterState
) -> tuple[str, Mapping[str, int], int]:
    """The label, the matching Pods in each of its domains, and the most that a domain may hold for this Pod to fit."""
    domains = dict(known.empty)
    for name, count in _counts(constraint, pod, cluster).items():
        value = known.of_node.get(name)
        if value is not None:
            domains[value] += count
    least = min(domains.values(), default=0) if len(domains) >= constraint.min_domains else 0
    itself = 1 if constraint.selector.matches(pod.labels) else 0
    return constraint.key, domains, constraint.max_skew + least - itself


def _counts(constraint: Constraint, pod: PodInfo, cluster: ClusterState) -> Mapping[str, int]:
    """Matching Pods by node; those that are leaving do not count."""
    namespace, selector = pod.namespace, constraint.selector

    def matches(other: PodInfo) -> bool:
        return other.namespace == namespace and not other.leaving and selector.matches(other.labels)

    return cluster.matches.of(("spread", namespace, selector), matches, cluster.nodes)


def _emptiest_first(scores: Sequence[float]) -> Sequence[float]:
    counted = [score for score in scores if score != _NO_DOMAIN]
    most, least = max(counted, default=0.0), min(counted, default=0.0)
    if not most:
        return [0.0 if score == _NO_DOMAIN else MAX_SCORE for score in scores]
    return [0.0 if score == _NO_DOMAIN else MAX_SCORE * (most + least - score) / most for score in scores]
