"""A resource core over a memory store, asked the way the handler chain asks it; and a whole server with kubectl."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from hyperpy.api import kinds, paths
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.client import local
from hyperpy.client.rest import RestClient
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.components.apiserver.server import ApiServer
from hyperpy.store.engine import memory
from hyperpy.store.engine.engine import Engine
from hyperpy.testing.clock import ManualClock

Obj = dict[str, Any]
KUBECTL = Path(sys.executable).parent / "kubectl"


@dataclass
class Cluster:
    """The core and ways to ask it. Errors of requests are raised as StatusError."""

    handler: ResourceHandler
    store: Engine
    clock: ManualClock
    client: RestClient

    async def send(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        user_agent: str = "tester/1.0",
    ) -> Response:
        """A request; `target` is a path with an optional query, `body` an object or bytes."""
        path, _, text = target.partition("?")
        query: dict[str, tuple[str, ...]] = {}
        for pair in filter(None, text.split("&")):
            name, _, value = pair.partition("=")
            query[name] = (*query.get(name, ()), value)
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = {"accept": accept, "content-type": content_type, "user-agent": user_agent}
        request = Request(method, path, query, headers, raw, UserInfo("tester", ("system:masters",)))
        return await self.handler(request, paths.parse(method, path, query))

    async def json(self, method: str, target: str, body: object = None, **options: str) -> Obj:
        """The decoded answer to a request."""
        response = await self.send(method, target, body, **options)
        assert isinstance(response.body, bytes)
        return orjson.loads(response.body)

    async def lines(self, target: str, *, accept: str = "application/json") -> WatchLines:
        """An open watch."""
        response = await self.send("GET", target, accept=accept)
        assert not isinstance(response.body, bytes)
        return WatchLines(response.body)


class WatchLines:
    """Reads a watch stream event by event."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._waiting: list[Obj] = []

    async def next(self) -> Obj:
        """The next event; raises StopAsyncIteration at the end."""
        while not self._waiting:
            chunk = await self.stream.__anext__()
            assert chunk.endswith(b"\n")
            self._waiting += [orjson.loads(line) for line in chunk.splitlines()]
        return self._waiting.pop(0)

    async def take(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def aclose(self) -> None:
        await self.stream.aclose()


class Notes(dict[str, str]):
    """A request that keeps what is said of it: audit annotations as its entries, and how long webhooks took."""

    audit_id = "noted"
    waited_s = 0.0

    def annotate(self, key: str, value: str) -> None:
        self.setdefault(key, value)

    def waited(self, seconds: float) -> None:
        self.waited_s += seconds


@pytest.fixture
async def noted() -> AsyncIterator[Notes]:
    """What is said of the requests of a test."""
    notes = Notes()
    remarks.open_for(notes)
    yield notes
    remarks.open_for(None)


@pytest.fixture
def config() -> CoreConfig:
    return CoreConfig()


@pytest.fixture
async def cluster(config: CoreConfig) -> AsyncIterator[Cluster]:
    """A bootstrapped core with a default ServiceAccount in the namespace `default`."""
    clock = ManualClock()
    store = await memory.open_store()
    handler = resources.build(store, kinds.built_in(), config, clock, rng=random.Random(1))

    async def answer(request: Request) -> Response:
        return await handler(request, paths.parse(request.method, request.path, request.query))

    client = local.connect(answer, UserInfo("tester", ("system:masters",)))
    await bootstrap.run(handler)
    account = {"metadata": {"name": "default", "namespace": "default"}}
    await client.create(kinds.SERVICE_ACCOUNT, account)
    yield Cluster(handler, store, clock, client)
    await handler.aclose()
    await store.aclose()


def config_map(name: str, namespace: str = "default", **extra: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": namespace, **extra}, "data": {"a": "1"}}


def pod(name: str, namespace: str = "default", **spec: Any) -> Obj:
    containers = [{"name": "main", "image": "nginx"}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"containers": containers, **spec}}


@pytest.fixture
def make_config_map() -> Any:
    return config_map


@pytest.fixture
def make_pod() -> Any:
    return pod


@pytest.fixture
def kind_of() -> Any:
    """A kind by its plural."""

    def find(plural: str) -> Kind:
        return next(kind for kind in kinds.BUILT_IN if kind.plural == plural)

    return find


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ApiServer]:
    """A whole API server on a free port, for the tests of one file that use a real kubectl."""
    server = ApiServer(Options(data_dir=tmp_path_factory.mktemp("server"), secure_port=0, bind_address="127.0.0.1"))
    ready = asyncio.Event()
    task = asyncio.create_task(server.run(ready=ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    yield server
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture(scope="module")
def kubectl(real_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Awaitable[str]]:
    """Runs kubectl, gives what it says on both streams; a failure is one unless it is expected."""
    home = tmp_path_factory.mktemp("home")

    async def run(*arguments: str, stdin: str = "", fails: bool = False) -> str:
        process = await asyncio.create_subprocess_exec(
            KUBECTL, "--kubeconfig", real_server.kubeconfig, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        output, _ = await process.communicate(stdin.encode())
        assert bool(process.returncode) == fails, output.decode()
        return output.decode()

    return run
