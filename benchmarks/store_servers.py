"""The servers that the store's benchmark compares: `hyperpy etcd` and Debian's etcd, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import Store, Unavailable

_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A running server; `store` is the product's own client of it."""

    name: str
    port: int
    pid: int
    store: Store

    def cpu_s(self) -> float:
        """CPU time that its process has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S


@contextlib.asynccontextmanager
async def ours(directory: Path) -> AsyncIterator[Server]:
    """`hyperpy etcd`."""
    port = _free_port()
    command = [sys.executable, "-m", "hyperpy", "etcd", f"--addr=127.0.0.1:{port}", f"--data-dir={directory}/ours"]
    async with _running("hyperpy etcd", command, port) as server:
        yield server


@contextlib.asynccontextmanager
async def theirs(directory: Path) -> AsyncIterator[Server]:
    """Debian's etcd, one member, with the settings it comes with."""
    port, peer_port = _free_port(), _free_port()
    url, peer_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    command = [
        *("etcd", "--name", "one", "--data-dir", f"{directory}/theirs"),
        *("--listen-client-urls", url, "--advertise-client-urls", url),
        *("--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url),
        *("--initial-cluster", f"one={peer_url}"),
    ]
    async with _running("etcd", command, port) as server:
        yield server


@contextlib.asynccontextmanager
async def _running(name: str, command: Sequence[str], port: int) -> AsyncIterator[Server]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            store = await _reached(name, f"http://127.0.0.1:{port}")
            yield Server(name, port, process.pid, store)
            await store.aclose()
        finally:
            process.terminate()


async def _reached(name: str, address: str) -> Store:
    for _ in range(200):
        with contextlib.suppress(Unavailable):
            return await open_etcd([address])
        await asyncio.sleep(0.05)
    raise SystemExit(f"{name} does not answer at {address}; is it installed?")


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
