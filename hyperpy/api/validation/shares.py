"""Rules of amounts that are numbers or percentages: `maxUnavailable`, `minAvailable` and their like."""

from __future__ import annotations

from collections.abc import Iterator

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Share = int | str


def not_negative(path: str, value: Share) -> Iterator[Cause]:
    """A number of zero or more, or a percentage."""
    if isinstance(value, str):
        yield from rules.formed(path, value, formats.percent)
    elif value < 0:
        yield cause.invalid(path, value, rules.NEGATIVE)


def not_over_all(path: str, value: Share) -> Iterator[Cause]:
    """A percentage ends at a hundred."""
    if isinstance(value, str) and number(value) > 100:
        yield cause.invalid(path, value, "must not be greater than 100%")


def number(value: Share) -> int:
    """The integer, or the number of per cent; 0 where it is neither, as Kubernetes counts it."""
    if isinstance(value, int):
        return value
    return int(value[:-1]) if not formats.percent(value) else 0
