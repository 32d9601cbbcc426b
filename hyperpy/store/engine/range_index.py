"""Which watched ranges a key lies in: one bisection, however many there are.

Prefixes lie inside or beside each other, never across, so the keys fall into stretches that all lie in the same
prefixes; those of a stretch stand ready as one tuple. Ranges that are no prefix are looked at one by one: cut into
stretches too, a thousand that overlap would make a million entries.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Generic, TypeVar

from hyperpy.store.engine.keyspace import in_range
from hyperpy.store.protocol import prefix_end

T = TypeVar("T")


class RangeIndex(Generic[T]):
    """Values, each at one range of keys. Stretch n goes from `_starts[n]` to the next start."""

    def __init__(self) -> None:
        self._starts: list[bytes] = [b""]
        self._found: list[tuple[T, ...]] = [()]
        self._others: dict[tuple[bytes, bytes], T] = {}

    def at(self, name: bytes) -> tuple[T, ...]:
        """The values whose ranges hold a key."""
        found = self._found[bisect_right(self._starts, name) - 1]
        if self._others:
            found += tuple(value for (key, end), value in self._others.items() if in_range(name, key, end))
        return found

    def add(self, key: bytes, end: bytes, value: T) -> None:
        """Put a value at a range that has none."""
        if end != prefix_end(key):
            self._others[key, end] = value
            return
        for i in self._stretches(key, end):
            self._found[i] += (value,)

    def remove(self, key: bytes, end: bytes, value: T) -> None:
        """Take away a range and its value."""
        if self._others.pop((key, end), None) is not None:
            return
        stretches = self._stretches(key, end)
        for i in stretches:
            self._found[i] = tuple(other for other in self._found[i] if other is not value)
        for i in (stretches.stop, stretches.start):
            if 0 < i < len(self._starts) and self._found[i] == self._found[i - 1]:
                del self._starts[i], self._found[i]

    def _stretches(self, key: bytes, end: bytes) -> range:
        """The stretches that make up a prefix, cut at its ends."""
        first = self._cut(key)
        return range(first, len(self._starts) if end == b"\0" else self._cut(end))

    def _cut(self, at: bytes) -> int:
        """Where the stretch stands that begins at a key."""
        i = bisect_left(self._starts, at)
        if i == len(self._starts) or self._starts[i] != at:
            self._starts.insert(i, at)
            self._found.insert(i, self._found[i - 1])
        return i
