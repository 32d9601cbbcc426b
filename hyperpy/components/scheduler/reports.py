"""Tells users why a Pod has no node, or that it has one: events, and the condition PodScheduled."""

from __future__ import annotations

import logging

from hyperpy.api import errors, kinds, meta
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.client.protocol import STRATEGIC_PATCH, Client
from hyperpy.components.scheduler.pod_info import PodInfo

log = logging.getLogger(__name__)


class Reports:
    """Writes about Pods. Events are queued; a condition is written at once, and only when it says something new."""

    def __init__(self, client: Client, events: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._events = events
        self._clock = clock

    def scheduled(self, pod: PodInfo, node: str) -> None:
        """The Pod is bound."""
        self._events.event(pod.obj, kinds.POD, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node}")

    async def failed(self, pod: PodInfo, *, reason: str, message: str) -> None:
        """The Pod has no node.

        Args:
            reason: Unschedulable, or SchedulerError.
        """
        self._events.event(pod.obj, kinds.POD, "Warning", "FailedScheduling", message)
        old = meta.condition(pod.obj, "PodScheduled") or {}
        if (old.get("status"), old.get("reason"), old.get("message")) == ("False", reason, message):
            return
        now = meta.timestamp(self._clock.now())
        condition = {
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": old.get("lastTransitionTime", now) if old.get("status") == "False" else now,
        }  # fmt: skip
        body = {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}}
        try:
            await self._client.patch(
                kinds.POD, pod.name, body,
                namespace=pod.namespace, patch_type=STRATEGIC_PATCH, subresource="status",
            )  # fmt: skip
        except (errors.NotFound, errors.Conflict):
            log.debug("pod %s went while its condition was written", pod.key)
        except errors.StatusError as error:
            log.warning("the condition of pod %s was not written: %s", pod.key, error)
