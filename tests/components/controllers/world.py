"""A cluster without nodes for control loops: a real resource core over a memory store, a clock that stands still, and
a client that fails."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from hyperpy.api import errors, kinds, paths
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.client import local
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client, DeleteOptions, Obj
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.authn.authentication import AccountTokens
from hyperpy.components.apiserver.authz.authorization import Decision
from hyperpy.components.apiserver.authz.rbac import Attributes
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.documents.discovery import Discovery
from hyperpy.components.apiserver.reviews import Reviews
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options
from hyperpy.store.engine import memory
from hyperpy.testing.clock import ManualClock

DEADLINE_S = 5.0


class FaultyClient:
    """A Client whose writes can be refused before or lost after they are done, and whose watches can be held or cut.

    Args:
        inner: does the work.

    `flowing` holds every watch while it is clear, an event in `held` those of one plural. A plural in `cut` makes the
    next event of that kind be lost, with the stream: the cache has to list again. `done` are the writes that took
    effect, also those whose answer was lost (but not one that was under way when the loops were stopped); `conflicts`
    are those refused because the object had changed meanwhile.
    """

    def __init__(self, inner: Client) -> None:
        self._inner = inner
        self.before: Callable[[str, Kind], None] = lambda verb, kind: None
        self.after: Callable[[str, Kind], None] = lambda verb, kind: None
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.held: dict[str, asyncio.Event] = {}
        self.cut: set[str] = set()
        self.done: list[tuple[str, Kind]] = []
        self.conflicts: list[tuple[str, Kind]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in ("create", "update", "patch", "delete"):
            return method

        async def write(kind: Kind, *args: Any, **options: Any) -> Any:
            self.before(name, kind)
            try:
                result = await method(kind, *args, **options)
            except errors.Conflict:
                self.conflicts.append((name, kind))
                raise
            self.done.append((name, kind))
            self.after(name, kind)
            return result

        return write

    async def watch(self, kind: Kind, **options: Any) -> AsyncIterator[Any]:
        async for event in self._inner.watch(kind, **options):
            await self.flowing.wait()
            if kind.plural in self.held:
                await self.held[kind.plural].wait()
            if kind.plural in self.cut:
                self.cut.discard(kind.plural)
                raise errors.Expired("too old resource version")
            yield event


@dataclass
class Rights:
    """Who may do what, as SubjectAccessReviews tell it: entries such as `ann create pods/exec`."""

    granted: set[str] = field(default_factory=set)

    def decide(self, user: UserInfo, asked: Attributes) -> Decision:
        question = f"{user.name} {asked.verb} {asked.resource}/{asked.subresource}"
        return Decision(question in self.granted, "")

    def rules(self, user: UserInfo, namespace: str) -> list[Any]:
        return []

    async def synced(self) -> None:
        return None


@dataclass
class World:
    """A cluster without nodes: the API, the control loops, and ways to look at them.

    `connect` makes clients of other users.
    `servers` answer in place of the API below a path, as those behind APIServices do: each is given the request, and
    returns an object or raises a StatusError.
    """

    client: Any
    clock: ManualClock
    faulty: FaultyClient
    connect: Callable[[UserInfo], Client]
    rights: Rights
    servers: dict[str, Callable[[Request], Obj]] = field(default_factory=dict)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    numbers: Any = field(default_factory=itertools.count)

    async def start(self, *names: str, known: Sequence[Kind] = (), **options: Any) -> None:
        """Run controllers (all by default) with caches of their own; again after `stop`, as a new process would.

        Args:
            known: kinds that other components of the process have read already.
        """
        informers = Informers(self.faulty, clock=self.clock)
        controllers = Controllers(
            self.faulty,
            informers,
            Options(controllers=names or ("*",), **options),
            clock=self.clock,
            rng=random.Random(next(self.numbers)),
        )
        ready = asyncio.Event()
        self.tasks.append(asyncio.create_task(informers.run(), name="informers"))
        await asyncio.sleep(0)
        for kind in known:
            informers.of(kind)
        await informers.synced()
        self.tasks.append(asyncio.create_task(controllers.run(ready=ready.set), name="controllers"))
        async with asyncio.timeout(DEADLINE_S):
            await ready.wait()

    async def stop(self) -> None:
        """Stop them in the middle of whatever they do."""
        while self.tasks:
            task = self.tasks.pop()
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None:
                raise task.exception()  # type: ignore[misc]

    async def list(self, kind: Kind, namespace: str | None = "default") -> list[Obj]:
        return list((await self.client.list(kind, namespace=namespace if kind.namespaced else None)).items)

    async def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until `holds()`, a coroutine function, gives something true; returns that. Steps of time grow."""
        step_s = 0.02
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await holds()):
                await self.clock.advance(step_s)
                step_s = min(step_s * 1.1, 0.5)
        return found

    async def quiet(self) -> None:
        """Let everything that can happen now happen: nothing is written any more for a while."""
        last = None
        while (now := (await self.client.list(kinds.POD)).resource_version) != last:
            last = now
            for _ in range(10):
                await self.clock.advance(0.02)

    async def events(self, reason: str) -> list[str]:
        found = await self.list(kinds.EVENT)
        return [event["message"] for event in found if event["reason"] == reason]

    async def set_pod(self, pod: Obj, *, phase: str = "Running", ready: bool = True, ip: str = "") -> None:
        """Speak for the kubelet."""
        now = "2023-11-14T22:13:20Z"
        status: Obj = {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": now}],
        }
        if ip:
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        about = pod["metadata"]
        await self.client.patch(
            kinds.POD, about["name"], {"status": status}, namespace=about["namespace"], subresource="status"
        )

    async def let_go(self, pod: Obj) -> None:
        """Speak for the kubelet: the containers of a Pod that is being deleted have ended."""
        about = pod["metadata"]
        with suppress(errors.NotFound):
            await self.client.delete(
                kinds.POD, about["name"], namespace=about["namespace"], options=DeleteOptions(grace_s=0)
            )


@asynccontextmanager
async def new_world() -> AsyncIterator[World]:
    """A cluster that has just been made."""
    clock = ManualClock()
    store = await memory.open_store()
    handler = resources.build(
        store, kinds.built_in(), CoreConfig(bookmark_interval_s=86_400), clock, rng=random.Random(1)
    )

    discovery = Discovery(handler.core.kinds, server_address="127.0.0.1:6443")
    servers: dict[str, Callable[[Request], Obj]] = {}
    rights = Rights()
    tokens = AccountTokens(None, None, audiences=(), monotonic=clock.monotonic, now=clock.now)  # type: ignore[arg-type]
    reviews = Reviews(rights, tokens={}, accounts=tokens, audiences=())

    async def answer(request: Request) -> Response:
        for path, server in servers.items():
            if request.path.startswith(path):
                return Response(200, orjson.dumps(server(request)))
        info = paths.parse(request.method, request.path, request.query)
        if reviews.is_review(info.group, info.resource):
            return await reviews.create(request, group=info.group, resource=info.resource, namespace="")
        document = discovery.answer(request)
        return document or await handler(request, info)

    def connect(user: UserInfo) -> Client:
        return local.connect(answer, user)

    client = connect(UserInfo("admin", ("system:masters",)))
    await bootstrap.run(handler)
    for namespace in ("default", "kube-system"):
        await client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": namespace}})
    made = World(client, clock, FaultyClient(client), connect, rights, servers)
    try:
        yield made
    finally:
        await made.stop()
        await handler.aclose()
        await store.aclose()
