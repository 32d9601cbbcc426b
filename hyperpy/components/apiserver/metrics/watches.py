"""Counts the events that watches send, and their sizes, by resource."""

from __future__ import annotations

from collections.abc import Sequence

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
        self._events.value += len(lines)
        for line in lines:
            self._sizes.observe(len(line))
