"""The informers of a process as its first component: they outlive everything that reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Never

from hyperpy.client.informer import Informers


class InformersComponent:
    """Runs `Informers` until cancelled. Ready at once: each reader waits for the kinds it needs."""

    name = "informers"

    def __init__(self, informers: Informers) -> None:
        self._informers = informers

    async def run(self, *, ready: Callable[[], None]) -> Never:
        async with self._informers:
            ready()
            await asyncio.Event().wait()
        raise AssertionError("the event above is never set")
