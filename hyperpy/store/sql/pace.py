"""How much of a long job to do at a time, so that what waits beside it never waits long."""

from __future__ import annotations


class Pace:
    """Learns from the steps done how much fits into the time aimed at.

    Args:
        amount: of the first step, in whatever the job counts.
        least: no step is smaller, however slow the disk is.
        most: nor larger, however fast.
        aim_s: how long a step should take.
    """

    def __init__(self, *, amount: int, least: int, most: int, aim_s: float) -> None:
        self.amount = amount
        self._least = least
        self._most = most
        self._aim_s = aim_s

    def took(self, seconds: float) -> None:
        """A step of `amount` took this long; one slow sync halves the next step, no more."""
        factor = min(2.0, max(0.5, self._aim_s / max(seconds, 1e-6)))
        self.amount = min(self._most, max(self._least, int(self.amount * factor)))
