"""When to compact: a pure rule over samples of (time, revision), and the timer that asks it while there is work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperpy.store.engine.clock import Clock, Timer
from hyperpy.store.engine.options import Options


@dataclass(frozen=True, slots=True)
class Sample:
    """At `time` the newest revision was `revision`."""

    time: float
    revision: int


def floor_due(samples: Sequence[Sample], *, now: float, revision: int, keep_s: float, keep_revisions: int) -> int:
    """The revision up to which history is both too old and too far back; 0 when there is none."""
    old = [sample.revision for sample in samples if sample.time <= now - keep_s]
    return max(0, min(max(old, default=0), revision - keep_revisions))


class CompactionTimer:
    """Calls `compact(revision)` every now and then while history grows; an idle store lets it sleep.

    Args:
        compact: starts a compaction and returns at once.
    """

    def __init__(self, clock: Clock, options: Options, compact: Callable[[int], None]) -> None:
        self._clock = clock
        self._options = options
        self._compact = compact
        self._samples: deque[Sample] = deque()
        self._timer: Timer | None = None
        self._revision = 0
        self._floor = 0

    def committed(self, revision: int, *, floor: int) -> None:
        """The store moved on; arms the timer when history is longer than what is always kept."""
        self._revision, self._floor = revision, floor
        if self._timer is None and self._options.compact_every_s > 0 and self._too_long():
            self._samples.append(Sample(self._clock.time(), revision))
            self._arm()

    def stop(self) -> None:
        """Disarm the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_long(self) -> bool:
        return self._revision - self._floor > self._options.keep_revisions

    def _arm(self) -> None:
        self._timer = self._clock.call_at(self._clock.time() + self._options.compact_every_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.time()
        due = floor_due(
            self._samples,
            now=now,
            revision=self._revision,
            keep_s=self._options.keep_s,
            keep_revisions=self._options.keep_revisions,
        )
        self._samples.append(Sample(now, self._revision))
        while len(self._samples) > 1 and self._samples[1].time <= now - self._options.keep_s:
            self._samples.popleft()
        if due > self._floor:
            self._floor = due
            self._compact(due)
        if self._too_long():
            self._arm()
