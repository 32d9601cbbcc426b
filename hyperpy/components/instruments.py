"""Counters, gauges and histograms that cost next to nothing to change; `exposition.py` writes them out when asked.

Everything happens on the event loop, so nothing is locked. A child (one set of label values) is looked up once and
kept by whoever counts with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


class Value:
    """The number of one counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, by: float = 1.0) -> None:
        """Add."""
        self.value += by

    def set(self, to: float) -> None:
        """Replace; for gauges."""
        self.value = to

    def snapshot(self) -> float:
        """The number now."""
        return self.value


class Distribution:
    """Observations of one histogram, counted by bucket."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def snapshot(self) -> Buckets:
        """What was observed up to now."""
        return Buckets(tuple(self.bounds), tuple(self.counts), self.sum)


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram's state: `counts` are per bucket, not summed up; the last one is everything above the bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


Child = TypeVar("Child", bound=Value | Distribution)


class Family(Generic[Child]):
    """One metric: its name, and a child for each set of label values that was met."""

    def __init__(self, name: str, text: str, kind: str, labels: Sequence[str], make: Callable[[], Child]) -> None:
        self.name = name
        self.text = text
        self.kind = kind
        self.labels = tuple(labels)
        self._make = make
        self._children: dict[tuple[str, ...], Child] = {}

    def child(self, *values: str) -> Child:
        """The child with these label values, in the order of `labels`; made when it is new."""
        found = self._children.get(values)
        if found is None:
            assert len(values) == len(self.labels), f"{self.name} has the labels {self.labels}"
            found = self._children[values] = self._make()
        return found

    def forget(self, *values: str) -> None:
        """Drop a child whose subject is gone."""
        self._children.pop(values, None)

    def clear(self) -> None:
        """Drop every child, before a gauge is filled anew."""
        self._children.clear()

    def snapshot(self) -> Snapshot:
        """The family as it is now."""
        samples = [(values, child.snapshot()) for values, child in self._children.items()]
        return Snapshot(self.name, self.text, self.kind, self.labels, samples)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A family at one moment. A sample is its label values and a number or `Buckets`."""

    name: str
    text: str
    kind: str
    labels: tuple[str, ...]
    samples: Sequence[tuple[tuple[str, ...], float | Buckets]]


class Instruments:
    """The metrics of one process, in the order in which they were made."""

    def __init__(self) -> None:
        self._families: dict[str, Family[Any]] = {}

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Family[Value]:
        """A number that only grows."""
        return self._add(Family(name, text, COUNTER, labels, Value))

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Family[Value]:
        """A number that is set."""
        return self._add(Family(name, text, GAUGE, labels, Value))

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), *, bounds: Sequence[float]
    ) -> Family[Distribution]:
        """A distribution over buckets; `bounds` are their upper ends, ascending."""
        limits = tuple(bounds)
        return self._add(Family(name, text, HISTOGRAM, labels, lambda: Distribution(limits)))

    def snapshot(self, names: Iterable[str] | None = None) -> list[Snapshot]:
        """Every family, or those named, as they are now; those without any child are left out."""
        chosen = self._families if names is None else [name for name in names if name in self._families]
        taken = [self._families[name].snapshot() for name in chosen]
        return [each for each in taken if each.samples]

    def _add(self, family: Family[Any]) -> Any:
        assert family.name not in self._families, f"{family.name} is there already"
        self._families[family.name] = family
        return family
