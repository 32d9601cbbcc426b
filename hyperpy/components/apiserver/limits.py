"""Max-in-flight: how many requests are worked on at once; the rest are told to come back.

Source: kube-apiserver's `--max-requests-inflight` and `--max-mutating-requests-inflight`. Long-running requests
(watches and streams) and members of system:masters are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hyperpy.api import errors

RETRY_AFTER_S = 1
_READING = frozenset(("get", "list", "head", "options"))


class InFlight:
    """Counts requests. A limit of 0 means none."""

    def __init__(self, *, reading: int, mutating: int) -> None:
        self._limits = {False: reading, True: mutating}
        self._now = {False: 0, True: 0}

    @property
    def now(self) -> tuple[int, int]:
        """How many requests are worked on: reading, mutating."""
        return self._now[False], self._now[True]

    @contextmanager
    def one(self, verb: str) -> Iterator[None]:
        """Holds a place while a request of this verb is worked on. Raises TooManyRequests when there is none."""
        mutating = verb not in _READING
        limit = self._limits[mutating]
        if limit and self._now[mutating] >= limit:
            raise errors.TooManyRequests("Too many requests, please try again later.", retry_after_s=RETRY_AFTER_S)
        self._now[mutating] += 1
        try:
            yield
        finally:
            self._now[mutating] -= 1
