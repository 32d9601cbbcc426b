"""Durations as kubectl prints them."""

from __future__ import annotations

import pytest

from hyperpy.api import printers

_HOUR, _DAY = 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119.9, "119s"), (120, "2m"), (182, "3m2s"), (599, "9m59s"),
        (600, "10m"), (3 * _HOUR - 1, "179m"), (3 * _HOUR, "3h"), (3 * _HOUR + 60, "3h1m"), (8 * _HOUR, "8h"),
        (47 * _HOUR, "47h"), (48 * _HOUR, "2d"), (50 * _HOUR, "2d2h"), (8 * _DAY, "8d"), (729 * _DAY, "729d"),
        (730 * _DAY, "2y"), (740 * _DAY, "2y10d"), (3000 * _DAY, "8y"),
    ],
)  # fmt: skip
def test_a_duration_has_the_units_that_matter(seconds: float, text: str) -> None:
    assert printers.duration(seconds) == text


def test_an_age_is_counted_from_a_time() -> None:
    assert printers.age("2024-01-01T00:00:00Z", now=1704067200 + 90) == "90s"
    assert printers.age(None, now=0) == "<unknown>"
    assert printers.age("yesterday", now=0) == "<invalid>"
