"""How many Pods of each node match a question that plugins keep asking, counted once and then Pod by Pod.

A question is asked by its key (equal questions share their counts); `REMEMBERED` of them are kept, the least recently
asked goes first. So a decision that depends on other Pods costs the same however many there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping

from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

REMEMBERED = 256

Matches = Callable[[PodInfo], bool]


class MatchCounts:
    """Counts by node name; a node without a matching Pod is absent."""

    def __init__(self) -> None:
        self._questions: OrderedDict[Hashable, tuple[Matches, dict[str, int]]] = OrderedDict()

    def of(self, key: Hashable, matches: Matches, nodes: Iterable[NodeInfo]) -> Mapping[str, int]:
        """The counts for a question.

        Args:
            key: names the question.
            matches: whether a Pod counts.
            nodes: all of them, for a question that is new.
        """
        known = self._questions.get(key)
        if known is None:
            counts = {node.name: n for node in nodes if (n := sum(map(matches, node.pods.values())))}
            known = self._questions[key] = (matches, counts)
            while len(self._questions) > REMEMBERED:
                self._questions.popitem(last=False)
        else:
            self._questions.move_to_end(key)
        return known[1]

    def add(self, pod: PodInfo, node: str) -> None:
        """A Pod is on a node now."""
        for matches, counts in self._questions.values():
            if matches(pod):
                counts[node] = counts.get(node, 0) + 1

    def remove(self, pod: PodInfo, node: str) -> None:
        """A Pod is not on a node any more; it is given as it was when it was added."""
        for matches, counts in self._questions.values():
            if matches(pod):
                counts[node] -= 1
                if not counts[node]:
                    del counts[node]

    def forget(self) -> None:
        """Drop every count: what the questions rest on has changed."""
        self._questions.clear()
