"""Simulated nodes against an API server in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hyperpy.api import kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import UserInfo
from hyperpy.client import local
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.server import ApiServer
from hyperpy.components.kubelet.hollow.nodes import HollowNodes
from hyperpy.components.kubelet.hollow.options import Options

OPTIONS = Options(3, labels={"zone": "a"}, max_pods=20)


@contextlib.asynccontextmanager
async def nodes(client: Client, options: Options = OPTIONS) -> AsyncIterator[None]:
    async with Informers(client) as informers:
        ready = asyncio.Event()
        task = asyncio.create_task(HollowNodes(client, informers, options).run(ready=ready.set))
        await ready.wait()
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def client(api: ApiServer) -> Client:
    return local.connect(api.handler, UserInfo("kubernetes-admin", ("system:masters",)))


async def until(client: Client, kind: Kind, good: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """All objects of a kind by name, when they are as wanted."""
    async with asyncio.timeout(10):
        page = await client.list(kind)
        found = {obj["metadata"]["name"]: obj for obj in page.items}
        if good(found):
            return found
        async for event in client.watch(kind, resource_version=page.resource_version):
            name = event.object["metadata"].get("name", "")
            if event.type == "DELETED":
                found.pop(name, None)
            elif event.type in ("ADDED", "MODIFIED"):
                found[name] = event.object
            if good(found):
                return found
    raise AssertionError("the watch ended")


async def bind(client: Client, name: str, node: str, **spec: Any) -> None:
    body = {"nodeName": node, "automountServiceAccountToken": False, "containers": [{"name": "c", "image": "x"}]}
    await client.create(kinds.POD, {"metadata": {"name": name, "namespace": "default"}, "spec": {**body, **spec}})


def is_ready(obj: dict[str, Any]) -> bool:
    return (meta.condition(obj, "Ready") or {}).get("status") == "True"


async def test_they_register_with_labels_capacity_and_addresses_and_keep_their_leases(client: Client) -> None:
    async with nodes(client):
        found = await until(client, kinds.NODE, lambda found: len(found) == 3)
        await until(client, kinds.LEASE, lambda found: {"hollow-0", "hollow-1", "hollow-2"} <= set(found))
    first = found["hollow-0"]
    assert all(is_ready(node) for node in found.values())
    assert first["metadata"]["labels"]["zone"] == "a"
    assert first["metadata"]["labels"]["kubernetes.io/hostname"] == "hollow-0"
    assert (first["status"]["allocatable"]["cpu"], first["status"]["allocatable"]["pods"]) == ("32", "20")
    addresses = {entry["address"] for node in found.values() for entry in node["status"]["addresses"]}
    assert len(addresses) == 6
    assert len({node["status"]["nodeInfo"]["machineID"] for node in found.values()}) == 3


async def test_their_pods_run_each_with_its_own_address_until_they_are_deleted(client: Client) -> None:
    async with nodes(client):
        for number in range(4):
            await bind(client, f"p{number}", f"hollow-{number % 3}")
        await bind(client, "elsewhere", "another-node")
        await bind(client, "host", "hollow-0", hostNetwork=True)
        found = await until(client, kinds.POD, lambda found: sum(map(is_ready, found.values())) == 5)
        ips = {name: pod["status"]["podIP"] for name, pod in found.items() if is_ready(pod)}
        assert len(set(ips.values())) == 5
        assert ips["host"] == found["host"]["status"]["hostIP"]
        assert found["elsewhere"]["status"]["phase"] == "Pending"
        await client.delete(kinds.POD, "p0", namespace="default")
        await until(client, kinds.POD, lambda found: "p0" not in found)
        await bind(client, "p0", "hollow-0")
        await until(client, kinds.POD, lambda found: "p0" in found and is_ready(found["p0"]))


async def test_a_restart_of_their_process_leaves_pods_as_they_are(client: Client) -> None:
    async with nodes(client):
        await bind(client, "p", "hollow-0")
        before = (await until(client, kinds.POD, lambda found: "p" in found and is_ready(found["p"])))["p"]
    async with nodes(client):
        await bind(client, "q", "hollow-0")
        found = await until(client, kinds.POD, lambda found: "q" in found and is_ready(found["q"]))
    assert found["p"]["status"] == before["status"]
    assert found["q"]["status"]["podIP"] != before["status"]["podIP"]


async def test_a_pod_deleted_while_their_process_was_away_ends_when_it_is_back(client: Client) -> None:
    async with nodes(client):
        await bind(client, "p", "hollow-0")
        await until(client, kinds.POD, lambda found: "p" in found and is_ready(found["p"]))
    await client.delete(kinds.POD, "p", namespace="default")
    assert "p" in await until(client, kinds.POD, lambda found: True)
    async with nodes(client):
        await until(client, kinds.POD, lambda found: "p" not in found)
