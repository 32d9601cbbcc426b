"""A cluster to measure at scale: `hyperpy all` with a hollow node, more of them in a second process, and a client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from cluster import BIN, Server, cpu_seconds

from hyperpy.api.kinds import Kind
from hyperpy.client import http, kubeconfig
from hyperpy.client.rest import RestClient

Obj = dict[str, Any]

LIMIT_S = 300.0


class Process:
    """A process that is measured from outside."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._cpu_s = cpu_seconds(pid)
        self._since = time.monotonic()

    def resident_mb(self) -> float:
        """Its memory (RSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def lap(self) -> tuple[float, float]:
        """Seconds of CPU and seconds by the clock since the last call, or since it was made."""
        cpu_s, now = cpu_seconds(self.pid), time.monotonic()
        took = cpu_s - self._cpu_s, now - self._since
        self._cpu_s, self._since = cpu_s, now
        return took


@contextlib.contextmanager
def hollow_nodes(server: Server, nodes: int) -> Iterator[subprocess.Popen[bytes]]:
    """So many simulated nodes beside the cluster, for as long as the context lasts."""
    command = [BIN / "hyperpy", "kubelet", "--container-runtime=hollow", f"--nodes={nodes}",
               f"--kubeconfig={server.kubeconfig}"]  # fmt: skip
    process = subprocess.Popen(command, stdout=server.log, stderr=server.log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[RestClient]:
    """A client of the cluster's administrator."""
    client = http.connect(kubeconfig.load(server.kubeconfig), user_agent="bench-scale")
    try:
        yield client
    finally:
        await client.aclose()


async def until(
    client: RestClient, kind: Kind, good: Callable[[dict[str, Obj]], bool], *, namespace: str | None = None
) -> float:
    """When the objects of a kind were as wanted (monotonic seconds), told by a watch.

    Args:
        good: is given all objects by namespace and name, after each change.
    """
    try:
        async with asyncio.timeout(LIMIT_S):
            while True:
                page = await client.list(kind, namespace=namespace)
                objects = {_key(obj): obj for obj in page.items}
                if good(objects):
                    return time.monotonic()
                async for event in client.watch(kind, namespace=namespace, resource_version=page.resource_version):
                    if event.type == "DELETED":
                        objects.pop(_key(event.object), None)
                    elif event.type in ("ADDED", "MODIFIED"):
                        objects[_key(event.object)] = event.object
                    if good(objects):
                        return time.monotonic()
    except TimeoutError:
        raise SystemExit(f"waited {LIMIT_S:g} s in vain for {kind.plural}") from None


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _key(obj: Obj) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
