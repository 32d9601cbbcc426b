"""Counts the events that watches send, and their sizes, by resource."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.api.kinds import Kind
from hyperpy.components.instruments import Distribution, Instruments, Value

_SIZES = tuple(1024.0 * 2**power for power in range(8))
_LABELS = ("group", "version", "resource")


class WatchMetrics:
    """Counters of every kind that is watched."""

    def __init__(self, instruments: Instruments) -> None:
        self._events = instruments.counter(
            "apiserver_watch_events_total", "Number of events sent in watch clients", _LABELS
        )
        self._sizes = instruments.histogram(
            "apiserver_watch_events_sizes", "Watch event size distribution in bytes", _LABELS, bounds=_SIZES
        )

    def of(self, kind: Kind) -> Sent:
        """What one watch of a kind counts with."""
        labels = kind.group, kind.version, kind.plural
        return Sent(self._events.child(*labels), self._sizes.child(*labels))


class Sent:
    """Events sent on watches of one kind."""

    __slots__ = ("_events", "_sizes")

    def __init__(self, events: Value, sizes: Distribution) -> None:
        self._events = events
        self._sizes = sizes

    def lines(self, lines: Sequence[bytes]) -> None:
        """Count events about to be sent."""
        self.again(self.tally(lines))

    def tally(self, lines: Sequence[bytes]) -> Tally:
        """What `again` adds: worked out once for lines that many watches send."""
        bounds = self._sizes.bounds
        buckets = Counter(bisect_left(bounds, len(line)) for line in lines)
        return Tally(len(lines), sum(map(len, lines)), tuple(buckets.items()))

    def again(self, tally: Tally) -> None:
        """Count events about to be sent that were looked at before."""
        self._events.value += tally.events
        sizes = self._sizes
        sizes.sum += tally.size
        for bucket, count in tally.buckets:
            sizes.counts[bucket] += count


@dataclass(frozen=True, slots=True)
class Tally:
    """Events, their bytes, and how many of them fall into which bucket of sizes."""

    events: int
    size: int
    buckets: tuple[tuple[int, int], ...]
