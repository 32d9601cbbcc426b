"""How far a follower has come: writers wait for it, so that what they wrote can be used when they are answered."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger(__name__)

#: How long an answer waits at most.
CATCH_UP_S = 2.0


class Progress:
    """The newest revision that was followed. Nobody waits while there is no follower."""

    def __init__(self) -> None:
        self._revision: int | None = None
        self._moved = asyncio.Event()

    def move(self, revision: int | None) -> None:
        """The follower has come to a revision; None: it has stopped."""
        if revision is None or self._revision is None or revision > self._revision:
            self._revision = revision
            self._moved.set()
            self._moved = asyncio.Event()

    async def reach(self, revision: int) -> None:
        """Wait until the change of that revision is followed, for a while at most."""
        try:
            async with asyncio.timeout(CATCH_UP_S):
                while self._revision is not None and self._revision < revision:
                    await self._moved.wait()
        except TimeoutError:
            log.warning("a CustomResourceDefinition was written, and is not followed yet")
