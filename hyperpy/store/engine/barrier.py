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
        self._waiting: list[asyncio.Future[int]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def passed(self) -> None:
        """Returns when the replica has all that was acknowledged before this call. Raises Unavailable."""
        if self._closed:
            raise Unavailable("the store was closed")
        known: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(known)
        if self._task is None:
            self._task = asyncio.create_task(self._ask(), name="store/barrier")
        await self._reach(await known)

    async def aclose(self) -> None:
        """Let those that wait go, with Unavailable."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self) -> None:
        asked: list[asyncio.Future[int]] = []
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                try:
                    position = await self._newest()
                except Unavailable as error:
                    _fail(asked, str(error))
                    continue
                for known in asked:
                    if not known.done():  # its reader was cancelled
                        known.set_result(position)
        finally:
            self._task = None
            _fail([*asked, *self._waiting], "the store was closed")
            self._waiting = []


def _fail(asked: list[asyncio.Future[int]], reason: str) -> None:
    for known in asked:
        if not known.done():
            known.set_exception(Unavailable(reason))
