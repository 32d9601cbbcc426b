"""Tells users why a Pod has no node, or that it has one: events, the condition PodScheduled, the nominated node."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.client.protocol import STRATEGIC_PATCH, Client
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.trace import ANNOTATION, Trace, write

log = logging.getLogger(__name__)


class Reports:
    """Writes about Pods. Events are queued; a status is written at once, and only when it says something new.

    Args:
        events: by scheduler name, which is the name they go under.
    """

    def __init__(self, client: Client, events: Mapping[str, EventRecorder], clock: Clock) -> None:
        self._client = client
        self._events = events
        self._clock = clock

    def scheduled(self, pod: PodInfo, node: str, trace: Trace) -> None:
        """The Pod is bound."""
        told = f"Successfully assigned {pod.key} to {node}"
        self._tell(pod, "Normal", "Scheduled", told, trace)

    async def failed(
        self, pod: PodInfo, *, reason: str, message: str, nominate: str | None = None, trace: Trace | None = None
    ) -> None:
        """The Pod has no node.

        Args:
            reason: Unschedulable, or SchedulerError.
            nominate: the node that it was promised, "" when none is any more; None changes nothing.
            trace: of the decision, when it came to one.
        """
        self._tell(pod, "Warning", "FailedScheduling", message, trace)
        old = meta.condition(pod.obj, "PodScheduled") or {}
        status: dict[str, Any] = {}
        if nominate is not None and nominate != pod.nominated_node:
            status["nominatedNodeName"] = nominate or None
        if (old.get("status"), old.get("reason"), old.get("message")) != ("False", reason, message):
            now = meta.timestamp(self._clock.now())
            since = old.get("lastTransitionTime", now) if old.get("status") == "False" else now
            status["conditions"] = [
                {"type": "PodScheduled", "status": "False", "reason": reason, "message": message,
                 "lastTransitionTime": since},
            ]  # fmt: skip
        if status:
            await self._write(pod, status)

    async def not_nominated(self, pod: PodInfo) -> None:
        """A more important Pod gets what this one was promised."""
        if pod.nominated_node:
            await self._write(pod, {"nominatedNodeName": None})

    def _tell(self, pod: PodInfo, type: str, reason: str, message: str, trace: Trace | None) -> None:
        annotations = None if trace is None else {ANNOTATION: write(trace)}
        self._events[pod.scheduler_name].event(pod.obj, kinds.POD, type, reason, message, annotations=annotations)

    async def _write(self, pod: PodInfo, status: dict[str, Any]) -> None:
        body = {"metadata": {"uid": pod.uid}, "status": status}
        try:
            await self._client.patch(
                kinds.POD, pod.name, body,
                namespace=pod.namespace, patch_type=STRATEGIC_PATCH, subresource="status",
            )  # fmt: skip
        except (errors.NotFound, errors.Conflict):
            log.debug("pod %s went while its status was written", pod.key)
        except errors.StatusError as error:
            log.warning("the status of pod %s was not written: %s", pod.key, error)
