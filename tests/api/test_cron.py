"""Schedules of CronJobs."""

from __future__ import annotations

import zoneinfo
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import cron


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "*/5 0-23/2 1,15 jan-MAR mon", "? ? ? ? ?", "5/15 * * * 0", "@daily", "@every 1h30m", " 0  0 * * * "],
)
def test_a_schedule_is_taken(schedule: str) -> None:
    cron.check(schedule)


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/1/2 * * * *", "too many slashes: */1/2"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
    ],
)
def test_what_is_no_schedule_is_refused_in_the_known_words(schedule: str, problem: str) -> None:
    with pytest.raises(ValueError) as refusal:
        cron.check(schedule)
    assert str(refusal.value) == problem


def times(schedule: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The next times, as they are in the zone."""
    here = zoneinfo.ZoneInfo(zone)
    moment = datetime.fromisoformat(after).replace(tzinfo=here).timestamp()
    found = []
    for _ in range(count):
        following = cron.parse(schedule).next_after(moment, here)
        if following is None:
            break
        moment = following
        found.append(datetime.fromtimestamp(moment, here).strftime("%m-%d %H:%M%z"))
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param("*/20 * * * *", "2026-01-01 00:00:01", ["01-01 00:20", "01-01 00:40", "01-01 01:00"], id="steps"),
        pytest.param("0 9 * * mon-fri", "2026-01-02 10:00", ["01-05 09:00", "01-06 09:00", "01-07 09:00"], id="week"),
        pytest.param("0 0 13 * fri", "2026-01-01 00:00", ["01-02 00:00", "01-09 00:00", "01-13 00:00"], id="either"),
        pytest.param("0 0 13 * */1", "2026-01-01 00:00", ["01-13 00:00", "02-13 00:00", "03-13 00:00"], id="both"),
        pytest.param("0 0 13 * */6", "2026-01-01 00:00", ["01-03 00:00", "01-04 00:00", "01-10 00:00"], id="step"),
        pytest.param("0 0 31 * *", "2026-01-31 12:00", ["03-31 00:00", "05-31 00:00", "07-31 00:00"], id="long"),
        pytest.param("@monthly", "2026-11-30 23:59:59", ["12-01 00:00", "01-01 00:00", "02-01 00:00"], id="name"),
        pytest.param("@every 90m", "2026-01-01 00:00:30", ["01-01 01:30", "01-01 03:00", "01-01 04:30"], id="interval"),
    ],
)
def test_the_next_times(schedule: str, after: str, expected: list[str]) -> None:
    assert times(schedule, "UTC", after) == [f"{each}+0000" for each in expected]


def test_a_day_that_never_comes_is_not_waited_for() -> None:
    assert times("0 0 30 2 *", "UTC", "2026-01-01 00:00") == []
    assert times("0 0 29 2 *", "UTC", "2026-01-01 00:00", count=1) == ["02-29 00:00+0000"]


def test_an_hour_that_daylight_saving_leaves_out_is_left_out_and_one_that_comes_twice_counts_twice() -> None:
    spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", count=2)
    assert spring == ["03-30 02:30+0200", "03-31 02:30+0200"]
    autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", count=3)
    assert autumn == ["10-25 02:30+0200", "10-25 02:30+0100", "10-26 02:30+0100"]


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    after=st.integers(1_700_000_000, 1_900_000_000),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_the_next_time_is_the_first_that_matches(minute: int, hour: int, after: int, zone: str) -> None:
    here = zoneinfo.ZoneInfo(zone)
    found = cron.parse(f"{minute} {hour} * * *").next_after(after, here)
    assert found is not None and found > after
    matching = [at for at in range((after // 60 + 1) * 60, int(found) + 1, 60) if _matches(at, here, minute, hour)]
    assert matching == [found]


def _matches(at: int, zone: zoneinfo.ZoneInfo, minute: int, hour: int) -> bool:
    here = datetime.fromtimestamp(at, zone)
    return (here.hour, here.minute) == (hour, minute)
