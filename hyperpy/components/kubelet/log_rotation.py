"""Rotates the logs of running containers, for runtimes that leave that to the kubelet: 10 MiB a file, 5 files.

Source: "Logging Architecture", log rotation. The sizes are looked at every now and then while containers run.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Never

from hyperpy.client.clock import Clock
from hyperpy.runtime import log_files
from hyperpy.runtime.protocol import Container, ReopensLogs, RuntimeFailure

log = logging.getLogger(__name__)

EVERY_S = 20.0


class LogRotation:
    """Rotates logs.

    Args:
        running: the containers that run now.
    """

    def __init__(self, runtime: ReopensLogs, clock: Clock, *, running: Callable[[], Iterable[Container]]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._running = running

    async def run(self) -> Never:
        """Look and rotate until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            for container in list(self._running()):
                await self.look(container)

    async def look(self, container: Container) -> None:
        """Rotate one container's log if it is full."""
        if not container.log_path or _size(container.log_path) <= log_files.MAX_BYTES:
            return
        path = Path(container.log_path)
        try:
            aside = await asyncio.to_thread(log_files.put_aside, path)
        except OSError as error:
            log.warning("the log of container %s cannot be rotated: %s", container.name, error)
            return
        try:
            await self._runtime.reopen_log(container.id)
        except RuntimeFailure as error:
            log.warning("the log of container %s cannot be rotated: %s", container.name, error)
            os.rename(aside, path)
            return
        await asyncio.to_thread(log_files.prune, path)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
