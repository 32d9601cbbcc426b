"""Before a read of the newest state: the replica has everything that was acknowledged before the read began.

read ─▶ waits for a question that starts after it ─position of the last record─▶ replica is there ─▶ read goes on

All reads that wait share one question; one is under way at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hyperpy.store.protocol import Unavailable


class Barrier:
    """Owns a task while a question is under way.

    Args:
        newest: asks for the position of the last record. Raises Unavailable.
        reach: waits until the replica shows a position. Raises Unavailable.
    """

    def __init__(self, newest: Callable[[], Awaitable[int]], reach: Callable[[int], Awaitable[None]]) -> None:
        self._newest = newest
        self._reach = reach
        self._next: asyncio.Future[int] | None = None
        self._task: asyncio.Task[None] | None = None

    async def passed(self) -> None:
        """Returns when the replica has all that was acknowledged before this call. Raises Unavailable."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._ask(), name="store/barrier")
        try:
            position = await asyncio.shield(self._next)
        except Unavailable as error:
            raise Unavailable(str(error)) from error  # one of its own for each read
        await self._reach(position)

    async def aclose(self) -> None:
        """Let those that wait go, with Unavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._next is not None:
            _fail(self._next, Unavailable("the store was closed"))

    async def _ask(self) -> None:
        try:
            while self._next is not None:
                asked, self._next = self._next, None
                try:
                    asked.set_result(await self._newest())
                except Unavailable as error:
                    _fail(asked, error)
                finally:
                    if not asked.done():
                        _fail(asked, Unavailable("the store was closed"))
        finally:
            self._task = None


def _fail(asked: asyncio.Future[int], error: Unavailable) -> None:
    asked.set_exception(error)
    asked.exception()  # all readers may have been cancelled
