"""An API server in this process, and kubelets on the hollow runtime against it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client import local
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.options import Options as ApiOptions
from hyperpy.components.apiserver.server import ApiServer
from hyperpy.components.kubelet.kubelet import Kubelet
from hyperpy.components.kubelet.options import Options
from hyperpy.components.kubelet.volumes import mounts
from hyperpy.runtime.hollow import HollowRuntime
from hyperpy.runtime.protocol import Runtime

NODE = "n1"
PATIENCE_S = 10.0


class Node:
    """One node of a cluster: starts and kills its kubelet; the runtime outlives it."""

    def __init__(self, api: ApiServer, directory: Path, runtime: Runtime) -> None:
        self.admin: Client = local.connect(api.handler, UserInfo("kubernetes-admin", ("system:masters",)))
        self.client: Client = local.connect(api.handler, UserInfo(f"system:node:{NODE}", ("system:nodes",)))
        self.runtime = runtime
        self.options = Options(NODE, directory / "kubelet", address="127.0.0.1", port=0)
        self.kubelet: Kubelet | None = None
        self._task: asyncio.Task[Any] | None = None

    async def start(self, **more: Any) -> None:
        """Start the kubelet and wait until it is ready."""
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._run(ready, replace(self.options, **more)))
        waiter = asyncio.create_task(ready.wait())
        await asyncio.wait({self._task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if self._task.done():
            self._task.result()

    async def _run(self, ready: asyncio.Event, options: Options) -> None:
        async with Informers(self.client) as informers:
            self.kubelet = Kubelet(self.client, informers, self.runtime, None, options)
            await self.kubelet.run(ready=ready.set)

    async def stop(self) -> None:
        """End the kubelet; the pods run on."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def create(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Make a Pod bound to the node."""
        body = {**pod, "spec": {"nodeName": NODE, "automountServiceAccountToken": False, **pod["spec"]}}
        body["metadata"] = {"namespace": "default", **{k: v for k, v in pod["metadata"].items() if k != "uid"}}
        body["metadata"]["namespace"] = "default"
        return await self.admin.create(kinds.POD, body)

    async def status(self, name: str) -> dict[str, Any]:
        return (await self.admin.get(kinds.POD, name, namespace="default")).get("status") or {}

    async def until(self, name: str, good: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until a Pod's status is as wanted, by watching it."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                selector = f"metadata.name={name}"
                listed = await self.admin.list(kinds.POD, namespace="default", field_selector=selector)
                for item in listed.items:
                    found = item.get("status") or {}
                    if good(found):
                        return found
                async for event in self.admin.watch(
                    kinds.POD,
                    namespace="default",
                    field_selector=selector,
                    resource_version=listed.resource_version,
                ):
                    found = event.object.get("status") or {}
                    if event.type in ("ADDED", "MODIFIED") and good(found):
                        return found
        except TimeoutError:
            raise AssertionError(f"in vain; the status of {name} is {found}; events: {await self.events()}") from None
        raise AssertionError("the watch ended")

    async def gone(self, name: str) -> None:
        """Wait until a Pod has left the API."""
        await self._poll(lambda: self._is_gone(name), f"{name} is gone")

    async def _is_gone(self, name: str) -> bool:
        listed = await self.admin.list(kinds.POD, namespace="default", field_selector=f"metadata.name={name}")
        return not listed.items

    async def containers(self, count: int) -> None:
        """Wait until the runtime has so many containers."""

        async def counted() -> bool:
            return len(await self.runtime.containers()) == count

        await self._poll(counted, f"{count} containers")

    async def event(self, reason: str) -> str:
        """Wait for an event; its message."""

        async def told() -> bool:
            return any(event["reason"] == reason for event in await self._all_events())

        await self._poll(told, f"event {reason}")
        return next(event["message"] for event in await self._all_events() if event["reason"] == reason)

    async def events(self) -> list[str]:
        return [f"{event['reason']}: {event['message']}" for event in await self._all_events()]

    async def _all_events(self) -> list[dict[str, Any]]:
        return list((await self.admin.list(kinds.EVENT)).items)

    async def _poll(self, good: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await good():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"in vain: {what}; events: {await self.events()}") from None


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiServer]:
    server = ApiServer(ApiOptions(data_dir=tmp_path / "api", secure_port=0, bind_address="127.0.0.1"))
    ready = asyncio.Event()
    task = asyncio.create_task(server.run(ready=ready.set))
    waiter = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        task.result()
    admin = local.connect(server.handler, UserInfo("kubernetes-admin", ("system:masters",)))
    await admin.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "default"}})
    yield server
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def runtime() -> HollowRuntime:
    return HollowRuntime()


@pytest.fixture
async def node(api: ApiServer, runtime: HollowRuntime, tmp_path: Path) -> AsyncIterator[Node]:
    found = Node(api, tmp_path, runtime)
    await found.start()
    yield found
    await found.stop()
    mounts.unmount_below(found.options.root_dir)
