"""The v2 key space in a file of its own: reads, changes, waiting clients, ends of nodes.

opened ──▶ history told to `Events` ──▶ serving ──▶ stop_waiting(): waiting clients are answered ──▶ aclose()
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hyperpy.store.engine.clock import Clock
from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.operations import Draft
from hyperpy.store.engine.options import Options
from hyperpy.store.etcd_server.v2 import layout, nodes, rendering
from hyperpy.store.etcd_server.v2.errors import Refused
from hyperpy.store.etcd_server.v2.events import KEPT_EVENTS, Events, Waiter
from hyperpy.store.etcd_server.v2.expiry import Expiry
from hyperpy.store.etcd_server.v2.layout import EVENT_KEY, StoredTree
from hyperpy.store.etcd_server.v2.request import KeysRequest
from hyperpy.store.etcd_server.v2.statistics import Statistics
from hyperpy.store.protocol import Unavailable, WatchLagged
from hyperpy.store.sql.sqlite import open_store

log = logging.getLogger(__name__)

# Every event that can be asked for is in the file too, so that a restart forgets none; older ones go.
_OPTIONS = Options(keep_revisions=KEPT_EVENTS, keep_s=0)
_ENDED_AT_ONCE = 64  # nodes that share a commit when many end together


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request led to.

    Args:
        body: JSON.
        index: the store's index then.
        created: something is there that was not.
    """

    body: bytes
    index: int
    created: bool = False


class V2KeySpace:
    """Made by `open_keyspace`; owns its engine and two tasks until `aclose`.

    Args:
        now: nanoseconds of the wall clock.
        clock: what timers go by.
    """

    def __init__(self, engine: Engine, *, now: Callable[[], int], clock: Clock) -> None:
        first = max(2, engine.floor, engine.committed - KEPT_EVENTS + 1)
        self.events = Events(min(engine.committed, first - 1))
        self.statistics = Statistics(now())
        self._engine = engine
        self.now = now
        self._expiry = Expiry(clock=clock, now=now, nearest=self._nearest_end, expire=self._expire)
        self._tasks = [
            asyncio.create_task(self._follow(), name="etcd/v2/events"),
            asyncio.create_task(self._expiry.run(), name="etcd/v2/expiry"),
        ]
        for task in self._tasks:
            task.add_done_callback(_report_defect)
        self._tasks[0].add_done_callback(lambda _: self.events.close())  # nobody waits for what will not be told

    @property
    def index(self) -> int:
        """The index of the newest change."""
        return self._engine.committed

    def get(self, request: KeysRequest) -> Answer:
        """Read. Raises Refused."""
        try:
            body = self._engine.inspect(partial(self._read, request))
        except Refused:
            self.statistics.count("get", done=False)
            raise
        self.statistics.count("get", done=True)
        return Answer(body, self.index)

    async def change(self, request: KeysRequest) -> Answer:
        """Write; returns when it is durable. Raises Refused, Unavailable."""
        verb = nodes.verb(request)
        result = await self._engine.transact(partial(self._write, request))
        self.statistics.count(verb, done=isinstance(result, Answer))
        if isinstance(result, Refused):
            raise result
        return result

    async def wait(self, request: KeysRequest) -> Waiter:
        """Wait for changes; the caller closes the waiter. Raises Refused."""
        await self.events.reach(self.index)
        return self.events.wait(
            request.path, since=request.wait_index, recursive=request.recursive, stream=request.stream
        )

    def stop_waiting(self) -> None:
        """Answer all clients that wait: the server stops."""
        self.events.close()

    async def aclose(self) -> None:
        """Finish the writes under way and let go of the file."""
        self.events.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.aclose()

    def _read(self, request: KeysRequest, draft: Draft) -> bytes:
        tree = StoredTree(draft)
        node = nodes.find(request.path, tree)
        below = () if not node.is_dir else tree.below(node.path) if request.recursive else tree.listing(node.path)
        return rendering.found(node, below, now=self.now())

    def _write(self, request: KeysRequest, draft: Draft) -> Answer | Refused:
        """A refusal is returned, not raised: it may rest on writes that are still to become durable."""
        try:
            plan = nodes.plan(request, StoredTree(draft))
        except Refused as refused:
            return refused
        record = layout.write(plan, draft, now=self.now())
        brief = request.no_value_on_success and not plan.gone
        body = rendering.encode({"action": plan.action}) if brief else record.body
        return Answer(body, plan.node.modified, plan.created)

    # -- what happens by itself

    async def _follow(self) -> None:
        """Read every change from the engine, once it is durable, and tell it."""
        while True:
            watch = await self._engine.watch(EVENT_KEY, start_revision=self.events.index + 1)
            try:
                async for batch in watch:
                    for event in batch.events:
                        self._tell(layout.decode(event.kv))
            except WatchLagged:
                continue  # what it missed is in the file
            except Unavailable:
                return  # the engine was closed
            finally:
                await watch.aclose()

    def _tell(self, record: layout.Record) -> None:
        self.events.tell(record)
        if record.expires:
            self._expiry.notice(record.expires)

    def _nearest_end(self) -> int | None:
        found = self._engine.inspect(lambda draft: StoredTree(draft).next_to_go(1))
        return found[0][0] if found else None

    async def _expire(self) -> None:
        due = self._engine.inspect(lambda draft: StoredTree(draft).next_to_go(_ENDED_AT_ONCE))
        now = self.now()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._expire_one(path, now), name=f"etcd/v2/expiry{path}")
                for end, path in due
                if end <= now
            ]
        for task in tasks:
            if error := task.result():
                raise error

    async def _expire_one(self, path: str, now: int) -> Unavailable | None:
        """A failure is returned: the others are to be told of theirs too."""
        try:
            gone = await self._engine.transact(partial(_write_expiry, path, now))
        except Unavailable as error:
            return error
        self.statistics.expired += gone
        return None


async def open_keyspace(file: Path, *, now: Callable[[], int] = time.time_ns, clock: Clock | None = None) -> V2KeySpace:
    """Open the key space in a file, making it when there is none.

    Args:
        now: nanoseconds of the wall clock.
        clock: what timers go by; the running loop when None.
    Raises:
        Unavailable: see `open_store`.
    """
    engine = await open_store(file, options=_OPTIONS, clock=clock)
    keyspace = V2KeySpace(engine, now=now, clock=clock or asyncio.get_running_loop())
    await keyspace.events.reach(engine.committed)
    return keyspace


def _write_expiry(path: str, now: int, draft: Draft) -> bool:
    plan = nodes.plan_expiry(path, StoredTree(draft), now=now)
    if plan is not None:
        layout.write(plan, draft, now=now)
    return plan is not None


def _report_defect(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("%s has stopped; waiting clients and ends of nodes stand still", task.get_name(), exc_info=error)
