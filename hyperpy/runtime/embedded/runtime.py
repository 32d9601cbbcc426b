"""The embedded runtime: the `Runtime` contract over the shim process and the image store. No daemon, no package."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from hyperpy import __version__
from hyperpy.linux import syscalls
from hyperpy.runtime import pause
from hyperpy.runtime.dial import dial
from hyperpy.runtime.embedded import plan, process, wire
from hyperpy.runtime.embedded.connection import Answer
from hyperpy.runtime.embedded.keeper import Keeper
from hyperpy.runtime.embedded.records import ContainerRecord, Records, SandboxRecord
from hyperpy.runtime.embedded.shim import cgroups, privileges
from hyperpy.runtime.images import store
from hyperpy.runtime.images.local import LocalImages
from hyperpy.runtime.images.store import ImageStore
from hyperpy.runtime.protocol import (
    Container,
    ContainerSpec,
    ContainerStats,
    ImageNotFound,
    Mount,
    NoSuchContainer,
    Process,
    RuntimeEvent,
    RuntimeFailure,
    RuntimeInfo,
    RuntimeUnavailable,
    Sandbox,
    SandboxSpec,
)

_DEATH_S = 20.0
_CAP_SYS_ADMIN = 21


class EmbeddedRuntime:
    """Pods on this machine without a container engine.

    Args:
        root_dir: everything on disk: images, pods, the shim's socket. One runtime object at a time may use it.
    """

    def __init__(self, root_dir: Path) -> None:
        self.root_dir = root_dir
        self._store = ImageStore(root_dir / "images")
        self.images = LocalImages(self._store)
        self._records = Records(root_dir)
        self._sandboxes: dict[str, SandboxRecord] = {}
        self._containers: dict[str, ContainerRecord] = {}
        self._keeper = Keeper(root_dir)

    async def start(self) -> RuntimeInfo:
        """Find or start the shim, and whatever runs."""
        _check_host()
        await asyncio.to_thread(self._prepare)
        self._sandboxes = self._records.sandboxes()
        self._containers = self._records.containers()
        return RuntimeInfo("embedded", __version__, await self._keeper.start())

    def _prepare(self) -> None:
        self.root_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root_dir.chmod(0o700)
        self._records.prepare()
        self._store.prepare()
        program = self.root_dir / "pause"
        if not program.exists():
            store.write_whole(program, pause.program(syscalls.MACHINE))
            program.chmod(0o555)

    async def run_sandbox(self, spec: SandboxSpec) -> Sandbox:
        """See the contract."""
        sandbox_id = secrets.token_hex(16)
        bundle = plan.sandbox(spec, sandbox_id=sandbox_id)
        record = SandboxRecord(
            id=sandbox_id,
            namespace=spec.namespace,
            name=spec.name,
            uid=spec.uid,
            attempt=spec.attempt,
            created_at_ns=time.time_ns(),
            own_network=not spec.host_network,
            labels=dict(spec.labels),
            annotations=dict(spec.annotations),
        )
        files = {
            "hostname": f"{bundle['hostname']}\n",
            "resolv.conf": plan.resolv_conf(spec, _read("/etc/resolv.conf")),
            "hosts": plan.hosts(spec, _read("/etc/hosts")),
        }
        await asyncio.to_thread(self._records.add_sandbox, record, bundle, files)
        try:
            answer = await self._keeper.call("run_sandbox", sandbox_id)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._records.remove, [sandbox_id], []))
            raise
        self._sandboxes[sandbox_id] = record
        self._keeper.note(sandbox_id, answer.body)
        return record.now(answer.body)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """See the contract."""
        await self._keeper.call("stop_sandbox", sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """See the contract."""
        await self._keeper.call("stop_sandbox", sandbox_id)
        await self._keeper.call("remove_sandbox", sandbox_id)
        own = [record.id for record in self._containers.values() if record.sandbox_id == sandbox_id]
        await asyncio.to_thread(self._forget, [sandbox_id], own)

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        """See the contract.

        Raises:
            ImageNotFound: the image is not here; pull or load it first.
        """
        if sandbox_id not in self._sandboxes:
            raise NoSuchContainer(f"no sandbox {sandbox_id}")
        record = await asyncio.to_thread(self._create, sandbox_id, spec)
        self._containers[record.id] = record
        return record.id

    def _create(self, sandbox_id: str, spec: ContainerSpec) -> ContainerRecord:
        image = self._store.find(spec.image)
        if image is None:
            raise ImageNotFound(f'no image "{spec.image}"')
        settings = self._store.config(image.id).get("config") or {}
        container_id = secrets.token_hex(16)
        pod = self._records.bundle(sandbox_id)
        bundle = plan.container(
            spec,
            pod=pod,
            pod_files=_pod_files(self._records.sandboxes_directory / sandbox_id),
            image=settings,
            known_capabilities=privileges.CAPABILITIES,
        )
        group = f"{pod['cgroup']}/{container_id}"
        record = ContainerRecord(
            id=container_id,
            sandbox_id=sandbox_id,
            name=spec.name,
            attempt=spec.attempt,
            image=spec.image,
            image_id=image.id,
            created_at_ns=time.time_ns(),
            log_path=spec.log_path,
            group=group,
            stop_signal=plan.stop_signal(settings),
            tty=spec.tty,
            stdin_once=spec.stdin_once,
            labels=dict(spec.labels),
            annotations=dict(spec.annotations),
        )
        image = self._store.lease(container_id, image.id)
        # Overlayfs wants the top layer first.
        bundle |= {"sandbox": sandbox_id, "cgroup": group, "layers": list(reversed(image.layers))}
        self._records.add_container(record, bundle)
        return record

    async def start_container(self, container_id: str) -> None:
        """See the contract."""
        answer = await self._keeper.call("start_container", container_id)
        self._keeper.note(container_id, answer.body)

    async def stop_container(self, container_id: str, *, grace_s: int) -> None:
        """See the contract."""
        record = self._containers.get(container_id)
        if record is None or not self._keeper.runs(container_id):
            return
        if grace_s > 0:
            await self._keeper.call("signal", container_id, signal=record.stop_signal)
            if await self._keeper.dies_within(container_id, grace_s):
                return
        await self._keeper.call("signal", container_id, signal=int(signal.SIGKILL))
        if not await self._keeper.dies_within(container_id, _DEATH_S):
            raise RuntimeFailure(f"container {record.name} does not die of SIGKILL; it waits in the kernel")

    async def remove_container(self, container_id: str) -> None:
        """See the contract. A running container is killed first."""
        await self.stop_container(container_id, grace_s=0)
        await self._keeper.call("remove_container", container_id)
        await asyncio.to_thread(self._forget, [], [container_id])

    async def sandboxes(self) -> Sequence[Sandbox]:
        """See the contract."""
        return [record.now(self._keeper.state(key)) for key, record in self._sandboxes.items()]

    async def containers(self) -> Sequence[Container]:
        """See the contract."""
        return [record.now(self._keeper.state(key)) for key, record in self._containers.items()]

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """See the contract."""
        return self._keeper.events()

    async def exec(
        self, container_id: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> Process:
        """See the contract. Closing the process kills it."""
        if not command:
            raise RuntimeFailure("no command given")
        if tty:
            return await self._exec_on_terminal(container_id, command)
        stdin_read, stdin_write = os.pipe() if stdin else (os.open("/dev/null", os.O_RDONLY), -1)
        outputs = [os.pipe() for _ in (1, 2)]
        ours = [read_end for read_end, _ in outputs] + ([stdin_write] if stdin else [])
        theirs = [stdin_read, *(write_end for _, write_end in outputs)]
        try:
            answer = await self._keeper.call("exec", container_id, handles=theirs, command=list(command), tty=False)
        except BaseException:
            wire.close_all(ours)
            raise
        streams = [(read_end, number) for number, (read_end, _) in enumerate(outputs, start=1)]
        return self._extra_process(answer, outputs=streams, stdin=stdin_write)

    async def _exec_on_terminal(self, container_id: str, command: Sequence[str]) -> Process:
        answer = await self._keeper.call("exec", container_id, command=list(command), tty=True)
        return self._extra_process(answer, outputs=[(answer.handle, 1)], stdin=answer.handle, master=answer.handle)

    def _extra_process(
        self, answer: Answer, *, outputs: Sequence[tuple[int, int]], stdin: int, master: int = -1
    ) -> Process:
        connection, number, pid = self._keeper.connection, answer.number, answer.body["pid"]

        async def end() -> None:
            connection.forget(number)
            if connection.open:
                await connection.call("kill_exec", pid=pid)

        return process.StreamProcess(
            outputs=outputs, stdin=stdin, master=master, exit_code=lambda: connection.exit_of(number), end=end
        )

    async def attach(self, container_id: str) -> Process:
        """See the contract. Output from now on; with `stdin_once`, closing ends the container's input."""
        record = self._containers.get(container_id)
        if record is None:
            raise NoSuchContainer(f"no container {container_id}")
        pipes = [os.pipe() for _ in (1, 2)]
        try:
            answer = await self._keeper.call("attach", container_id, handles=[write_end for _, write_end in pipes])
        except BaseException:
            wire.close_all([read_end for read_end, _ in pipes])
            raise

        async def exit_code() -> int:
            await self._keeper.exited(container_id)
            return int(self._keeper.state(container_id).get("exit_code", 0))

        async def end() -> None:
            if record.stdin_once and self._keeper.connected:
                await self._keeper.call("close_stdin", container_id)

        return process.StreamProcess(
            outputs=[(read_end, number) for number, (read_end, _) in enumerate(pipes, start=1)],
            stdin=answer.handle,
            master=answer.handle if record.tty else -1,
            exit_code=exit_code,
            end=end,
        )

    async def port_forward(self, sandbox_id: str, port: int) -> Process:
        """See the contract."""
        record = self._sandboxes.get(sandbox_id)
        if record is None:
            raise NoSuchContainer(f"no sandbox {sandbox_id}")
        now = record.now(self._keeper.state(sandbox_id))
        if not now.ready:
            raise RuntimeFailure(f"the sandbox of pod {now.namespace}/{now.name} is not running")
        return await dial(now.netns, port)

    async def stats(self) -> Sequence[ContainerStats]:
        """See the contract. Containers without control groups are left out."""
        running = [(key, record.group) for key, record in self._containers.items() if self._keeper.runs(key)]
        return await asyncio.to_thread(_measure, running)

    async def reopen_log(self, container_id: str) -> None:
        """Write on at the container's log path, after the file there was renamed."""
        await self._keeper.call("reopen_log", container_id)

    async def aclose(self, *, purge: bool = False) -> None:
        """See the contract. A shim without pods ends too."""
        operation = "purge" if purge else "" if self._sandboxes else "leave"
        await self._keeper.close(operation=operation)
        if purge:
            await asyncio.to_thread(self._forget, list(self._sandboxes), list(self._containers))
            for name in ("shim.lock", "shim.log", "pause"):
                (self.root_dir / name).unlink(missing_ok=True)

    def _forget(self, sandboxes: Sequence[str], containers: Sequence[str]) -> None:
        self._records.remove(sandboxes, containers)
        for container_id in containers:
            self._store.release(container_id)
            self._containers.pop(container_id, None)
            self._keeper.forget(container_id)
        for sandbox_id in sandboxes:
            self._sandboxes.pop(sandbox_id, None)
            self._keeper.forget(sandbox_id)


def _check_host() -> None:
    """Raises RuntimeUnavailable: this machine or this user cannot do it."""
    if not os.path.exists("/proc/self/status"):
        raise RuntimeUnavailable("the embedded runtime needs Linux; use --container-runtime=docker")
    if not syscalls.supported():
        raise RuntimeUnavailable(f"the embedded runtime does not know the system calls of {syscalls.MACHINE}")
    held = [line for line in _read("/proc/self/status").splitlines() if line.startswith("CapEff:")]
    if not int(held[0].split()[1], 16) >> _CAP_SYS_ADMIN & 1:
        raise RuntimeUnavailable("the embedded runtime needs root (CAP_SYS_ADMIN); run as root, or use Docker")


def _pod_files(directory: Path) -> list[Mount]:
    return [Mount(str(directory / name), f"/etc/{name}") for name in ("hostname", "hosts", "resolv.conf")]


def _measure(groups: Sequence[tuple[str, str]]) -> list[ContainerStats]:
    hierarchies = cgroups.discover(_read("/proc/self/mountinfo"))
    used = [(container_id, cgroups.usage(hierarchies, group)) for container_id, group in groups]
    return [ContainerStats(container_id, *figures) for container_id, figures in used if figures]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
