"""Keeps pods within their limits on the node's disk: emptyDir.sizeLimit, and ephemeral-storage of containers.

What counts for ephemeral-storage are emptyDirs on disk and logs; a container's own writable layer is the runtime's and
is not seen here. Nothing runs while no Pod has such a limit. Source: "Local ephemeral storage".
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

from hyperpy.api import quantity
from hyperpy.api.kinds import POD
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.components.kubelet.memory import Failure
from hyperpy.components.kubelet.pod_worker import PodWorker

Obj = dict[str, Any]

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """Directories that may hold so many bytes together, and what is said when they hold more."""

    paths: tuple[Path, ...]
    max_bytes: int
    message: str


class LocalStorage:
    """Looks at the pods that have limits, once a minute.

    Args:
        volumes_dir, log_dir: of a Pod.
    """

    def __init__(
        self,
        workers: Iterable[PodWorker],
        events: EventRecorder,
        clock: Clock,
        *,
        volumes_dir: Callable[[Obj], Path],
        log_dir: Callable[[Obj], Path],
    ) -> None:
        self._workers = workers
        self._events = events
        self._clock = clock
        self._volumes_dir = volumes_dir
        self._log_dir = log_dir
        self._wanted = asyncio.Event()

    def heard_of(self, pod: Obj) -> None:
        """A Pod came or changed; looking begins with the first that has a limit."""
        if self._limits(pod):
            self._wanted.set()

    async def run(self) -> Never:
        """Look until cancelled."""
        while True:
            await self._wanted.wait()
            await self._clock.sleep(EVERY_S)
            self._wanted.clear()
            for worker in list(self._workers):
                limits = self._limits(worker.pod)
                if limits:
                    self._wanted.set()
                    await self._check(worker, limits)

    async def _check(self, worker: PodWorker, limits: list[Limit]) -> None:
        for limit in limits:
            if await asyncio.to_thread(used_bytes, *limit.paths) > limit.max_bytes:
                self._events.event(worker.pod, POD, "Warning", "Evicted", limit.message)
                worker.fail(Failure("Evicted", limit.message))
                return

    def _limits(self, pod: Obj) -> list[Limit]:
        return limits(pod, volumes_dir=self._volumes_dir(pod), log_dir=self._log_dir(pod))


def limits(pod: Obj, *, volumes_dir: Path, log_dir: Path) -> list[Limit]:
    """The disk limits of a Pod. Pure."""
    found: list[Limit] = []
    on_disk: list[Path] = []
    for volume in pod["spec"].get("volumes") or ():
        source = volume.get("emptyDir")
        if source is None or source.get("medium") == "Memory":
            continue
        path = volumes_dir / "kubernetes.io~empty-dir" / volume["name"]
        on_disk.append(path)
        if source.get("sizeLimit"):
            name, size = volume["name"], source["sizeLimit"]
            text = f'Usage of EmptyDir volume "{name}" exceeds the limit "{size}". '
            found.append(Limit((path,), quantity.to_int(size), text))
    sizes: list[int] = []
    containers = pod["spec"].get("containers") or ()
    for container in containers:
        size = ((container.get("resources") or {}).get("limits") or {}).get("ephemeral-storage")
        if size is not None:
            sizes.append(quantity.to_int(size))
            text = f'Container {container["name"]} exceeded its local ephemeral storage limit "{size}". '
            found.append(Limit((log_dir / container["name"],), sizes[-1], text))
    if sizes and len(sizes) == len(containers):
        total = quantity.from_int(sum(sizes), binary=True)
        text = f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
        found.append(Limit((*on_disk, log_dir), sum(sizes), text))
    return found


def used_bytes(*roots: Path) -> int:
    """What trees take on disk together; what vanishes meanwhile counts nothing."""
    total = 0
    for directory, _, names in (entry for root in roots for entry in os.walk(root)):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
            except OSError:
                continue
    return total
