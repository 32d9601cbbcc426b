"""Hollow nodes under a real control plane: registration, a Deployment up and gone, many pods, rest."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from cluster import Server
from scale_cluster import Process, connected, hollow_nodes, until
from scale_figures import Goal, row

from hyperpy.api import kinds, meta
from hyperpy.client.rest import RestClient

Obj = dict[str, Any]

PER_DEPLOYMENT = 1000


async def small(server: Server) -> None:
    """A Deployment of 1,000 on 100 nodes, and the end of its namespace; then the same behind a Service."""
    with hollow_nodes(server, 100):
        async with connected(server) as client:
            await until(client, kinds.NODE, lambda nodes: _ready_nodes(nodes) >= 100)
            await _up_and_down(server, client, "alone")
            await _up_and_down(server, client, "served", service=True)


async def _up_and_down(server: Server, client: RestClient, namespace: str, *, service: bool = False) -> None:
    await _namespace(client, namespace)
    if service:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        await client.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": namespace}, "spec": spec})
    behind = " behind a Service" if service else ""
    process, began = Process(server.process.pid), time.monotonic()
    await client.create(kinds.DEPLOYMENT, deployment("web", namespace, PER_DEPLOYMENT))
    up = await until(client, kinds.DEPLOYMENT, lambda found: _ready_pods(found) >= PER_DEPLOYMENT, namespace=namespace)
    what = f"Deployment 0 to 1,000 replicas{behind}, all Ready, 100 nodes"
    row(what, up - began, "s", None if service else Goal(10), beside=_cpu([process]))
    await asyncio.sleep(2)
    process.lap()
    began = time.monotonic()
    await client.delete(kinds.NAMESPACE, namespace)
    gone = await until(client, kinds.NAMESPACE, lambda found: f"/{namespace}" not in found)
    what = f"the end of its namespace, 1,000 pods{behind}"
    row(what, gone - began, "s", None if service else Goal(3), beside=_cpu([process]))


async def large(server: Server, *, nodes: int, pods: int, rest_s: float) -> None:
    """Many nodes and pods; then what it costs to have them."""
    began = time.monotonic()
    with hollow_nodes(server, nodes) as agent:
        async with connected(server) as client:
            ready = await until(client, kinds.NODE, lambda found: _ready_nodes(found) >= nodes)
            row(f"{nodes} nodes registered and Ready, with the start of their process", ready - began, "s", Goal(10))
            await _namespace(client, "many")
            both = [Process(server.process.pid), Process(agent.pid)]
            began = time.monotonic()
            for number in range(pods // PER_DEPLOYMENT):
                await client.create(kinds.DEPLOYMENT, deployment(f"web-{number}", "many", PER_DEPLOYMENT))
            up = await until(client, kinds.DEPLOYMENT, lambda found: _ready_pods(found) >= pods, namespace="many")
            row(f"{pods} pods Running and Ready on them", up - began, "s", Goal(60), beside=_cpu(both))
            await asyncio.sleep(15)
            await _rest(both, rest_s)


async def idle(server: Server, *, seconds: float) -> None:
    """Control loops with nothing to do: what is written, and what it costs."""
    async with connected(server) as client:
        await asyncio.sleep(5)
        process, before = Process(server.process.pid), await _revision(client)
        await asyncio.sleep(seconds)
        cpu_s, took_s = process.lap()
        writes = await _revision(client) - before
        row(f"idle cluster, {seconds:g} s: CPU", cpu_s, "s", Goal(seconds / 100))
        row("writes meanwhile, leases of the one node and all", writes, "", beside=f"{writes / took_s:.2f}/s")


def _cpu(processes: list[Process]) -> str:
    """What they used since the last look."""
    return f"CPU {' and '.join(f'{process.lap()[0]:.1f}' for process in processes)} s"


async def _rest(both: list[Process], seconds: float) -> None:
    for process in both:
        process.lap()
    await asyncio.sleep(seconds)
    shares = []
    for process in both:
        cpu_s, took_s = process.lap()
        shares.append(100 * cpu_s / took_s)
    row("steady state there: hyperpy all, part of one core", shares[0], "%", Goal(30))
    row("the process of the hollow nodes", shares[1], "%")
    row("memory (RSS) of hyperpy all", both[0].resident_mb(), "MB", Goal(1024))
    row("memory of the hollow nodes", both[1].resident_mb(), "MB")


async def _revision(client: RestClient) -> int:
    """The store's newest revision: what has been written so far."""
    page = await client.list(kinds.NAMESPACE, limit=1)
    return int(page.resource_version)


async def _namespace(client: RestClient, name: str) -> None:
    await client.create(kinds.NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await until(client, kinds.SERVICE_ACCOUNT, lambda found: f"{name}/default" in found, namespace=name)


def deployment(name: str, namespace: str, replicas: int) -> Obj:
    """One of a small container each, on hollow nodes."""
    labels = {"app": name}
    container = {"name": "web", "image": "web", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _ready_nodes(nodes: dict[str, Obj]) -> int:
    found = (meta.condition(node, "Ready") or {} for node in nodes.values() if "/hollow-" in _key(node))
    return sum(condition.get("status") == "True" for condition in found)


def _ready_pods(deployments: dict[str, Obj]) -> int:
    return sum((each.get("status") or {}).get("readyReplicas", 0) for each in deployments.values())


def _key(node: Obj) -> str:
    return f"/{node['metadata']['name']}"
