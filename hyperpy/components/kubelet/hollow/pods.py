"""The Pods of all simulated nodes: one informer, one task that lets happen what is due, one writer.

    informer ──▶ HollowPod ──now, or at its time──▶ step ──▶ status writer ──▶ API
                                ▲                     └── when to step again
                                └─────────────────────┘

Bounded by the number of Pods: each waits at most once to be stepped now, and has one time that counts.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import os
from collections.abc import Mapping
from typing import Any, Never

from hyperpy.api import meta
from hyperpy.api.kinds import POD
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.kubelet.hollow.addresses import Addresses, Exhausted
from hyperpy.components.kubelet.hollow.options import Options
from hyperpy.components.kubelet.hollow.pod import HollowPod, World
from hyperpy.components.kubelet.hollow.profile import Ordinals
from hyperpy.components.kubelet.status import Surroundings
from hyperpy.components.kubelet.status_writer import StatusWriter

log = logging.getLogger(__name__)

Obj = dict[str, Any]

#: Steps in a row before everything else in the process gets a turn.
BURST = 32
#: Statuses written at once, of all nodes together: they share the API server's commits.
WRITERS = 32
RETRY_S = 10.0


class HollowPods:
    """Runs the Pods that are bound to simulated nodes.

    Args:
        where: node name to what its Pods' statuses tell of it.
    """

    def __init__(
        self, client: Client, informers: Informers, clock: Clock, options: Options, *, where: Mapping[str, Surroundings]
    ) -> None:
        self._clock = clock
        self._where = where
        self._world = World(options.profile, options.seed, lambda: os.urandom(32).hex())
        self._ordinals = Ordinals()
        self._addresses = Addresses(options.pod_cidr)
        self._informer = informers.of(POD)
        self._statuses = StatusWriter(client, clock, object_of=self._object_of, workers=WRITERS)
        self._pods: dict[str, HollowPod] = {}
        self._shown: dict[str, Obj] = {}
        self._now: dict[str, None] = {}
        self._due: dict[str, float] = {}
        self._timers: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._work = asyncio.Event()

    async def begin(self) -> None:
        """Wait for the first list, then take every Pod of these nodes."""
        await self._informer.synced()
        for pod in self._informer.list():
            address = (pod.get("status") or {}).get("podIP")
            if address:
                self._addresses.occupy(address)
        self._informer.subscribe(self._take)

    async def run(self) -> Never:
        """Let things happen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._statuses.run(), name="hollow/statuses")
            group.create_task(self._step_all(), name="hollow/pods")
        raise AssertionError("the tasks of hollow pods do not return")

    def _take(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new if new is not None else old
        assert pod is not None
        node = pod["spec"].get("nodeName", "")
        if node not in self._where:
            return
        uid = pod["metadata"]["uid"]
        if event == "DELETED":
            self._forget(uid)
            return
        known = self._pods.get(uid)
        if known is None:
            self._begin(uid, pod, node)
        elif known.update(pod):
            self._soon(uid)

    def _begin(self, uid: str, pod: Obj, node: str) -> None:
        where = self._where[node]
        try:
            ip = self._ip(pod, where)
        except Exhausted as error:
            log.warning("pod %s: %s", meta.key(pod), error)
            return
        self._pods[uid] = HollowPod(
            pod, self._world, where, known_as=self._ordinals.name(pod), ip=ip, now=self._clock.now()
        )
        self._soon(uid)

    def _ip(self, pod: Obj, where: Surroundings) -> str:
        if pod["spec"].get("hostNetwork"):
            return where.host_ips[0]
        return (pod.get("status") or {}).get("podIP") or self._addresses.take()

    def _forget(self, uid: str) -> None:
        gone = self._pods.pop(uid, None)
        if gone is None:
            return
        self._addresses.give_back(gone.ip)
        for table in (self._shown, self._due, self._now):
            table.pop(uid, None)
        self._statuses.forget(uid)

    def _object_of(self, pod: Obj) -> Obj | None:
        about = pod["metadata"]
        found = self._informer.get(about["name"], about["namespace"])
        return found if found is not None and found["metadata"]["uid"] == about["uid"] else None

    def _soon(self, uid: str) -> None:
        self._now[uid] = None
        self._work.set()

    async def _step_all(self) -> Never:
        in_a_row = 0
        while True:
            self._work.clear()
            now = self._clock.now()
            while self._timers and self._timers[0][0] <= now:
                due, _, uid = heapq.heappop(self._timers)
                if self._due.get(uid) == due:
                    del self._due[uid]
                    self._now[uid] = None
            if not self._now:
                await self._wait()
                continue
            uid = next(iter(self._now))
            del self._now[uid]
            self._step(uid, now)
            in_a_row += 1
            if in_a_row % BURST == 0:
                await asyncio.sleep(0)

    def _step(self, uid: str, now: float) -> None:
        pod = self._pods.get(uid)
        if pod is None:
            return
        try:
            outcome = pod.step(now)
        except Exception:
            # One Pod that the planner stumbles over must not stop the others.
            log.exception("pod %s failed", meta.key(pod.pod))
            self._at(uid, now + RETRY_S)
            return
        if self._shown.get(uid) != outcome.status:
            self._shown[uid] = outcome.status
            self._statuses.publish(pod.pod, outcome.status)
        if outcome.finished and meta.is_deleting(pod.pod):
            self._statuses.finish(pod.pod)
        if outcome.wake_at is not None:
            self._at(uid, outcome.wake_at)

    def _at(self, uid: str, due: float) -> None:
        """Step a Pod then; the newest time asked for counts."""
        if self._due.get(uid) != due:
            self._due[uid] = due
            heapq.heappush(self._timers, (due, next(self._order), uid))

    async def _wait(self) -> None:
        """Until a Pod changes, or the next one is due."""
        if not self._timers:
            await self._work.wait()
            return
        sleep = asyncio.ensure_future(self._clock.sleep(self._timers[0][0] - self._clock.now()))
        work = asyncio.ensure_future(self._work.wait())
        try:
            await asyncio.wait({sleep, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            work.cancel()
