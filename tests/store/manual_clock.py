"""A clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable


class _Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """See `hyperpy.store.clock.Clock`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[_Timer] = []

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[[], None], /) -> _Timer:
        timer = _Timer(when, callback)
        self._timers.append(timer)
        return timer

    @property
    def armed(self) -> int:
        """How many timers wait."""
        return sum(not timer.cancelled for timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass and call what falls due, in order."""
        end = self._now + seconds
        while due := [timer for timer in self._timers if not timer.cancelled and timer.when <= end]:
            first = min(due, key=lambda timer: timer.when)
            self._timers.remove(first)
            self._now = max(self._now, first.when)
            first.callback()
        self._now = end

    def leap(self, seconds: float) -> None:
        """Be later all at once, as when the machine slept: each timer that fell due is called once, late."""
        self._now += seconds
        due = [timer for timer in self._timers if not timer.cancelled and timer.when <= self._now]
        for timer in sorted(due, key=lambda timer: timer.when):
            self._timers.remove(timer)
            if not timer.cancelled:
                timer.callback()
