"""`CriRuntime`: the runtime contract on containerd or CRI-O.

    lists of our scope ──▶ a status for what is new or changed its state ──▶ records
    the runtime's events ──▶ that status is looked at again ──▶ our events

Statuses are kept as long as the state in the list stays the same, so that looking at
a hundred containers costs one call.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from hyperpy.runtime.cri import streams, translate
from hyperpy.runtime.cri.connection import Connection, Unsupported
from hyperpy.runtime.cri.happenings import Happenings
from hyperpy.runtime.cri.images import CriImages
from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.dial import Connection as Dialled
from hyperpy.runtime.dial import dial
from hyperpy.runtime.docker import host
from hyperpy.runtime.event_feed import EventFeed
from hyperpy.runtime.protocol import (
    Container,
    ContainerSpec,
    ContainerStats,
    ImageNotFound,
    NoSuchContainer,
    Process,
    RuntimeEvent,
    RuntimeFailure,
    RuntimeInfo,
    RuntimeUnavailable,
    Sandbox,
    SandboxSpec,
)

T = TypeVar("T")

#: Calls at the same time when many statuses are looked at.
LOOKS_AT_ONCE = 8
_EXIT_LOOKS, _EXIT_PAUSE_S = 100, 0.02


class CriRuntime:
    """Pods on a runtime that speaks the CRI.

    Args:
        endpoint: its socket (`unix:///run/containerd/containerd.sock`); `""`: the first usual one that exists.
        scope: a name for this node's pods: several nodes and clusters may share a runtime.
    """

    def __init__(self, *, endpoint: str = "", scope: str) -> None:
        self._connection = Connection(endpoint)
        self.images = CriImages(self._connection)
        self._scope = scope
        self._feed = EventFeed()
        self._statuses: dict[str, api.ContainerStatus] = {}
        self._ips: dict[str, str | None] = {}
        self._sandbox_of: dict[str, str] = {}
        self._happenings = Happenings(self._connection, self._feed, look=self._look_again)
        self._driver = ""
        self._unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")

    async def start(self) -> RuntimeInfo:
        version = await self._connection.open()
        conditions = [] if self._unified else ["Process limits are not enforced."]
        answer = await self._call("Status", api.StatusRequest(verbose=True))
        for condition in answer.status.conditions:
            if not condition.status and condition.type == "RuntimeReady":
                raise RuntimeUnavailable(f"{version.runtime_name} is not ready: {condition.message}; see its log")
            if not condition.status and condition.type == "NetworkReady":
                conditions.append(f"Pods get no network: {condition.message}.")
        self._driver = await self._cgroup_driver(answer)
        await self.containers()
        self._happenings.start()
        return RuntimeInfo(version.runtime_name, version.runtime_version, tuple(conditions), gives_addresses=True)

    # --- sandboxes

    async def run_sandbox(self, spec: SandboxSpec) -> Sandbox:
        parent = translate.cgroup_parent(spec.cgroup_parent, driver=self._driver)
        config = translate.sandbox_config(spec, scope=self._scope, cgroup_parent=parent)
        answer = await self._call("RunPodSandbox", api.RunPodSandboxRequest(config=config))
        self._tell(answer.pod_sandbox_id)
        found = next((box for box in await self.sandboxes() if box.id == answer.pod_sandbox_id), None)
        if found is None:
            raise RuntimeFailure(f"the sandbox {answer.pod_sandbox_id} was gone at once")
        return found

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._gone_is_fine(self._call("StopPodSandbox", api.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)))
        self._tell(sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        config = await self._gone_is_fine(self._sandbox_config(sandbox_id))
        await self.stop_sandbox(sandbox_id)
        request = api.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._gone_is_fine(self._call("RemovePodSandbox", request))
        if config is not None and config.linux.cgroup_parent:
            await asyncio.to_thread(host.remove_cgroup, config.linux.cgroup_parent)
        self._tell(sandbox_id)

    # --- containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        sandbox_config = await self._sandbox_config(sandbox_id)
        image = await self.images.find(spec.image)
        if image is None:
            raise ImageNotFound(f'no image "{spec.image}" here')
        config = translate.container_config(spec, sandbox_config, scope=self._scope, image=image, unified=self._unified)
        if spec.log_path:
            # The runtime opens the file, but makes no directory for it.
            await asyncio.to_thread(os.makedirs, os.path.dirname(spec.log_path), exist_ok=True)
        request = api.CreateContainerRequest(pod_sandbox_id=sandbox_id, config=config, sandbox_config=sandbox_config)
        answer = await self._call("CreateContainer", request)
        self._sandbox_of[answer.container_id] = sandbox_id
        self._tell(answer.container_id)
        return str(answer.container_id)

    async def start_container(self, container_id: str) -> None:
        try:
            await self._call("StartContainer", api.StartContainerRequest(container_id=container_id))
        finally:
            self._tell(container_id)

    async def stop_container(self, container_id: str, *, grace_s: int) -> None:
        request = api.StopContainerRequest(container_id=container_id, timeout=grace_s)
        # The runtime gives up by itself; the call must not give up before its grace is over.
        stub = self._connection.runtime.StopContainer
        await self._gone_is_fine(self._connection.call(stub, request, timeout_s=grace_s + 120.0))
        self._tell(container_id)

    async def remove_container(self, container_id: str) -> None:
        request = api.RemoveContainerRequest(container_id=container_id)
        await self._gone_is_fine(self._call("RemoveContainer", request))
        self._tell(container_id)
        self._sandbox_of.pop(container_id, None)

    # --- looking

    async def sandboxes(self) -> Sequence[Sandbox]:
        filter_ = api.PodSandboxFilter(label_selector={translate.SCOPE: self._scope})
        answer = await self._call("ListPodSandbox", api.ListPodSandboxRequest(filter=filter_))
        ready = [item.id for item in answer.items if item.state == api.SANDBOX_READY]
        # An address stays as long as its sandbox is ready.
        self._ips = {sandbox_id: self._ips[sandbox_id] for sandbox_id in ready if sandbox_id in self._ips}

        async def look(sandbox_id: str) -> None:
            if (status := await self._gone_is_fine(self._sandbox_status(sandbox_id))) is not None:
                self._ips[sandbox_id] = None if translate.uses_host_network(status) else status.network.ip or None

        await _some_at_once(look, set(ready) - set(self._ips))
        return [translate.sandbox(item, self._ips.get(item.id)) for item in answer.items]

    async def containers(self) -> Sequence[Container]:
        filter_ = api.ContainerFilter(label_selector={translate.SCOPE: self._scope})
        answer = await self._call("ListContainers", api.ListContainersRequest(filter=filter_))
        self._sandbox_of = {item.id: item.pod_sandbox_id for item in answer.containers}
        state = {item.id: item.state for item in answer.containers}
        found = {key: status for key, status in self._statuses.items() if state.get(key) == status.state}
        self._statuses = dict(found)

        async def look(container_id: str) -> None:
            if (status := await self._gone_is_fine(self._container_status(container_id))) is not None:
                found[container_id] = status
                if not translate.may_change(status):
                    self._statuses[container_id] = status

        await _some_at_once(look, set(state) - set(found))
        return [translate.container(item, found[item.id]) for item in answer.containers if item.id in found]

    def events(self) -> AsyncIterator[RuntimeEvent]:
        return self._feed.read()

    async def stats(self) -> Sequence[ContainerStats]:
        filter_ = api.ContainerStatsFilter(label_selector={translate.SCOPE: self._scope})
        answer = await self._call("ListContainerStats", api.ListContainerStatsRequest(filter=filter_))
        return [translate.stats(item) for item in answer.stats if item.HasField("memory")]

    # --- streams

    async def exec(
        self, container_id: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> Process:
        request = api.ExecRequest(
            container_id=container_id, cmd=command, tty=tty, stdin=stdin, stdout=True, stderr=not tty
        )
        answer = await self._call("Exec", request)
        return await streams.connect(answer.url, tty=tty, stdin=stdin)

    async def attach(self, container_id: str) -> Process:
        status = await self._container_status(container_id)
        tty, stdin = translate.has_terminal(status), translate.has_stdin(status)
        request = api.AttachRequest(container_id=container_id, stdin=stdin, tty=tty, stdout=True, stderr=not tty)
        answer = await self._call("Attach", request)
        return await streams.connect(answer.url, tty=tty, stdin=stdin, wait=lambda: self._exit_code(container_id))

    async def port_forward(self, sandbox_id: str, port: int) -> Dialled:
        """Dialled in the sandbox's own network namespace: the streaming server tells of a closed port too late."""
        request = api.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id, verbose=True)
        answer = await self._call("PodSandboxStatus", request)
        if translate.uses_host_network(answer.status):
            return await dial(None, port)
        path = translate.network_namespace(json.loads(answer.info.get("info") or "{}"))
        if not path:
            raise RuntimeFailure(f"cannot connect to port {port} in the pod: the runtime names no network namespace")
        return await dial(path, port)

    # --- the end

    async def aclose(self, *, purge: bool = False) -> None:
        await self._happenings.aclose()
        try:
            if purge:
                boxes = [sandbox.id for sandbox in await self.sandboxes()]
                await _some_at_once(self.remove_sandbox, boxes)
                await _some_at_once(self.remove_container, [found.id for found in await self.containers()])
                await asyncio.to_thread(host.remove_empty_cgroups)
        finally:
            self._connection.close()

    # --- calls and records

    async def _call(self, method: str, request: object) -> Any:
        return await self._connection.call(getattr(self._connection.runtime, method), request)

    async def _sandbox_status(self, sandbox_id: str) -> api.PodSandboxStatus:
        return (await self._call("PodSandboxStatus", api.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id))).status

    async def _sandbox_config(self, sandbox_id: str) -> api.PodSandboxConfig:
        return translate.kept_config(await self._sandbox_status(sandbox_id))

    async def _container_status(self, container_id: str) -> api.ContainerStatus:
        return (await self._call("ContainerStatus", api.ContainerStatusRequest(container_id=container_id))).status

    async def _exit_code(self, container_id: str) -> int:
        """The exit code of a container whose streams have ended: it is noted a moment later."""
        for _ in range(_EXIT_LOOKS):
            status = await self._container_status(container_id)
            if status.state == api.CONTAINER_EXITED:
                return int(status.exit_code)
            await asyncio.sleep(_EXIT_PAUSE_S)
        raise RuntimeFailure("the process closed its streams and runs on")

    async def _look_again(self, container_id: str, *, ended: bool) -> RuntimeEvent | None:
        """What to tell of something that happened to a container or sandbox; None: it is not ours.

        Args:
            ended: wait until the CRI knows it too: containerd tells of an end before it notes it.
        """
        sandbox_id = self._sandbox_of.get(container_id)
        if sandbox_id is None:
            return RuntimeEvent(container_id) if container_id in self._ips else None
        if ended:
            try:
                await self._exit_code(container_id)
            except NoSuchContainer:
                pass
        self._statuses.pop(container_id, None)
        return RuntimeEvent(sandbox_id, container_id)

    def _tell(self, container_id: str) -> None:
        """Tell of what we did ourselves: some runtimes have no events, or late ones."""
        self._statuses.pop(container_id, None)
        sandbox_id = self._sandbox_of.get(container_id)
        self._feed.publish(RuntimeEvent(sandbox_id, container_id) if sandbox_id else RuntimeEvent(container_id))

    async def _gone_is_fine(self, call: Awaitable[T]) -> T | None:
        try:
            return await call
        except NoSuchContainer:
            return None

    async def _cgroup_driver(self, answer: api.StatusResponse) -> str:
        try:
            found = await self._call("RuntimeConfig", api.RuntimeConfigRequest())
            return "cgroupfs" if found.linux.cgroup_driver == api.CGROUPFS else "systemd"
        except Unsupported:
            # Before Kubernetes 1.28: containerd shows its configuration; of others we do not know.
            return translate.cgroup_driver(json.loads(answer.info.get("config") or "{}"))


async def _some_at_once(work: Callable[[str], Awaitable[None]], ids: Iterable[str]) -> None:
    turn = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def one(item: str) -> None:
        async with turn:
            await work(item)

    await asyncio.gather(*(one(item) for item in ids))
