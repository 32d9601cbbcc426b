"""Time limits of requests: `--request-timeout` for all, `?timeout=` for one. One timer serves every request.

Source: kube-apiserver's request deadline and timeout filters. Long-running requests have no limit.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from hyperpy.api import errors

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")

_Task = asyncio.Task[Any]


class Deadlines:
    """Cancels the tasks of requests whose time is over.

    Args:
        limit_s: what a request may take; 0: no limit.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        #: Task -> its deadline, in loop time. All have the same limit, so the first one is the next to end.
        self._running: dict[_Task, float] = {}
        self._expired: set[_Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self) -> _Task | None:
        """The current task begins to work on a request."""
        task = asyncio.current_task()
        if task is None or not self.limit_s:
            return None
        loop = task.get_loop()
        self._running[task] = deadline = loop.time() + self.limit_s
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._sweep, loop)
        return task

    def leave(self, task: _Task) -> bool:
        """It is done with it. Returns whether it was cancelled because its time was over."""
        self._running.pop(task, None)
        if task not in self._expired:
            return False
        self._expired.discard(task)
        task.uncancel()
        return True

    def aclose(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._timer = None
        for task, deadline in list(self._running.items()):
            if deadline > now:
                self._timer = loop.call_at(deadline, self._sweep, loop)
                return
            del self._running[task]
            self._expired.add(task)
            task.cancel()


def asked(query: Mapping[str, tuple[str, ...]], limit_s: float) -> float | None:
    """The shorter limit that a request asks for by `?timeout=`, or None.

    Raises:
        BadRequest: it is no duration.
    """
    text = query.get("timeout", ("",))[0]
    if not text:
        return None
    seconds = _duration(text)
    if seconds is None:
        raise errors.BadRequest(f'invalid timeout specified in the request URL - time: invalid duration "{text}"')
    return seconds if seconds > 0 and (not limit_s or seconds < limit_s) else None


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """A shorter limit for what is done inside. Raises Timeout when it is over."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise over() from None
        raise


def over() -> errors.Timeout:
    """The answer to a request that took too long."""
    return errors.Timeout("Timeout: request did not complete within the allotted timeout")


def _duration(text: str) -> float | None:
    """A duration as Go writes it, in seconds; None when it is none."""
    if text.lstrip("+-") == "0":
        return 0.0
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in "+-" else text
    parts = _PART.findall(rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        return None
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)
