"""Schedules of CronJobs: five fields (minute, hour, day, month, weekday) or a name such as `@daily`. Pure.

Source: Concepts, "CronJob", "Schedule syntax"; message texts are those of the parser that Kubernetes uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_EVERY = "@every "
_DURATION = re.compile(r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|0")
_PART_OF_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


@dataclass(frozen=True, slots=True)
class _Field:
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


_FIELDS = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))


#: How far ahead a time is looked for: 29 February comes at least every eight years.
_HORIZON = timedelta(days=9 * 366)


class Schedule(Protocol):
    """When something happens."""

    def next_after(self, moment: float, zone: tzinfo) -> float | None:
        """The first time after `moment`, both in seconds since the epoch; None: never again."""


def check(schedule: str) -> None:
    """Refuse what is no schedule.

    Raises:
        ValueError: in the API server's words.
    """
    parse(schedule)


def parse(schedule: str) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: in the API server's words.
    """
    if not schedule:
        raise ValueError("empty spec string")
    if schedule.startswith("@") and schedule not in _NAMED:
        return _every(schedule)
    parts = _NAMED.get(schedule, schedule).split()
    if len(parts) != len(_FIELDS):
        listed = " ".join(parts)
        raise ValueError(f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: [{listed}]")
    minutes, hours, days, months, weekdays = (
        frozenset(_numbers(part, bounds)) for part, bounds in zip(parts, _FIELDS, strict=True)
    )
    either = not any(_is_open(part) for part in (parts[2], parts[4]))
    return _Fields(minutes, hours, days, months, weekdays, either)


@dataclass(frozen=True, slots=True)
class _Every:
    """At the same interval for ever, counted from the time before."""

    interval_s: float

    def next_after(self, moment: float, zone: tzinfo) -> float | None:
        return float(int(moment)) + self.interval_s


@dataclass(frozen=True, slots=True)
class _Fields:
    """At the minutes whose five numbers are named. `either`: day or weekday, when both are restricted."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def next_after(self, moment: float, zone: tzinfo) -> float | None:
        """Walks real time, so that an hour that daylight saving leaves out is left out, and one that comes twice counts
        twice."""
        at = float((int(moment) // 60 + 1) * 60)
        last = at + _HORIZON.total_seconds()
        while at <= last:
            here = datetime.fromtimestamp(at, zone)
            if here.month not in self.months:
                first = here.replace(day=1, hour=0, minute=0) + timedelta(days=32)
                at = max(at + 60, first.replace(day=1, fold=0).timestamp())
            elif not self._is_day(here):
                midnight = here.replace(hour=0, minute=0, fold=0) + timedelta(days=1)
                at = max(at + 60, midnight.timestamp())
            elif here.hour not in self.hours:
                at += 3600 - here.minute * 60
            elif here.minute not in self.minutes:
                at += 60
            else:
                return at
        return None

    def _is_day(self, here: datetime) -> bool:
        day, weekday = here.day in self.days, here.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either else day and weekday


def _every(schedule: str) -> _Every:
    if not schedule.startswith(_EVERY):
        raise ValueError(f"unrecognized descriptor: {schedule}")
    span = schedule.removeprefix(_EVERY)
    if not _DURATION.fullmatch(span):
        raise ValueError(f'failed to parse duration {schedule}: time: invalid duration "{span}"')
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _PART_OF_DURATION.findall(span))
    # Whole seconds, one at least, also for an interval that runs backwards: the parser's own rule.
    return _Every(max(1.0, float(int(seconds))) if not span.startswith("-") else 1.0)


def _is_open(part: str) -> bool:
    """Whether a field has a `*` or `?` in it (and no step): then it leaves the choice of the day to the other one."""
    spans = [expression.split("/") for expression in part.split(",")]
    return any(span.split("-")[0] in ("*", "?") and (not step or int(step[0]) == 1) for span, *step in spans)


def _numbers(part: str, bounds: _Field) -> Iterator[int]:
    for expression in filter(None, part.split(",")):
        yield from _range(expression, bounds)


def _range(expression: str, bounds: _Field) -> range:
    """One of the ranges between commas: `*`, `5`, `1-5`, `*/2`, `1-9/3`."""
    span, *steps = expression.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        low = _number(ends[0], bounds.names)
        if len(ends) > 2:
            raise ValueError(f"too many hyphens: {expression}")
        high = _number(ends[1], bounds.names) if len(ends) == 2 else low
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {expression}")
    if steps:
        step = _number(steps[0], {})
        if len(ends) == 1:
            high = bounds.high
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {expression}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {expression}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {expression}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {expression}")
    return range(low, high + 1, step)


def _number(text: str, names: Mapping[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
