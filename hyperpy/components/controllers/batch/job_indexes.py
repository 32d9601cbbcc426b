"""Sets of completion indexes, and their text in a Job's status such as `0,2-4`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hyperpy.api.validation import job_policies


def parse(text: str, completions: int) -> set[int]:
    """The indexes of a text; those of a Job that has shrunk meanwhile are left out, and what cannot be read is none."""
    try:
        found = job_policies.intervals(text, 1 << 31)
    except ValueError:
        return set()
    return {number for first, last in found for number in range(first, min(last, completions - 1) + 1)}


def text(indexes: Iterable[int]) -> str:
    """The shortest text; two neighbours are written as `1,2`, more as `1-3`."""
    parts = []
    for first, last in _runs(sorted(indexes)):
        if last == first:
            parts.append(str(first))
        else:
            parts.append(f"{first},{last}" if last == first + 1 else f"{first}-{last}")
    return ",".join(parts)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
