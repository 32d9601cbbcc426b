"""Progress marks that can be believed, of an etcd that may send them ahead of the events they vouch for.

Before 3.4.25 and 3.5.8 etcd answers a request for progress with its newest revision at once, whatever events are still
on their way: those of a watch that catches up, which it looks after every 0.1 s, or those that wait beside the answer.
With such a member a mark counts when, some time later, a second one has come: what the first vouches for has arrived by
then, unless the member stood still for that time. Updating etcd is the cure; this keeps a bookmark from being wrong.
"""

from __future__ import annotations

SETTLE_S = 0.3
# The first patch release of a minor one that sends marks in order (etcd's changelogs).
_FIXED = {(3, 4): 25, (3, 5): 8}


def runs_ahead(version: str) -> bool:
    """May a member of this version send marks too early?"""
    numbers = [int(part) for part in version.split(".")[:3] if part.isdigit()]
    return len(numbers) == 3 and numbers[2] < _FIXED.get((numbers[0], numbers[1]), 0)


class Marks:
    """The marks of one stream.

    Args:
        settle_s: seconds until a second mark confirms the first; 0: each counts at once.
    """

    def __init__(self, settle_s: float) -> None:
        self.ask_at: float | None = None  # when to ask for the second
        self._settle_s = settle_s
        self._first: tuple[int, float] | None = None

    def told(self, revision: int, *, asked_for: bool, now: float) -> int | None:
        """A mark has come; returns the revision up to which everything has, None when that is not known yet.

        Args:
            asked_for: one that etcd sends by itself comes in the order of the events.
        """
        if not asked_for or not self._settle_s:
            return revision
        if self._first is None:
            self._first, self.ask_at = (revision, now + self._settle_s), now + self._settle_s
            return None
        first, settled = self._first
        if now < settled:
            return None
        self._first = self.ask_at = None
        return first

    def forget(self) -> None:
        """The stream has ended."""
        self._first = self.ask_at = None
