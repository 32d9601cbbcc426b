"""Sums up why nodes were rejected, in the words that kubectl's users know. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from hyperpy.components.scheduler.framework import Rejection


def unavailable(total: int, rejected: Collection[Rejection], elsewhere: Rejection | None = None) -> str:
    """`0/3 nodes are available: …`, the reasons sorted as text with their counts, as kube-scheduler has them.

    Args:
        total: nodes there are.
        rejected: one a node.
        elsewhere: stands for every other node.
    """
    counts = Counter(reason for rejection in rejected for reason in rejection.reasons)
    if elsewhere is not None and total > len(rejected):
        for reason in elsewhere.reasons:
            counts[reason] += total - len(rejected)
    told = sorted(f"{count} {reason}" for reason, count in counts.items())
    return f"0/{total} nodes are available: {', '.join(told)}."
