"""Static pods: the manifests of a directory run on this node, and the API shows a mirror of each.

    directory changes ──▶ read all ──▶ new ones get workers, those that went are ended
                                  └──▶ mirrors are made, replaced and deleted to match

They need no API server: that is how a control plane comes up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Never

from hyperpy.api import errors, meta
from hyperpy.api.kinds import NODE, POD
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Client, DeleteOptions
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.kubelet import static_manifest
from hyperpy.components.kubelet.file_watch import FileWatch
from hyperpy.components.kubelet.pod_workers import MIRROR, PodWorkers
from hyperpy.components.kubelet.static_manifest import BadManifest

log = logging.getLogger(__name__)

Obj = dict[str, Any]

#: Changes within this time are taken together: editors write a file in several steps.
GATHER_S = 0.1


class StaticPods:
    """The static pods of a node.

    Args:
        directory: of the manifests; one that is missing is an empty one.
        end_others: ends what the runtime still has of an older pod of the same name.
    """

    def __init__(
        self,
        directory: Path,
        workers: PodWorkers,
        watch: FileWatch,
        clock: Clock,
        *,
        node_name: str,
        end_others: Callable[[Obj], None],
    ) -> None:
        self._directory = directory
        self._workers = workers
        self._watch = watch
        self._clock = clock
        self._node_name = node_name
        self._end_others = end_others
        self._told: dict[str, str] = {}
        self._changed = asyncio.Event()
        self.wanted: dict[str, Obj] = {}
        self.on_change: list[asyncio.Event] = []

    def look_again(self) -> None:
        """A pod has ended: one of the same name may be waiting for that."""
        self._changed.set()

    async def run(self) -> Never:
        """Follow the directory until cancelled."""
        while True:
            there = next(path for path in (self._directory, *self._directory.parents) if path.is_dir())
            with self._watch.watching(there, changed=self._changed):
                self.read()
                await self._changed.wait()
                await self._clock.sleep(GATHER_S)
                self._changed.clear()

    def read(self) -> None:
        """Read the directory and tell the workers."""
        fresh: dict[str, Obj] = {}
        for path in sorted(self._directory.iterdir()) if self._directory.is_dir() else ():
            pod = None if path.name.startswith(".") or not path.is_file() else self._read_file(path)
            if pod is not None:
                fresh[pod["metadata"]["uid"]] = self.wanted.get(pod["metadata"]["uid"]) or pod
        for uid in self.wanted.keys() - fresh.keys():
            self._workers.remove(uid)
        self.wanted = fresh
        for uid, pod in fresh.items():
            self._end_others(pod)
            if self._workers.get(uid) is None and not self._name_is_taken(pod):
                self._workers.put(pod)
        for event in self.on_change:
            event.set()

    def _read_file(self, path: Path) -> Obj | None:
        try:
            pod = static_manifest.read(
                path.read_bytes(), path=str(path), node_name=self._node_name, now=self._clock.now()
            )
        except (BadManifest, OSError) as error:
            if self._told.get(path.name) != str(error):
                self._told[path.name] = str(error)
                log.error("static pod manifest %s is left out: %s", path, error)
            return None
        self._told.pop(path.name, None)
        return pod

    def _name_is_taken(self, pod: Obj) -> bool:
        """A former version of the pod is still ending."""
        about = pod["metadata"]
        return self._workers.named(about["namespace"], about["name"]) is not None


class Mirrors:
    """Keeps the mirrors in the API in step with the static pods.

    Args:
        mirrors: all mirror Pods of this node in the API.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        static: StaticPods,
        *,
        mirrors: Callable[[], Sequence[Obj]],
        node_name: str,
    ) -> None:
        self._client = client
        self._static = static
        self._mirrors = mirrors
        self._node_name = node_name
        self._queue = WorkQueue("kubelet/mirrors", clock)
        self._changed = asyncio.Event()
        static.on_change.append(self._changed)

    def mirror_changed(self, mirror: Obj) -> None:
        """A mirror was made, changed or deleted by somebody."""
        self._queue.add(meta.key(mirror))

    async def run(self) -> Never:
        """Keep them until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="kubelet/mirrors/follow")
            group.create_task(self._queue.run(self._reconcile), name="kubelet/mirrors")
        raise AssertionError("the loops of the mirrors do not return")

    async def _follow(self) -> Never:
        while True:
            for pod in [*self._static.wanted.values(), *self._mirrors()]:
                self._queue.add(meta.key(pod))
            await self._changed.wait()
            self._changed.clear()

    async def _reconcile(self, key: str) -> None:
        pod = next((pod for pod in self._static.wanted.values() if meta.key(pod) == key), None)
        found = next((mirror for mirror in self._mirrors() if meta.key(mirror) == key), None)
        if found is not None and (pod is None or not static_manifest.is_mirror_of(found, pod)):
            about = found["metadata"]
            options = DeleteOptions(grace_s=0, uid=about["uid"])
            try:
                await self._client.delete(POD, about["name"], namespace=about["namespace"], options=options)
            except errors.NotFound:
                log.debug("mirror %s has gone", key)
        elif found is None and pod is not None:
            node = await self._client.get(NODE, self._node_name)
            try:
                await self._client.create(POD, static_manifest.mirror(pod, node))
            except errors.AlreadyExists:
                await self._check_name(pod)

    async def _check_name(self, pod: Obj) -> None:
        about = pod["metadata"]
        found = await self._client.get(POD, about["name"], namespace=about["namespace"])
        if MIRROR not in (found["metadata"].get("annotations") or {}):
            log.error("static pod %s is not shown in the API: another Pod has its name", meta.key(pod))
