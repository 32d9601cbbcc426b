"""The router namespace of a cluster in one process: removed when everything in it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Never

from hyperpy.podnet.router import Router


class RouterLifetime:
    """Stands before the kubelet and the proxy, so that it ends after both.

    Args:
        netns: the router's name.
        addresses: the file of the pods' addresses; while it is there, pods of this node still live in the router.
    """

    name = "router"

    def __init__(self, netns: str, addresses: Path) -> None:
        self._router = Router(netns)
        self._addresses = addresses

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Wait for the end, then remove the router, unless pods were left running."""
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            if not self._addresses.exists():
                await asyncio.to_thread(self._router.remove)
        raise AssertionError("the event above is never set")
