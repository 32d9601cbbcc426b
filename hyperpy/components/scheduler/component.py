"""The scheduler: gives every Pod without a node the best one there is.

Watches: Pod, Node, Namespace, PodDisruptionBudget.   Writes: Binding (pods/NAME/binding), Pod (deletes victims),
Pod/status, Event.

    queue ──▶ decide (one Pod at a time, without waiting) ──▶ assume ──▶ bind, beside the next decision ──▶ bound
                  └── fits nowhere: choose victims or none,                  └── refused: forget, back off
                      event, condition, delete the victims, wait for a change

At most `BINDINGS` are under way; when all are taken, deciding waits. Reports on Pods that fit nowhere and deletions of
victims take such a place too, so a thousand of them cannot flood the API. Pods that wait for a Permit or for
their volumes give theirs back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Never

from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Informers
from hyperpy.client.leader import LeaderElector, LeadershipLost
from hyperpy.client.protocol import Client
from hyperpy.components.scheduler import binding, decision, profiles, reasons, trace
from hyperpy.components.scheduler.binding import BindingPlace, NotBound
from hyperpy.components.scheduler.decision import Decision
from hyperpy.components.scheduler.evictions import Evictions
from hyperpy.components.scheduler.handle import Handle
from hyperpy.components.scheduler.intake import Intake
from hyperpy.components.scheduler.making_room import RoomMaker
from hyperpy.components.scheduler.options import Options
from hyperpy.components.scheduler.permits import Permits
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile
from hyperpy.components.scheduler.profiles import ProfileError
from hyperpy.components.scheduler.queue import QueuedPod
from hyperpy.components.scheduler.reports import Reports
from hyperpy.components.scheduler.trace import Trace
from hyperpy.components.supervisor import StartFailure

__all__ = ["Options", "Scheduler"]

log = logging.getLogger(__name__)

BINDINGS = 64
#: Decisions in a row before everything else in the process gets a turn.
BURST = 8


class Scheduler:
    """One scheduler: a queue, a view of the cluster, and one or more profiles.

    Args:
        client: under the identity `system:kube-scheduler`.
        informers: running ones.
        rng: chooses among nodes that are equally good.
    """

    name = "scheduler"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        options: Options,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._options = options
        self._clock = clock or SystemClock()
        try:
            self._profiles = profiles.build(options.profiles, Handle(client, informers, self._clock))
        except ProfileError as error:
            raise StartFailure(f"scheduler: {error}") from error
        self._rng = rng or random.Random()
        self._work = asyncio.Event()
        self._intake = Intake(informers, options, self._profiles, clock=self._clock, changed=self._work.set)
        names = [profile.scheduler_name for profile in self._profiles]
        self._events = {name: EventRecorder(client, name, self._clock) for name in names}
        self._reports = Reports(client, self._events, self._clock)
        self._permits = Permits(self._clock)
        self._room = RoomMaker(
            self._intake,
            profiles=self._profiles,
            reports=self._reports,
            evictions=Evictions(client, self._events, self._clock),
            permits=self._permits,
            rng=self._rng,
        )
        self._places = asyncio.Semaphore(BINDINGS)
        self._start = 0

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Schedule until cancelled.

        Raises:
            StartFailure: the Lease was lost.
        """
        election = self._options.leader_election
        if not election.wait:
            await self._schedule(ready)
        ready()
        identity = self._options.identity or f"{socket.gethostname()}_{os.getpid()}_{random.getrandbits(32):08x}"
        elector = LeaderElector(
            self._client, self._clock,
            name=election.name, namespace=election.namespace, identity=identity, times=election.times,
        )  # fmt: skip
        try:
            await elector.run(lambda: self._schedule(lambda: None))
        except* LeadershipLost as lost:
            raise StartFailure(f"scheduler: {lost.exceptions[0]}; another one leads, start this one again") from lost
        raise AssertionError("an elector does not return")

    async def _schedule(self, ready: Callable[[], None]) -> Never:
        try:
            await self._intake.open()
            async with asyncio.TaskGroup() as group:
                for name, events in self._events.items():
                    group.create_task(events.run(), name=f"scheduler/events/{name}")
                ready()
                await self._decide_all(group)
        finally:
            self._intake.close()
        raise AssertionError("scheduling does not return")

    async def _decide_all(self, group: asyncio.TaskGroup) -> Never:
        queue = self._intake.queue
        in_a_row = 0
        while True:
            await self._places.acquire()
            place = BindingPlace(self._places)
            self._work.clear()
            queued = queue.pop(now=self._clock.monotonic())
            if queued is None:
                place.give_up()
                in_a_row = 0
                await self._wait(queue.next_due())
                continue
            group.create_task(self._holding(place, self._take(queued, place)), name=f"scheduler/{queued.pod.key}")
            in_a_row += 1
            if in_a_row % BURST == 0:
                await asyncio.sleep(0)

    async def _wait(self, due: float | None) -> None:
        """Sleep until a change, or until a back-off is over."""
        if due is None:
            await self._work.wait()
            return
        sleep = asyncio.ensure_future(self._clock.sleep(due - self._clock.monotonic()))
        work = asyncio.ensure_future(self._work.wait())
        try:
            await asyncio.wait({sleep, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            work.cancel()

    @staticmethod
    async def _holding(place: BindingPlace, work: Coroutine[Any, Any, None]) -> None:
        with place:
            await work

    def _take(self, queued: QueuedPod, place: BindingPlace) -> Coroutine[Any, Any, None]:
        """Decide on a Pod, here and now; returns what is left to be written. A plugin that fails, fails this Pod."""
        try:
            return self._decide(queued, place)
        except Exception as error:
            log.exception("deciding on pod %s failed", queued.pod.key)
            self._intake.queue.put_back(queued, now=self._clock.monotonic())
            return self._reports.failed(queued.pod, reason="SchedulerError", message=_told(error))

    def _decide(self, queued: QueuedPod, place: BindingPlace) -> Coroutine[Any, Any, None]:
        pod, cluster = queued.pod, self._intake.cluster
        profile = self._profiles.running(pod)
        made = decision.decide(pod, cluster, profile, start=self._start, rng=self._rng)
        self._start = (self._start + made.looked_at) % max(1, made.total)
        if made.node is None:
            return self._fits_nowhere(queued, made)
        rejection = binding.reserve(pod, made.node, profile)
        if rejection is not None:
            self._intake.queue.park(queued, rejected_by=frozenset([rejection.plugin]), now=self._clock.monotonic())
            message = reasons.unavailable(1, [rejection])
            return self._reports.failed(pod, reason="Unschedulable", message=message, nominate="")
        cluster.assume(pod, made.node)
        return self._bind(queued, made.node, place, trace.of(made, profile, attempts=queued.attempts))

    def _fits_nowhere(self, queued: QueuedPod, made: Decision) -> Coroutine[Any, Any, None]:
        room = self._room.find(queued.pod, made)
        # Without a node there is nothing that a plugin could have rejected: then every change may help.
        rejected_by = made.rejected_by or frozenset([""])
        self._intake.queue.park(queued, rejected_by=rejected_by, now=self._clock.monotonic())
        message = " ".join(filter(None, [made.message(), room.message]))
        traced = trace.of(made, self._profiles.running(queued.pod), attempts=queued.attempts)
        return self._room.make(queued.pod, room, message=message, traced=traced)

    async def _bind(self, queued: QueuedPod, node: str, place: BindingPlace, traced: Trace) -> None:
        pod = queued.pod
        profile = self._profiles.running(pod)
        try:
            if profile.permits:
                await self._permitted(pod, node, place, profile)
            if self._intake.cluster.node(node) is None:
                raise NotBound(f'node "{node}" is gone')
            await binding.bind(pod, node, profile, self._client, clock=self._clock, place=place)
        except NotBound as failure:
            await self._not_bound(queued, node, failure)
        except Exception as error:
            log.exception("binding pod %s to node %s failed", pod.key, node)
            await self._not_bound(queued, node, NotBound(_told(error)))
        else:
            self._reports.scheduled(pod, node, traced)
            binding.bound(pod, node, profile)

    async def _permitted(self, pod: PodInfo, node: str, place: BindingPlace, profile: Profile) -> None:
        """Wait until the Permit plugins agree, without holding a place."""
        place.give_up()
        rejection = await self._permits.ask(pod, node, profile)
        await place.take_again()
        if rejection is not None:
            raise NotBound(reasons.unavailable(1, [rejection]), rejection=rejection)

    async def _not_bound(self, queued: QueuedPod, node: str, failure: NotBound) -> None:
        """Free the room; the Pod is tried again if it still needs a node."""
        binding.unreserve(queued.pod, node, self._profiles.running(queued.pod))
        self._intake.forget(queued.pod)
        latest: PodInfo | None = self._intake.pending(queued.pod)
        if latest is None:
            return
        queued.pod = latest
        now = self._clock.monotonic()
        if failure.rejection is not None:
            self._intake.queue.park(queued, rejected_by=frozenset([failure.rejection.plugin]), now=now)
        else:
            self._intake.queue.put_back(queued, now=now)
        self._work.set()
        log.debug("pod %s: %s", latest.key, failure)
        reason = "Unschedulable" if failure.rejection is not None else "SchedulerError"
        await self._reports.failed(latest, reason=reason, message=str(failure), nominate="")


def _told(error: Exception) -> str:
    """What a plugin's failure is called in a condition."""
    return f"{type(error).__name__}: {error}"
