"""Observations counted by bucket: how commits are told to whoever asks for figures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from hyperpy.store.protocol import Spread


class Tally:
    """Costs next to nothing to add to.

    Args:
        bounds: upper ends of the buckets, ascending.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def spread(self) -> Spread:
        """What was observed up to now."""
        return Spread(self._bounds, tuple(self._counts), self._total)
