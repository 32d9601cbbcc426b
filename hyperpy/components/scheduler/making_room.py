"""Makes room for a Pod that fits nowhere: PostFilter, the promise of a node, and the end of the victims."""

from __future__ import annotations

import logging
import random
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from hyperpy.api import errors
from hyperpy.components.scheduler.decision import Decision
from hyperpy.components.scheduler.evictions import Evictions
from hyperpy.components.scheduler.filtering import Filters
from hyperpy.components.scheduler.framework import Failure, Rejection, Room
from hyperpy.components.scheduler.intake import Intake
from hyperpy.components.scheduler.permits import Permits
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profiles import Profiles
from hyperpy.components.scheduler.reports import Reports
from hyperpy.components.scheduler.trace import Trace

log = logging.getLogger(__name__)


class RoomMaker:
    """Finds room here and now, and makes it beside the next decisions.

    Args:
        permits: a victim that waits there is sent back to the queue instead of being deleted.
        rng: where to begin among the nodes.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        profiles: Profiles,
        reports: Reports,
        evictions: Evictions,
        permits: Permits,
        rng: random.Random,
    ) -> None:
        self._intake = intake
        self._profiles = profiles
        self._reports = reports
        self._evictions = evictions
        self._permits = permits
        self._rng = rng

    def find(self, pod: PodInfo, made: Decision) -> Room:
        """Ask the PostFilter plugins one after the other, until one finds room."""
        found, cluster, profile = Room("", None), self._intake.cluster, self._profiles.running(pod)
        if not made.total or not profile.post_filters:
            return found
        failure = Failure(
            cluster,
            made.by_node(cluster.nodes),
            self._intake.budgets(),
            offset=self._rng.randrange(made.total),
            trial=Filters(pod, cluster, profile, (), None).trial,
        )
        told = []
        for plugin in profile.post_filters:
            found = plugin.post_filter(pod, failure)
            told.append(found.message)
            if found.node:
                break
        return replace(found, message=" ".join(filter(None, told)))

    def make(self, pod: PodInfo, room: Room, *, message: str, traced: Trace) -> Coroutine[Any, Any, None]:
        """Promise the Pod its room at once; returns what is left to be written: why, and the victims' end."""
        nominations = self._intake.cluster.nominations
        weaker: list[PodInfo] = []
        if room.node:
            weaker = [each for each in nominations.on(room.node) if each.priority < pod.priority]
            for each in weaker:
                nominations.remove(each.uid)
            nominations.put(pod, room.node, victims=[each.uid for each in room.victims])
        elif room.node is not None:
            nominations.remove(pod.uid)
        return self._write(pod, room, message=message, weaker=weaker, traced=traced)

    async def _write(self, pod: PodInfo, room: Room, *, message: str, weaker: Sequence[PodInfo], traced: Trace) -> None:
        await self._reports.failed(pod, reason="Unschedulable", message=message, nominate=room.node, trace=traced)
        for each in weaker:
            await self._reports.not_nominated(each)
            self._intake.stir(each.uid)
        rejection = Rejection(room.plugin, ("preempted",))
        victims = [each for each in room.victims if not self._permits.reject(each.uid, rejection)]
        try:
            await self._evictions.evict(victims, pod, room.node or "")
        except errors.StatusError as error:
            log.warning("no room was made for pod %s on node %s: %s", pod.key, room.node, error)
            self._intake.cluster.nominations.give_up(pod.uid)
            self._intake.stir(pod.uid)
