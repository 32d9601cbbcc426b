"""Who wants to know when which child ends. A child may end before the shim has learned its pid, so exits are kept."""

from __future__ import annotations

from collections.abc import Callable


class Reaper:
    """Passes exits on. Exits that nobody claims are forgotten when no start is under way."""

    def __init__(self) -> None:
        self._claims: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}
        self._starts = 0

    def start_begins(self) -> None:
        """From now on keep the exits of unknown children."""
        self._starts += 1

    def start_ends(self) -> None:
        """The start's process is claimed by now, if it ever lived."""
        self._starts -= 1
        if self._starts == 0:
            self._early.clear()

    def claim(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call once with the exit code (negative: a signal) when `pid` ends, or now if it has."""
        if pid in self._early:
            callback(self._early.pop(pid))
        else:
            self._claims[pid] = callback

    def child_ended(self, pid: int, code: int) -> None:
        """A child was reaped."""
        callback = self._claims.pop(pid, None)
        if callback is not None:
            callback(code)
        elif self._starts:
            self._early[pid] = code
