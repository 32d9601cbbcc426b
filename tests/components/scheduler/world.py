"""The scheduler over the real API: a resource core over a memory store, a clock that stands still, ways of users."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hyperpy.api import kinds, meta, paths
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.client import local
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.scheduler.component import Options, Scheduler
from hyperpy.store.engine import memory
from hyperpy.testing.clock import ManualClock

DEADLINE_S = 5.0


class Refusing:
    """A Client whose bindings and deletions can be refused.

    Args:
        inner: does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.refuse: Callable[[str], None] = lambda name: None
        self.refuse_delete: Callable[[str], None] = lambda name: None
        self.bindings = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(self, kind: Kind, obj: Any, **options: Any) -> Any:
        if options.get("subresource") == "binding":
            self.bindings += 1
            self.refuse(options["name"])
        return await self._inner.create(kind, obj, **options)

    async def delete(self, kind: Kind, name: str, **options: Any) -> Any:
        self.refuse_delete(name)
        return await self._inner.delete(kind, name, **options)


class World:
    """An API, a scheduler, and the ways of users."""

    def __init__(self, client: Any, clock: ManualClock) -> None:
        self.client = client
        self.clock = clock
        self.refusing = Refusing(client)
        self.tasks: list[asyncio.Task[Any]] = []
        self.informers = Informers(client, clock=clock)

    async def start(self, component: Any) -> None:
        ready = asyncio.Event()
        self.tasks.append(asyncio.create_task(component.run(ready=ready.set), name=component.name))
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()

    async def schedule(self, **options: Any) -> None:
        if not self.tasks:
            self.tasks.append(asyncio.create_task(self.informers.run(), name="informers"))
            await asyncio.sleep(0)
        rng = random.Random(1)
        await self.start(Scheduler(self.refusing, self.informers, Options(**options), clock=self.clock, rng=rng))

    async def restart(self, **options: Any) -> None:
        """End the process and begin a new one, with caches of its own."""
        await self.stop()
        self.informers = Informers(self.client, clock=self.clock)
        await self.schedule(**options)

    async def stop(self) -> None:
        while self.tasks:
            task = self.tasks.pop()
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()  # type: ignore[misc]

    async def until(self, holds: Callable[[], Any]) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await holds()):
                await self.clock.advance(0.02)
        return found

    async def until_set(self, event: asyncio.Event) -> None:
        async def holds() -> bool:
            return event.is_set()

        await self.until(holds)

    async def quiet(self) -> None:
        for _ in range(20):
            await self.clock.advance(0.02)

    async def node(self, name: str, **spec: Any) -> None:
        allocatable = {"cpu": "2", "memory": "4Gi", "pods": "10"}
        status = {"allocatable": allocatable, "capacity": allocatable}
        node = {"metadata": {"name": name}, "status": status, **({"spec": spec} if spec else {})}
        await self.client.create(kinds.NODE, node)

    async def pod(self, name: str, cpu: str = "100m", **spec: Any) -> None:
        container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": cpu}}}
        metadata = {"name": name, "namespace": "default"}
        await self.client.create(kinds.POD, {"metadata": metadata, "spec": {"containers": [container], **spec}})

    async def get(self, name: str) -> Any:
        return await self.client.get(kinds.POD, name, namespace="default")

    def on(self, name: str, node: str) -> Callable[[], Any]:
        async def holds() -> bool:
            return (await self.get(name))["spec"].get("nodeName") == node

        return holds

    def told(self, name: str, text: str) -> Callable[[], Any]:
        async def holds() -> bool:
            condition = meta.condition(await self.get(name), "PodScheduled") or {}
            return condition.get("status") == "False" and text in condition.get("message", "")

        return holds

    async def events(self, reason: str) -> list[str]:
        found = await self.client.list(kinds.EVENT, namespace="default")
        return [event["message"] for event in found.items if event["reason"] == reason]


def untainted(**spec: Any) -> dict[str, Any]:
    """Pods that bear the taint of nodes nobody reports for."""
    return {"tolerations": [{"operator": "Exists"}], **spec}


@asynccontextmanager
async def new_world() -> AsyncIterator[World]:
    clock = ManualClock()
    store = await memory.open_store()
    handler = resources.build(store, kinds.built_in(), CoreConfig(), clock, rng=random.Random(1))

    async def answer(request: Request) -> Response:
        return await handler(request, paths.parse(request.method, request.path, request.query))

    client = local.connect(answer, UserInfo("admin", ("system:masters",)))
    await bootstrap.run(handler)
    await client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "default"}})
    made = World(client, clock)
    yield made
    await made.stop()
    await handler.aclose()
    await store.aclose()
