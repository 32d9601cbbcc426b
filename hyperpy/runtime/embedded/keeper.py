"""Keeps a shim at hand: connects, starts one where there is none, replaces a lost one, and knows how everything is.

no shim ──start()──▶ connected ──lost──▶ starting another ──▶ connected (listeners look at all) ──close()──▶ gone
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from hyperpy.runtime.embedded import launch, wire
from hyperpy.runtime.embedded.connection import Answer, Connection
from hyperpy.runtime.event_feed import LOOK_AT_ALL, EventFeed
from hyperpy.runtime.protocol import RuntimeEvent, RuntimeFailure, RuntimeUnavailable

log = logging.getLogger(__name__)

_RECONNECT_S = 10.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.05, 30.0


class Keeper:
    """The shim of one root directory, as its kubelet sees it.

    Args:
        root: the shim's root directory, which exists.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._closing = False
        self._reconnecting: asyncio.Task[None] | None = None
        self._states: dict[str, dict[str, Any]] = {}
        self._exits: dict[str, list[asyncio.Future[None]]] = {}
        self._feed = EventFeed()

    async def start(self) -> Sequence[str]:
        """Connect to the shim, or start it; returns what the host forbids, in sentences.

        Raises:
            RuntimeUnavailable: none can be started here.
        """
        return await self._connect()

    async def call(self, operation: str, target: str = "", **fields: Any) -> Answer:
        """Call the shim, after waiting for a new one when it was just lost.

        Raises:
            NoSuchContainer, RuntimeFailure: see `Connection.call`.
            RuntimeUnavailable: no new shim comes.
        """
        try:
            async with asyncio.timeout(_RECONNECT_S):
                await self._connected.wait()
        except TimeoutError as error:
            wire.close_all(fields.get("handles", ()))
            raise RuntimeUnavailable(f"the shim of {self._root} does not come back") from error
        assert self._connection is not None
        return await self._connection.call(operation, target, **fields)

    @property
    def connection(self) -> Connection:
        """The present connection, for what lives as long as it does."""
        assert self._connection is not None
        return self._connection

    @property
    def connected(self) -> bool:
        """Whether there is a shim now."""
        return self._connected.is_set()

    def state(self, key: str) -> dict[str, Any]:
        """What the shim last said about a sandbox or a container; empty when it never was started."""
        return self._states.get(key, {})

    def note(self, key: str, state: dict[str, Any]) -> None:
        """Take an answer for the state, unless an event has told more already."""
        self._states.setdefault(key, state)

    def forget(self, key: str) -> None:
        """Something was removed."""
        self._states.pop(key, None)

    def runs(self, container_id: str) -> bool:
        """Whether the container runs or is about to."""
        return self.state(container_id).get("state") in ("starting", "running")

    async def exited(self, container_id: str) -> None:
        """Wait until the container does not run."""
        while self.runs(container_id):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._exits.setdefault(container_id, []).append(future)
            await future

    async def dies_within(self, container_id: str, seconds: float) -> bool:
        """Wait for the end of a container, but not for ever; says whether it came."""
        try:
            async with asyncio.timeout(seconds):
                await self.exited(container_id)
        except TimeoutError:
            return False
        return True

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Changes from now on; the feed says what happens when many wait."""
        return self._feed.read()

    async def close(self, *, operation: str = "") -> None:
        """Let go of the shim, after a last call (`purge`, `leave`) that ends it.

        Raises:
            RuntimeFailure: the shim does not come back or does not end, so that something may be left.
        """
        self._closing = True
        if self._reconnecting is not None:
            if operation:
                # Somebody has to do it, and the new shim is on its way.
                await asyncio.wait({self._reconnecting}, timeout=_RECONNECT_S)
            self._reconnecting.cancel()
            await asyncio.wait({self._reconnecting})
        if operation == "purge" and self._connection is not None and not self._connection.open:
            await self._connect()
        if self._connection is None:
            return
        try:
            if operation and self._connection.open:
                await self._connection.end_shim(operation)
        finally:
            self._connection.close()

    async def _connect(self) -> Sequence[str]:
        """Connect, starting a shim where there is none or a wrong one, and learn how all is."""
        connection = Connection(on_event=self._on_event, on_lost=self._on_lost)
        try:
            await connection.connect(self._root)
        except (ConnectionRefusedError, FileNotFoundError):
            await asyncio.to_thread(launch.launch, self._root)
            await connection.connect(self._root)
        about = (await connection.call("hello")).body
        if about["version"] != wire.VERSION:
            log.info("the shim is of another version; replacing it", extra={"version": about["version"]})
            connection = await self._replace(connection)
            about = (await connection.call("hello")).body
        self._connection = connection
        listing = (await connection.call("list")).body
        self._states = {**listing["sandboxes"], **listing["containers"]}
        self._connected.set()
        for container_id in list(self._exits):
            self._settle(container_id)
        return tuple(about["conditions"])

    async def _replace(self, old: Connection) -> Connection:
        """Ask the shim to leave its pods, and start another, which adopts them."""
        await old.end_shim("leave")
        old.close()
        await asyncio.to_thread(launch.launch, self._root)
        connection = Connection(on_event=self._on_event, on_lost=self._on_lost)
        await connection.connect(self._root)
        return connection

    def _on_lost(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connected.clear()
        if not self._closing:
            log.warning("the shim was lost; starting another", extra={"root_dir": str(self._root)})
            self._reconnecting = asyncio.create_task(self._reconnect(), name="runtime/embedded/reconnect")

    async def _reconnect(self) -> None:
        delay_s = _FIRST_RETRY_S
        while not self._connected.is_set():
            try:
                await self._connect()
            except (RuntimeFailure, OSError) as error:
                log.warning("cannot start a shim; trying again", extra={"error": str(error), "delay_s": delay_s})
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _LAST_RETRY_S)
        self._feed.publish(LOOK_AT_ALL)

    def _on_event(self, event: dict[str, Any]) -> None:
        if event["now"]:
            self._states[event["container"] or event["sandbox"]] = event["now"]
        if event["container"]:
            self._settle(event["container"])
        self._feed.publish(RuntimeEvent(event["sandbox"], event["container"]))

    def _settle(self, container_id: str) -> None:
        if not self.runs(container_id):
            for future in self._exits.pop(container_id, ()):
                if not future.done():
                    future.set_result(None)
