"""A simulated runtime: sandboxes and containers that only exist as records, with delays and failures by a profile.

No process runs, so what needs one (exec, attach, port-forward) is refused by name. It is what hollow nodes and fast
tests of the kubelet run on, and it passes the same contract suite as the real ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from hyperpy.runtime.event_feed import EventFeed
from hyperpy.runtime.protocol import (
    Container,
    ContainerSpec,
    ContainerStats,
    Image,
    ImageNotFound,
    NoSuchContainer,
    Process,
    RegistryAuth,
    RuntimeEvent,
    RuntimeFailure,
    RuntimeInfo,
    Sandbox,
    SandboxSpec,
    State,
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one image behaves. `run_s` None: it runs until it is stopped. A failure text makes that step fail."""

    pull_s: float = 0.0
    start_s: float = 0.0
    run_s: float | None = None
    exit_code: int = 0
    present: bool = True
    pull_failure: str = ""
    start_failure: str = ""
    cpu_millis: int = 1
    memory_bytes: int = 1 << 20


Profile = Callable[[str], Behaviour]


def steady(image: str) -> Behaviour:
    """The default profile: every image is present, starts at once and runs until it is stopped."""
    return Behaviour()


class HollowRuntime:
    """A `Runtime` without processes.

    Args:
        profile: the behaviour of an image reference.
        cidr: pods get addresses from it, in order.
        sleep: waits; the simulation's clock may replace it.
        now: seconds since the epoch, for the timestamps.
    """

    def __init__(
        self,
        *,
        profile: Profile = steady,
        cidr: str = "198.18.0.0/15",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.images = HollowImages(profile, sleep)
        self._profile = profile
        self._sleep = sleep
        self._now = now
        self._addresses = (str(address) for address in ipaddress.ip_network(cidr).hosts())
        self._ids = (f"{number:064x}" for number in itertools.count(1))
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, _Record] = {}
        self._feed = EventFeed()
        self._ends: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> RuntimeInfo:
        for record in self._containers.values():
            if record.container.state is State.RUNNING:
                self._schedule_end(record)
        return RuntimeInfo("hollow", "1", ("Containers are simulated: no process runs.",), gives_addresses=True)

    async def run_sandbox(self, spec: SandboxSpec) -> Sandbox:
        sandbox = Sandbox(
            id=next(self._ids),
            namespace=spec.namespace,
            name=spec.name,
            uid=spec.uid,
            attempt=spec.attempt,
            ready=True,
            created_at_ns=self._now_ns(),
            ip=None if spec.host_network else next(self._addresses),
            labels=dict(spec.labels),
            annotations=dict(spec.annotations),
        )
        self._sandboxes[sandbox.id] = sandbox
        self._feed.publish(RuntimeEvent(sandbox.id))
        return sandbox

    async def stop_sandbox(self, sandbox_id: str) -> None:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        for record in self._of(sandbox_id):
            self.finish(record.container.id, exit_code=137)
        self._sandboxes[sandbox_id] = replace(sandbox, ready=False)
        self._feed.publish(RuntimeEvent(sandbox_id))

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for record in self._of(sandbox_id):
            await self.remove_container(record.container.id)
        if self._sandboxes.pop(sandbox_id, None) is not None:
            self._feed.publish(RuntimeEvent(sandbox_id))

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        if sandbox_id not in self._sandboxes:
            raise NoSuchContainer(f"no sandbox {sandbox_id}")
        image = await self.images.find(spec.image)
        if image is None:
            raise ImageNotFound(f'no image "{spec.image}" here')
        container = Container(
            id=next(self._ids),
            sandbox_id=sandbox_id,
            name=spec.name,
            attempt=spec.attempt,
            state=State.CREATED,
            image=spec.image,
            image_id=image.id,
            created_at_ns=self._now_ns(),
            log_path=spec.log_path,
            labels=dict(spec.labels),
            annotations=dict(spec.annotations),
        )
        self._containers[container.id] = _Record(container, spec)
        return container.id

    async def start_container(self, container_id: str) -> None:
        record = self._record(container_id)
        behaviour = self._profile(record.spec.image)
        await self._sleep(behaviour.start_s)
        if behaviour.start_failure:
            self._end(record, exit_code=128, reason="StartError", message=behaviour.start_failure)
            raise RuntimeFailure(behaviour.start_failure)
        if not self._sandboxes[record.container.sandbox_id].ready:
            raise RuntimeFailure("its sandbox has stopped")
        record.container = replace(record.container, state=State.RUNNING, started_at_ns=self._now_ns())
        self._tell(record.container)
        self._schedule_end(record)

    async def stop_container(self, container_id: str, *, grace_s: int) -> None:
        self.finish(container_id, exit_code=143 if grace_s else 137)

    async def remove_container(self, container_id: str) -> None:
        self.finish(container_id, exit_code=137)
        record = self._containers.pop(container_id, None)
        if record is not None:
            self._tell(record.container)

    def finish(self, container_id: str, *, exit_code: int, reason: str = "") -> None:
        """End a container as if its process had exited; ending what has ended does nothing."""
        record = self._containers.get(container_id)
        if record is None or record.container.state is not State.RUNNING:
            return
        task = self._ends.pop(container_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._end(record, exit_code=exit_code, reason=reason or ("Completed" if exit_code == 0 else "Error"))

    async def sandboxes(self) -> Sequence[Sandbox]:
        return list(self._sandboxes.values())

    async def containers(self) -> Sequence[Container]:
        return [record.container for record in self._containers.values()]

    def events(self) -> AsyncIterator[RuntimeEvent]:
        return self._feed.read()

    async def exec(
        self, container_id: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> Process:
        self._record(container_id)
        raise RuntimeFailure("exec is not possible on the hollow runtime: its containers have no processes")

    async def attach(self, container_id: str) -> Process:
        self._record(container_id)
        raise RuntimeFailure("attach is not possible on the hollow runtime: its containers have no processes")

    async def port_forward(self, sandbox_id: str, port: int) -> Process:
        raise RuntimeFailure("port-forward is not possible on the hollow runtime: its pods have no network")

    async def stats(self) -> Sequence[ContainerStats]:
        found = []
        for record in self._containers.values():
            if record.container.state is State.RUNNING:
                behaviour = self._profile(record.spec.image)
                ran_ns = self._now_ns() - record.container.started_at_ns
                found.append(
                    ContainerStats(record.container.id, ran_ns * behaviour.cpu_millis // 1000, behaviour.memory_bytes)
                )
        return found

    async def aclose(self, *, purge: bool = False) -> None:
        tasks = list(self._ends.values())
        self._ends.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if purge:
            self._sandboxes.clear()
            self._containers.clear()

    def _end(self, record: _Record, *, exit_code: int, reason: str, message: str = "") -> None:
        record.container = replace(
            record.container,
            state=State.EXITED,
            finished_at_ns=self._now_ns(),
            exit_code=exit_code,
            signal=exit_code - 128 if exit_code > 128 else 0,
            reason=reason,
            message=message,
        )
        self._tell(record.container)

    def _schedule_end(self, record: _Record) -> None:
        """Let a container that runs end when its profile says, counted from its start."""
        behaviour, container_id = self._profile(record.spec.image), record.container.id
        if behaviour.run_s is not None and container_id not in self._ends:
            ran_s = self._now() - record.container.started_at_ns / 1e9
            end = self._end_later(container_id, behaviour.run_s - ran_s, behaviour.exit_code)
            self._ends[container_id] = asyncio.create_task(end, name=f"hollow/{record.spec.name}")

    async def _end_later(self, container_id: str, delay_s: float, exit_code: int) -> None:
        await self._sleep(max(0.0, delay_s))
        self.finish(container_id, exit_code=exit_code)

    def _of(self, sandbox_id: str) -> list[_Record]:
        return [record for record in self._containers.values() if record.container.sandbox_id == sandbox_id]

    def _record(self, container_id: str) -> _Record:
        if container_id not in self._containers:
            raise NoSuchContainer(f"no container {container_id}")
        return self._containers[container_id]

    def _tell(self, container: Container) -> None:
        self._feed.publish(RuntimeEvent(container.sandbox_id, container.id))

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


@dataclass(slots=True)
class _Record:
    container: Container
    spec: ContainerSpec = field(repr=False)


class HollowImages:
    """Images by name only: present from the start or after a simulated pull, as the profile says."""

    def __init__(self, profile: Profile, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._profile = profile
        self._sleep = sleep
        self._pulled: dict[str, Image] = {}

    async def pull(self, reference: str, *, auth: RegistryAuth | None = None) -> str:
        behaviour = self._profile(reference)
        await self._sleep(behaviour.pull_s)
        if behaviour.pull_failure:
            raise ImageNotFound(behaviour.pull_failure)
        self._pulled[reference] = _image(reference)
        return self._pulled[reference].id

    async def find(self, reference: str) -> Image | None:
        if reference not in self._pulled and self._profile(reference).present:
            self._pulled[reference] = _image(reference)
        return self._pulled.get(reference)

    async def list(self) -> Sequence[Image]:
        return list(self._pulled.values())

    async def load(self, archive: str) -> Sequence[str]:
        raise RuntimeFailure("the hollow runtime holds no images; it cannot load archives")

    async def remove(self, reference: str) -> None:
        self._pulled.pop(reference, None)


def _image(reference: str) -> Image:
    return Image(f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}", (reference,), 1 << 20)
