"""An embedded runtime with the test image; afterwards the machine must be as before."""

import asyncio
import itertools
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
from runtime import busybox

from hyperpy.runtime.embedded.runtime import EmbeddedRuntime
from hyperpy.runtime.protocol import ContainerSpec, SandboxSpec, State


def traces(root: Path, sandboxes: Mapping[str, int]) -> list[str]:
    """What is left on the machine of pods of this root directory (`sandboxes`: pause processes by id)."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(root) in line]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("*/hyperpy/*") if path.name in sandboxes]
    shims = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"/shim/start.py" in _read(path)]
    processes = [str(path) for path in shims if str(root).encode() in _read(path)]
    processes += [f"pause {pid}" for pid in sandboxes.values() if _read(Path(f"/proc/{pid}/cmdline")) == b"pause\0"]
    if not shims:
        # Nobody else's pods are here, so that the parent of all groups must be gone too.
        groups += [str(path) for path in Path("/sys/fs/cgroup").glob("*/hyperpy")]
    return mounts + groups + processes


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


class Node:
    """A runtime over one root directory, and shorthands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "runtime"
        self.runtime = EmbeddedRuntime(self.root)
        self.pauses: dict[str, int] = {}
        self._numbers = itertools.count()

    async def start(self) -> None:
        await self.runtime.start()

    async def restart(self) -> None:
        """Another kubelet comes."""
        await self.runtime.aclose()
        self.runtime = EmbeddedRuntime(self.root)
        await self.runtime.start()

    def shim(self) -> int:
        """The shim's process id."""
        wanted = f"start.py\0{self.root}\0".encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if wanted in path.read_bytes():
                    return int(path.parent.name)
            except OSError:
                continue
        raise AssertionError("there is no shim")

    async def kill_shim(self) -> None:
        pid = self.shim()
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        await ended.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)

    async def sandbox(self, **fields):
        name = f"pod-{next(self._numbers)}"
        made = await self.runtime.run_sandbox(SandboxSpec("default", name, f"uid-{name}", **fields))
        self.pauses[made.id] = int(made.netns.split("/")[2]) if made.netns else 0
        return made

    async def create(self, sandbox, script: str, **fields) -> str:
        name = f"main-{next(self._numbers)}"
        fields.setdefault("image", busybox.REFERENCE)
        fields.setdefault("log_path", str(self.directory / "logs" / f"{name}.log"))
        spec = ContainerSpec(name, command=["sh", "-c", script], **fields)
        return await self.runtime.create_container(sandbox.id, spec)

    async def run(self, sandbox, script: str, **fields) -> str:
        container_id = await self.create(sandbox, script, **fields)
        await self.runtime.start_container(container_id)
        return container_id

    async def look(self, container_id: str):
        return next(item for item in await self.runtime.containers() if item.id == container_id)

    async def until(self, condition) -> None:
        async with asyncio.timeout(15):
            while not await condition():
                await asyncio.sleep(0.01)

    async def exited(self, container_id: str):
        async def ended():
            return (await self.look(container_id)).state is State.EXITED

        await self.until(ended)
        return await self.look(container_id)

    def log(self, container) -> str:
        path = Path(container.log_path)
        lines = path.read_text().splitlines() if path.exists() else []
        return "\n".join(line.split(" ", 3)[3] for line in lines)

    async def output(self, sandbox, script: str, **fields) -> str:
        return self.log(await self.exited(await self.run(sandbox, f"({script}) 2>&1", **fields)))


@pytest.fixture
async def node(tmp_path):
    made = Node(tmp_path)
    await made.start()
    busybox.write_archive(tmp_path / "busybox.tar")
    await made.runtime.images.load(str(tmp_path / "busybox.tar"))
    yield made
    await made.runtime.aclose(purge=True)
    assert not traces(tmp_path, made.pauses)
    assert sorted(os.listdir(made.root)) == ["containers", "images", "sandboxes"]
