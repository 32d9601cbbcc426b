"""Follows what a CRI runtime tells of its containers, by the best way it has.

    the CRI's own events ──(unknown or ended)──▶ containerd's events ──(unknown)──▶ a look at all every few seconds

A break in the connection ends in a look at all and a new try.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from hyperpy.runtime.cri.connection import Connection, Unsupported
from hyperpy.runtime.event_feed import LOOK_AT_ALL, EventFeed
from hyperpy.runtime.protocol import RuntimeEvent, RuntimeFailure

log = logging.getLogger(__name__)

RECONNECT_S = 1.0
#: For runtimes without any events (CRI-O without `enable_pod_events`): an end must be seen, and nothing else tells it.
SLOW_LOOK_S = 3.0


class Look(Protocol):
    async def __call__(self, container_id: str, *, ended: bool) -> RuntimeEvent | None: ...


class Happenings:
    """The follower of one runtime's events; `start` starts it, `aclose` ends it.

    Args:
        look: forgets what is known of a container and says what to tell of it.
    """

    def __init__(self, connection: Connection, feed: EventFeed, *, look: Look) -> None:
        self._connection = connection
        self._feed = feed
        self._look = look
        self._follower: asyncio.Task[None] | None = None
        # One per container that has ended and is not noted yet.
        self._ends: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._follower = asyncio.create_task(self._follow(), name="cri/events")

    async def aclose(self) -> None:
        tasks = [*self._ends, *((self._follower,) if self._follower else ())]
        self._follower = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            pause_s = RECONNECT_S
            try:
                await self._read()
                log.warning("the CRI runtime ended its events")
            except Unsupported:
                log.debug("the CRI runtime has no events: everything is looked at every %s s", SLOW_LOOK_S)
                pause_s = SLOW_LOOK_S
            except RuntimeFailure as error:
                log.warning("no events from the CRI runtime: %s", error)
            await asyncio.sleep(pause_s)
            self._feed.publish(LOOK_AT_ALL)

    async def _read(self) -> None:
        try:
            async for container_id in self._connection.cri_events():
                await self._happened(container_id, ended=False)
            # CRI-O ends the stream at once when its events are switched off.
        except Unsupported:
            pass
        async for topic, container_id in self._connection.containerd_events():
            if topic == "/tasks/exit":
                # The CRI notes the end a moment later; other events must not wait for that.
                task = asyncio.create_task(
                    self._happened(container_id, ended=True), name=f"cri/end/{container_id[:12]}"
                )
                self._ends.add(task)
                task.add_done_callback(self._ends.discard)
            else:
                await self._happened(container_id, ended=False)

    async def _happened(self, container_id: str, *, ended: bool) -> None:
        try:
            event = await self._look(container_id, ended=ended)
        except RuntimeFailure as error:
            log.debug("a container could not be looked at: %s", error)
            event = LOOK_AT_ALL
        if event is not None:
            self._feed.publish(event)
