"""Removes control groups, which may stay busy for a moment after their last process has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from hyperpy.runtime.embedded.shim import cgroups
from hyperpy.runtime.embedded.shim.loop import Loop

_RETRY_S = 0.05
_RETRIES = 60


class GroupRemover:
    """Args:
    idle: called whenever no removal is under way any more.
    """

    def __init__(self, loop: Loop, hierarchies: cgroups.Hierarchies, *, idle: Callable[[], None]) -> None:
        self._loop = loop
        self._hierarchies = hierarchies
        self._idle = idle
        self._busy = 0

    @property
    def busy(self) -> bool:
        """Whether a removal is under way."""
        return self._busy > 0

    def remove(self, groups: Sequence[str], *, shared: Sequence[str] = ()) -> None:
        """Remove groups, children first, again and again until they are gone (for three seconds at most).

        Args:
            shared: parents that others may use; tried once, when the others are gone.
        """
        self._busy += 1
        self._try(tuple(groups), tuple(shared), _RETRIES)

    def _try(self, groups: tuple[str, ...], shared: tuple[str, ...], left: int) -> None:
        rest = tuple(group for group in groups if not cgroups.remove(self._hierarchies, group))
        if rest and left:
            for group in rest:
                cgroups.kill(self._hierarchies, group)
            self._loop.call_later(_RETRY_S, partial(self._try, rest, shared, left - 1))
            return
        for group in shared:
            cgroups.remove(self._hierarchies, group)
        self._busy -= 1
        if not self._busy:
            self._idle()
