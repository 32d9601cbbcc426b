"""Servers of a recorded history: processes that are ended by SIGKILL, and started again at the same address."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from store.real_etcd import free_port

from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.protocol import Unavailable


class Server:
    """One server process, and the address it has in all its lives."""

    def __init__(self, address: str, command: Sequence[str], log: Path) -> None:
        self.address = address
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=log, stderr=log, env=environment
            )
        async with asyncio.timeout(30):
            while not await self._answers():
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.02)  # a process that starts tells nobody

    async def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def kill_and_restart(self) -> None:
        """What a power cut and a quick operator do."""
        await self.kill()
        await self.start()

    def pause(self) -> None:
        """Stop it where it stands."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def connect(self) -> EtcdStore:
        """A client of it."""
        return await open_etcd([self.address])

    async def _answers(self) -> bool:
        try:
            await (await self.connect()).aclose()
        except Unavailable:
            return False
        return True


@asynccontextmanager
async def hyperpy_etcd(directory: Path) -> AsyncIterator[Server]:
    """Our own server."""
    address = f"http://127.0.0.1:{free_port()}"
    flags = ("--data-dir", str(directory / "data"), "--listen-client-urls", address)
    async with _started(
        Server(address, [sys.executable, "-m", "hyperpy", "etcd", *flags], directory / "log")
    ) as server:
        yield server


@asynccontextmanager
async def any_store(where: str, directory: Path) -> AsyncIterator[Server]:
    """Our own server over the store that an address names."""
    port = free_port()
    directory.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), where, str(directory), str(port)]
    async with _started(Server(f"http://127.0.0.1:{port}", command, directory / "log")) as server:
        yield server


@asynccontextmanager
async def debian_etcd(directory: Path) -> AsyncIterator[Server]:
    """The real one."""
    address, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = [
        *("etcd", "--name", "one", "--data-dir", str(directory / "data")),
        *("--listen-client-urls", address, "--advertise-client-urls", address),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}"),
        *("--logger", "zap", "--log-level", "error"),
    ]
    async with _started(Server(address, command, directory / "log")) as server:
        yield server


@asynccontextmanager
async def _started(server: Server) -> AsyncIterator[Server]:
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
