"""Which terms of affinity the Pods in the cluster carry, how often on which node: few terms, however many Pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hyperpy.components.scheduler.affinity_terms import Term
from hyperpy.components.scheduler.pod_info import PodInfo


@dataclass(frozen=True, slots=True)
class Wish:
    """A term of a placed Pod: one it prefers, with its weight, or one it insists on.

    Args:
        weight: 0 when it is required.
        anti: Pods of the term are kept away; a preference says so by a negative weight.
    """

    term: Term
    weight: int = 0
    anti: bool = False

    @property
    def required_anti(self) -> bool:
        """Pods of the term must not come."""
        return self.anti

    @property
    def required(self) -> bool:
        """Pods of the term had to be there."""
        return not self.weight and not self.anti


class TermIndex:
    """The terms of placed Pods, by node."""

    def __init__(self) -> None:
        self._nodes: dict[Wish, dict[str, int]] = {}

    def __iter__(self) -> Iterator[tuple[Wish, Mapping[str, int]]]:
        return iter(self._nodes.items())

    def __len__(self) -> int:
        return len(self._nodes)

    def add(self, pod: PodInfo, node: str) -> None:
        """A Pod is on a node now."""
        for wish in _wishes(pod):
            nodes = self._nodes.setdefault(wish, {})
            nodes[node] = nodes.get(node, 0) + 1

    def remove(self, pod: PodInfo, node: str) -> None:
        """A Pod is not on a node any more."""
        for wish in _wishes(pod):
            nodes = self._nodes[wish]
            nodes[node] -= 1
            if not nodes[node]:
                del nodes[node]
            if not nodes:
                del self._nodes[wish]


def _wishes(pod: PodInfo) -> Iterator[Wish]:
    if "affinity" not in pod.spec:
        return
    for term in pod.required_anti_affinity:
        yield Wish(term, anti=True)
    for term in pod.required_affinity:
        yield Wish(term)
    for term, weight in pod.preferences:
        yield Wish(term, weight)
