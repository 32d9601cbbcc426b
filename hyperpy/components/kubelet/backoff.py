"""Restart and pull back-off: none at first, then 10 s doubling to 5 min, forgotten after 10 quiet minutes. Pure.

Source: "Pod Lifecycle", container restart policy, and "Images", ImagePullBackOff.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S = 10.0
MAX_S = 300.0
FORGET_S = 2 * MAX_S


@dataclass(frozen=True, slots=True)
class Backoff:
    """`delay_s` counts from the last failure; `since` is when it last grew."""

    delay_s: float
    since: float


def grown(entry: Backoff | None, *, now: float) -> Backoff:
    """The entry after one more try at `now`."""
    if entry is None or now - entry.since > FORGET_S:
        return Backoff(FIRST_S, now)
    return Backoff(min(entry.delay_s * 2, MAX_S), now)


def until(entry: Backoff | None, *, failed_at: float) -> float:
    """The earliest time of the next try after a failure at `failed_at`."""
    if entry is None or failed_at - entry.since > FORGET_S:
        return failed_at
    return failed_at + entry.delay_s


def text(seconds: float) -> str:
    """A delay as Go writes durations: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
