"""`DockerRuntime`: the runtime contract on a Docker Engine.

    engine's events ──▶ records of our containers are looked up again ──▶ logs are copied to the end ──▶ our events

Records are held here and refreshed one by one, so that looking at a hundred containers costs no call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

from hyperpy.runtime.dial import Connection, dial
from hyperpy.runtime.docker import host, streams, translate
from hyperpy.runtime.docker.engine import Engine
from hyperpy.runtime.docker.images import DockerImages
from hyperpy.runtime.docker.log_pump import pump
from hyperpy.runtime.event_feed import LOOK_AT_ALL, EventFeed
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
    Sandbox,
    SandboxSpec,
    State,
)

log = logging.getLogger(__name__)

Obj = dict[str, Any]

#: How long the end of a container waits for the rest of its log.
LOG_GRACE_S = 2.0
RECONNECT_S = 1.0
#: Calls to the engine at the same time when everything is looked at.
LOOKS_AT_ONCE = 8


class DockerRuntime:
    """Pods on a Docker Engine.

    Args:
        endpoint: the engine's address (`unix:///run/docker.sock`); `""`: `$DOCKER_HOST`, or a socket in a usual place.
        scope: a name for this node's pods: several nodes and clusters may share an engine.
    """

    def __init__(self, *, endpoint: str = "", scope: str) -> None:
        self._engine = Engine(endpoint)
        self.images = DockerImages(self._engine)
        self._scope = scope
        self._found: dict[str, Obj] = {}
        self._feed = EventFeed()
        self._follower: asyncio.Task[None] | None = None
        self._pumps: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._systemd = False
        self._min_oom = host.lowest_oom_score_adj()

    async def start(self) -> RuntimeInfo:
        info = await self._engine.open()
        self._systemd = info.get("CgroupDriver") == "systemd"
        await self.images.load_pause()
        await self._look_at_all()
        self._follower = asyncio.create_task(self._follow(), name="docker/events")
        return RuntimeInfo("docker", info["Version"], host.restrictions(info))

    # --- sandboxes

    async def run_sandbox(self, spec: SandboxSpec) -> Sandbox:
        if spec.port_mappings:
            raise RuntimeFailure(
                "hostPort is not supported by the docker runtime; use a NodePort Service or hostNetwork"
            )
        config = translate.sandbox_config(spec, scope=self._scope, systemd_cgroups=self._systemd)
        sandbox_id = await self._engine.create(translate.sandbox_name(spec), config)
        await self._engine.start(sandbox_id)
        return translate.sandbox(await self._must(sandbox_id))

    async def stop_sandbox(self, sandbox_id: str) -> None:
        inside = [c.id for c in await self.containers() if c.sandbox_id == sandbox_id and c.state is State.RUNNING]
        await asyncio.gather(*(self.stop_container(container_id, grace_s=0) for container_id in inside))
        await self._engine.stop(sandbox_id, grace_s=0)
        await self._look(sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        inside = [c.id for c in await self.containers() if c.sandbox_id == sandbox_id]
        await asyncio.gather(*(self.remove_container(container_id) for container_id in inside))
        found = self._found.get(sandbox_id)
        await self._engine.remove(sandbox_id)
        await self._look(sandbox_id)
        if found is not None:
            host.remove_cgroup(found["HostConfig"].get("CgroupParent") or "")

    # --- containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        sandbox = await self._must(sandbox_id)
        image = await self.images.find(spec.image)
        if image is None:
            raise ImageNotFound(f'no image "{spec.image}" here')
        config = translate.container_config(
            spec, sandbox, scope=self._scope, image_user=image.user, min_oom=self._min_oom
        )
        name = translate.container_name(spec, translate.sandbox(sandbox))
        container_id = await self._engine.create(name, config)
        await self._look(container_id)
        return container_id

    async def start_container(self, container_id: str) -> None:
        try:
            await self._engine.start(container_id)
        finally:
            await self._look(container_id)

    async def stop_container(self, container_id: str, *, grace_s: int) -> None:
        await self._engine.stop(container_id, grace_s=grace_s)
        await self._log_is_whole(container_id)
        await self._look(container_id)

    async def remove_container(self, container_id: str) -> None:
        await self._engine.remove(container_id)
        await self._look(container_id)

    # --- looking

    async def sandboxes(self) -> Sequence[Sandbox]:
        return [translate.sandbox(found) for found in self._found.values() if translate.is_sandbox(found)]

    async def containers(self) -> Sequence[Container]:
        return [translate.container(found) for found in self._found.values() if not translate.is_sandbox(found)]

    def events(self) -> AsyncIterator[RuntimeEvent]:
        return self._feed.read()

    async def stats(self) -> Sequence[ContainerStats]:
        running = {c.id for c in await self.containers() if c.state is State.RUNNING}
        pids = {i: int(self._found[i]["State"]["Pid"]) for i in running if i in self._found}
        return await asyncio.to_thread(host.stats, pids)

    # --- streams

    async def exec(
        self, container_id: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> Process:
        prepared = await self._engine.exec(container_id, command, tty=tty, stdin=stdin)
        return await streams.start_exec(prepared)

    async def attach(self, container_id: str) -> Process:
        found = await self._must(container_id)
        return await streams.start_attach(self._engine, container_id, stdin=bool(found["Config"]["OpenStdin"]))

    async def port_forward(self, sandbox_id: str, port: int) -> Connection:
        found = await self._must(sandbox_id)
        if found["HostConfig"].get("NetworkMode") == "host":
            return await dial(None, port)
        return await dial(f"/proc/{found['State']['Pid']}/ns/net", port)

    # --- the end

    async def aclose(self, *, purge: bool = False) -> None:
        if purge:
            await self._look_at_all()
            boxes = [sandbox.id for sandbox in await self.sandboxes()]
            await asyncio.gather(*(self.remove_sandbox(sandbox_id) for sandbox_id in boxes))
            await asyncio.gather(*(self.remove_container(container.id) for container in await self.containers()))
            host.remove_empty_cgroups()
        tasks = [*self._pumps.values(), *self._ends.values(), *((self._follower,) if self._follower else ())]
        self._pumps, self._ends, self._follower = {}, {}, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._engine.aclose()

    # --- records

    async def _must(self, container_id: str) -> Obj:
        await self._look(container_id)
        if container_id not in self._found:
            raise NoSuchContainer(f"no container {container_id}")
        return self._found[container_id]

    async def _look(self, container_id: str) -> None:
        """Look at one container again, and tell when it is different."""
        found = await self._engine.inspect(container_id)
        before = self._found.get(container_id)
        if found is not None and found["Config"]["Labels"].get(translate.SCOPE) != self._scope:
            found = None
        if found is None:
            self._found.pop(container_id, None)
            await self._stop_pumping(container_id)
        else:
            self._found[container_id] = found
            self._keep_pumping(found)
        if (found or {}).get("State") != (before or {}).get("State"):
            self._feed.publish(_event(found or before or {"Id": container_id}))

    async def _look_at_all(self) -> None:
        ids = await self._engine.list(f"{translate.SCOPE}={self._scope}")
        for gone in set(self._found) - set(ids):
            del self._found[gone]
        turn = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(container_id: str) -> None:
            async with turn:
                await self._look(container_id)

        await asyncio.gather(*(look(container_id) for container_id in ids))

    async def _follow(self) -> None:
        """Follow the engine's events; after a break look at everything."""
        while True:
            try:
                async for event in self._engine.events(f"{translate.SCOPE}={self._scope}"):
                    await self._happened(event)
                log.warning("the Docker Engine ended its events")
            except RuntimeFailure as error:
                log.warning("no events from the Docker Engine: %s", error)
            await asyncio.sleep(RECONNECT_S)
            await self._catch_up()

    async def _catch_up(self) -> None:
        try:
            await self._look_at_all()
        except RuntimeFailure as error:
            log.debug("the Docker Engine is still away: %s", error)
        self._feed.publish(LOOK_AT_ALL)

    async def _happened(self, event: Obj) -> None:
        container_id = event["Actor"]["ID"]
        if event["Action"] == "die":
            # The end is told when the log is whole, in a task of its own: other events must not wait.
            task = asyncio.create_task(self._ended(container_id), name=f"docker/end/{container_id[:12]}")
            self._ends[container_id] = task
            task.add_done_callback(lambda _: self._ends.pop(container_id, None))
        else:
            await self._quietly(self._look(container_id))

    async def _ended(self, container_id: str) -> None:
        await self._log_is_whole(container_id)
        await self._quietly(self._look(container_id))

    async def _quietly(self, look: Awaitable[None]) -> None:
        try:
            await look
        except RuntimeFailure as error:
            log.debug("a container could not be looked at: %s", error)

    # --- logs

    def _keep_pumping(self, found: Obj) -> None:
        """A pump for every container that runs, and one last run for one that ended while nobody looked."""
        container_id = found["Id"]
        if translate.is_sandbox(found):
            return
        record = translate.container(found)
        if not record.log_path or not record.started_at_ns:
            return
        task = self._pumps.get(container_id)
        if task is not None and (not task.done() or record.state is not State.RUNNING):
            return
        copy = pump(
            self._engine,
            container_id,
            record.log_path,
            tty=bool(found["Config"]["Tty"]),
            follow=record.state is State.RUNNING,
        )
        self._pumps[container_id] = asyncio.create_task(copy, name=f"docker/log/{record.name}")

    async def _stop_pumping(self, container_id: str) -> None:
        task = self._pumps.pop(container_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _log_is_whole(self, container_id: str) -> None:
        """Wait until the log of a container that ended is copied, but not for ever."""
        task = self._pumps.get(container_id)
        if task is not None:
            await asyncio.wait({task}, timeout=LOG_GRACE_S)


def _event(found: Obj) -> RuntimeEvent:
    labels = (found.get("Config") or {}).get("Labels") or {}
    sandbox_id = labels.get("io.hyperpy.sandbox")
    return RuntimeEvent(sandbox_id, found["Id"]) if sandbox_id else RuntimeEvent(found["Id"])
