"""Events for users: what a component did to an object and why; what is nearly the same is folded (`event_folding`).

The queue holds `QUEUE_SIZE` events; when it is full, new ones are dropped with a log line: events are best effort and
must never hold up the work they tell of. `AT_ONCE` are written at the same time, so that they share commits; those that
are the same in their order. Source of the fields: the API reference of Event (core/v1).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Never

from hyperpy.api import errors, meta
from hyperpy.api.kinds import EVENT, Kind
from hyperpy.client.clock import Clock
from hyperpy.client.event_folding import Folded, Folding, Identity
from hyperpy.client.protocol import Client, Obj

log = logging.getLogger(__name__)

QUEUE_SIZE = 1000
AT_ONCE = 4
REMEMBERED = 4096
MAX_MESSAGE = 1024


@dataclass(slots=True)
class _Told:
    name: str
    count: int


class EventRecorder:
    """Records events under the name of one component. `run` writes them; it is owned by the component's task group.

    Args:
        component: as in `source.component`, for example `kubelet`.
        host: as in `source.host`, for a node's components.
    """

    def __init__(self, client: Client, component: str, clock: Clock, *, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._queue: asyncio.Queue[Folded] = asyncio.Queue(QUEUE_SIZE)
        self._folding = Folding()
        self._serial = itertools.count()
        self._told: OrderedDict[Identity, _Told] = OrderedDict()

    def event(
        self, obj: Obj, kind: Kind, type: str, reason: str, message: str,
        *, field_path: str = "", annotations: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Note an event; returns at once.

        Args:
            obj: what it is about.
            type: Normal or Warning.
            reason: one CamelCase word, as users know it.
            field_path: the part of the object, for example `spec.containers{web}`.
            annotations: of the event itself; of an event that is told again, the latest.
        """
        about = obj["metadata"]
        namespace = about.get("namespace") or "default"
        now = meta.timestamp(self._clock.now())
        involved = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "name": about["name"],
            "namespace": about.get("namespace"),
            "uid": about.get("uid"),
            "resourceVersion": about.get("resourceVersion"),
            "fieldPath": field_path,
        }
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        event: Obj = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{about['name']}.{int(self._clock.now() * 1e9) + next(self._serial):x}",
                "namespace": namespace,
                **({"annotations": dict(annotations)} if annotations else {}),
            },
            "involvedObject": {name: value for name, value in involved.items() if value},
            "type": type,
            "reason": reason,
            "message": message[:MAX_MESSAGE],
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        folded = self._folding.judge(event, now=self._clock.monotonic())
        if folded is None:
            return
        try:
            self._queue.put_nowait(folded)
        except asyncio.QueueFull:
            log.warning("event dropped, %d are waiting: %s %s", QUEUE_SIZE, reason, message)

    async def run(self) -> Never:
        """Write events until cancelled."""
        while True:
            same: defaultdict[Identity, list[Obj]] = defaultdict(list)
            for folded in [await self._queue.get(), *self._waiting()]:
                same[folded.identity].append(folded.event)
            await asyncio.gather(*(self._write_all(identity, events) for identity, events in same.items()))

    def _waiting(self) -> list[Folded]:
        """What else there is to write now."""
        return [self._queue.get_nowait() for _ in range(min(self._queue.qsize(), AT_ONCE - 1))]

    async def _write_all(self, identity: Identity, events: Sequence[Obj]) -> None:
        for event in events:
            try:
                await self._write(identity, event)
            except errors.StatusError as error:
                # A namespace on its way out refuses new events: that is normal.
                log.debug("event not written: %s", error)

    async def _write(self, identity: Identity, event: Obj) -> None:
        told = self._told.get(identity)
        if told is not None and await self._count_up(event, told):
            self._told.move_to_end(identity)
            return
        await self._client.create(EVENT, event)
        self._told[identity] = _Told(event["metadata"]["name"], 1)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    async def _count_up(self, event: Obj, told: _Told) -> bool:
        """Count an event seen before once more; False when it is gone from the API."""
        try:
            await self._client.patch(
                EVENT,
                told.name,
                _once_more(event, told.count + 1),
                namespace=event["metadata"]["namespace"],
            )
        except errors.NotFound:
            return False
        told.count += 1
        return True


def _once_more(event: Obj, count: int) -> Obj:
    """What changes in an event that is told again."""
    annotations = event["metadata"].get("annotations")
    return {
        "count": count,
        "message": event["message"],
        "lastTimestamp": event["lastTimestamp"],
        **({"metadata": {"annotations": annotations}} if annotations else {}),
    }
