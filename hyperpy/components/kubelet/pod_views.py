"""The runtime's pods as one cache of `PodView`s, kept in step by the runtime's events.

    event(s) ──▶ one look at everything ──▶ compare pod by pod ──▶ tell the workers of those that changed

Events only say "look again", so any number of them costs one look, and a lost one costs nothing for longer than the
safety look, which happens every few minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Never

from hyperpy.components.kubelet import pod_view
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Runtime, RuntimeFailure, Sandbox

log = logging.getLogger(__name__)

SAFETY_LOOK_S = 300.0
RETRY_S = 2.0

_EMPTY = PodView()


class PodViews:
    """What the runtime has, pod by pod.

    Args:
        addresses: sandbox id to address, as the pod network gave them.
        changed: called with the uid of each pod that looks different than before.
        health_changed: called when the runtime stops answering or answers again.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        addresses: Callable[[], Mapping[str, str]],
        changed: Callable[[str], None],
        health_changed: Callable[[], None],
    ) -> None:
        #: Why the runtime does not answer; `""`: it does.
        self.trouble = ""
        self._runtime = runtime
        self._addresses = addresses
        self._changed = changed
        self._health_changed = health_changed
        self._views: dict[str, PodView] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    def of(self, uid: str) -> PodView:
        """The pod as last seen; an empty view when the runtime has nothing of it."""
        return self._views.get(uid, _EMPTY)

    def uids(self) -> set[str]:
        """All pods that the runtime has something of."""
        return set(self._views)

    def running(self) -> list[Container]:
        """All containers that run."""
        return [container for view in self._views.values() for container in view.running]

    @contextmanager
    def watching(self, uid: str, changed: asyncio.Event) -> Iterator[None]:
        """Set `changed` whenever the pod looks different."""
        watchers = self._watchers.setdefault(uid, set())
        watchers.add(changed)
        try:
            yield
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop(uid, None)

    async def refresh(self) -> None:
        """Look at everything, by a look that begins after this call; callers at the same time share one.

        Raises:
            RuntimeFailure: the runtime does not answer.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._look_after(self._looking), name="kubelet/look")
        await asyncio.shield(self._next)

    async def run(self) -> Never:
        """Follow the runtime's events until cancelled."""
        while True:
            try:
                await self._follow()
            except RuntimeFailure as error:
                if str(error) != self.trouble:
                    log.warning("the container runtime does not answer: %s", error)
                self._set_trouble(str(error))
                await asyncio.sleep(RETRY_S)

    async def aclose(self) -> None:
        """End a look that is under way."""
        tasks = [task for task in (self._looking, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        """Look once, and again after events, until the stream of events breaks."""
        dirty = asyncio.Event()
        reader = asyncio.create_task(self._read_events(dirty), name="kubelet/runtime-events")
        try:
            await asyncio.sleep(0)
            while not reader.done():
                dirty.clear()
                await self.refresh()
                self._set_trouble("")
                waiter = asyncio.ensure_future(dirty.wait())
                try:
                    await asyncio.wait({waiter, reader}, timeout=SAFETY_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiter.cancel()
            reader.result()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_events(self, dirty: asyncio.Event) -> None:
        async for _ in self._runtime.events():
            dirty.set()

    def _set_trouble(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._health_changed()

    async def _look_after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._looking, self._next = self._next, None
        try:
            sandboxes, containers = await asyncio.gather(self._runtime.sandboxes(), self._runtime.containers())
        finally:
            self._looking = None
        self._take(sandboxes, containers)

    def _take(self, sandboxes: Sequence[Sandbox], containers: Sequence[Container]) -> None:
        addresses = self._addresses()
        owner = {sandbox.id: sandbox.uid for sandbox in sandboxes}
        boxes: defaultdict[str, list[Sandbox]] = defaultdict(list)
        inside: defaultdict[str, list[Container]] = defaultdict(list)
        for sandbox in sandboxes:
            boxes[sandbox.uid].append(sandbox)
        for container in containers:
            inside[owner.get(container.sandbox_id) or container.labels.get(spec.POD_UID, "")].append(container)
        fresh = {uid: _view(boxes[uid], inside[uid], addresses) for uid in {*boxes, *inside}}
        changed = [uid for uid in {*fresh, *self._views} if fresh.get(uid) != self._views.get(uid)]
        self._views = fresh
        for uid in changed:
            self._changed(uid)
            for watcher in self._watchers.get(uid, ()):
                watcher.set()


def _view(sandboxes: Sequence[Sandbox], containers: Sequence[Container], addresses: Mapping[str, str]) -> PodView:
    ready = [sandbox for sandbox in sandboxes if sandbox.ready]
    newest = max(ready, key=lambda s: (s.attempt, s.created_at_ns), default=None)
    ip = (newest.ip or addresses.get(newest.id)) if newest is not None else None
    return pod_view.make(sandboxes, containers, ip=ip)
