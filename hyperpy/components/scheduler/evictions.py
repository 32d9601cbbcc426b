"""Makes Pods go for a more important one: the condition that says why, the deletion, and an event on each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from hyperpy.api import errors, kinds, meta
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.client.protocol import STRATEGIC_PATCH, Client, DeleteOptions
from hyperpy.components.scheduler.pod_info import PodInfo

log = logging.getLogger(__name__)


class Evictions:
    """Writes about victims.

    Args:
        events: by scheduler name, which is the name they go under.
    """

    def __init__(self, client: Client, events: Mapping[str, EventRecorder], clock: Clock) -> None:
        self._client = client
        self._events = events
        self._clock = clock

    async def evict(self, victims: Sequence[PodInfo], preemptor: PodInfo, node: str) -> None:
        """Delete Pods gracefully; those that are on their way already are left alone, those that are gone are fine.

        Raises:
            StatusError: one of them could not be deleted; those after it were not tried.
        """
        for victim in victims:
            if victim.leaving:
                continue
            try:
                await self._tell_why(victim, preemptor.scheduler_name)
                await self._client.delete(
                    kinds.POD, victim.name, namespace=victim.namespace, options=DeleteOptions(uid=victim.uid)
                )
            except errors.NotFound:
                continue
            except errors.Conflict:
                # Another Pod of the same name: the victim itself is gone.
                continue
            message = f"Preempted by pod {preemptor.uid} on node {node}"
            self._events[preemptor.scheduler_name].event(victim.obj, kinds.POD, "Normal", "Preempted", message)
            log.debug("pod %s goes for pod %s", victim.key, preemptor.key)

    async def _tell_why(self, victim: PodInfo, scheduler_name: str) -> None:
        condition = {
            "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
            "message": f"{scheduler_name}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": meta.timestamp(self._clock.now()),
        }  # fmt: skip
        body = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        await self._client.patch(
            kinds.POD, victim.name, body,
            namespace=victim.namespace, patch_type=STRATEGIC_PATCH, subresource="status",
        )  # fmt: skip
