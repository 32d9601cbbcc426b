"""Starts one container of a pod: image, environment, mounts, create, start, postStart hook."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hyperpy.components.kubelet import dns, environment
from hyperpy.components.kubelet.container_mounts import Places, container_mounts
from hyperpy.components.kubelet.context import Context
from hyperpy.components.kubelet.environment import Reference, Sources
from hyperpy.components.kubelet.image_puller import PullProblem
from hyperpy.components.kubelet.memory import Memory, Trouble
from hyperpy.components.kubelet.objects import Unreachable
from hyperpy.components.kubelet.probe import Target, named_ports
from hyperpy.components.kubelet.volumes.manager import Mounted
from hyperpy.components.kubelet.volumes.payload import VolumeProblem
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import ContainerSpec, Image, RuntimeFailure
from hyperpy.runtime.spec import ConfigError

Obj = dict[str, Any]

#: How long a container that could not be made waits for the next try. Source: the kubelet's sync back-off.
RETRY_S = 10.0
#: A postStart hook has no deadline of its own; this one only bounds a hook that hangs for ever.
HOOK_S = 3600.0


class StartProblem(Exception):
    """A container could not be started; `trouble` is what users read."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


class ContainerStarter:
    """Starts the containers of one pod.

    Args:
        memory: the pod worker's.
    """

    def __init__(self, context: Context, memory: Memory) -> None:
        self._context = context
        self._memory = memory

    async def start(
        self, pod: Obj, container: Obj, *, attempt: int, sandbox_id: str, ips: tuple[str, ...], mounted: Mounted
    ) -> None:
        """Start it.

        Args:
            ips: the Pod's addresses.
        Raises:
            StartProblem: it was not started, or its postStart hook failed.
        """
        try:
            image = await self._image(pod, container)
            made = await self._spec(pod, container, attempt=attempt, image=image, ips=ips, mounted=mounted)
        except (ConfigError, Unreachable, VolumeProblem) as error:
            raise self._problem(pod, container, "CreateContainerConfigError", str(error)) from error
        except (RuntimeFailure, OSError) as error:
            raise self._problem(pod, container, "CreateContainerError", str(error)) from error
        container_id = await self._create_and_start(pod, container, sandbox_id, made)
        await self._post_start(pod, container, container_id, ips)

    async def _create_and_start(self, pod: Obj, container: Obj, sandbox_id: str, made: ContainerSpec) -> str:
        runtime, name = self._context.runtime, container["name"]
        try:
            container_id = await runtime.create_container(sandbox_id, made)
        except RuntimeFailure as error:
            raise self._problem(pod, container, "CreateContainerError", str(error)) from error
        self._context.tell(pod, "Normal", "Created", f"Created container: {name}", container=name)
        if (container.get("lifecycle") or {}).get("postStart"):
            self._memory.in_hook.add(container_id)
        try:
            await runtime.start_container(container_id)
        except RuntimeFailure as error:
            self._memory.in_hook.discard(container_id)
            raise self._problem(pod, container, "RunContainerError", str(error)) from error
        self._context.tell(pod, "Normal", "Started", f"Started container {name}", container=name)
        return container_id

    async def _image(self, pod: Obj, container: Obj) -> Image:
        def tell(type: str, reason: str, message: str) -> None:
            self._context.tell(pod, type, reason, message, container=container["name"])

        meta = pod["metadata"]
        names = [secret["name"] for secret in pod["spec"].get("imagePullSecrets") or () if secret.get("name")]
        wanted = [Reference("Secret", name) for name in names]
        secrets = await self._context.objects.fetch(meta["uid"], meta["namespace"], wanted)
        try:
            return await self._context.images.ensure(pod, container, secrets=secrets.values(), tell=tell)
        except PullProblem as error:
            later = ("ImagePullBackOff", f'Back-off pulling image "{container["image"]}": {error.reason}: {error}')
            raise StartProblem(
                Trouble(
                    error.reason,
                    str(error),
                    error.retry_at,
                    self._context.clock.now(),
                    later if error.reason == "ErrImagePull" else None,
                )
            ) from error

    async def _spec(
        self, pod: Obj, container: Obj, *, attempt: int, image: Image, ips: tuple[str, ...], mounted: Mounted
    ) -> ContainerSpec:
        context, meta = self._context, pod["metadata"]
        wanted = environment.references(container)
        objects = await context.objects.fetch(meta["uid"], meta["namespace"], wanted)
        sources = Sources(objects, _services(context.services(), meta["namespace"]))
        env = environment.environment(pod, container, sources=sources, node=context.node, pod_ips=ips)
        pod_dir = context.volumes.pod_dir(meta["uid"])
        hosts = await asyncio.to_thread(self._hosts_file, pod, pod_dir, ips)
        places = Places(mounted.paths, hosts, pod_dir, context.volumes.may_mount)
        mounts = await asyncio.to_thread(container_mounts, container, attempt=attempt, env=env, places=places)
        log_dir = context.log_dir(pod) / container["name"]
        log_dir.mkdir(parents=True, exist_ok=True)
        return spec.container_spec(
            pod,
            container,
            attempt=attempt,
            env=env,
            mounts=mounts,
            log_path=str(log_dir / f"{attempt}.log"),
            limits=spec.resources(pod, container, memory_capacity_bytes=context.memory_capacity_bytes),
            rights=spec.security(pod, container, image_user=image.user),
        )

    def _hosts_file(self, pod: Obj, pod_dir: Path, ips: tuple[str, ...]) -> Path:
        file = pod_dir / "etc-hosts"
        host_name, domain = spec.hostname(pod, cluster_domain=self._context.cluster_dns.domain)
        node_hosts = Path("/etc/hosts").read_text(errors="replace") if Path("/etc/hosts").is_file() else ""
        text = dns.hosts_file(pod, ips=ips, host_name=host_name, domain=domain, node_hosts=node_hosts)
        if not file.is_file() or file.read_text() != text:
            pod_dir.mkdir(parents=True, exist_ok=True)
            # Written in place: running containers have this very file mounted.
            file.write_text(text)
            file.chmod(0o644)
        return file

    async def _post_start(self, pod: Obj, container: Obj, container_id: str, ips: tuple[str, ...]) -> None:
        handler = (container.get("lifecycle") or {}).get("postStart")
        if not handler:
            return
        target = Target(container_id, ips[0] if ips else "127.0.0.1", named_ports(container))
        result = await self._context.handlers.run(handler, target, timeout_s=HOOK_S)
        if result.success:
            self._memory.in_hook.discard(container_id)
            return
        name = container["name"]
        self._context.tell(
            pod, "Warning", "FailedPostStartHook", f"PostStartHook failed: {result.message}", container=name
        )
        self._context.tell(pod, "Normal", "Killing", "FailedPostStartHook", container=name)
        await self._context.runtime.stop_container(container_id, grace_s=spec.grace_period_s(pod))
        raise self._problem(pod, container, "PostStartHookError", result.message)

    def _problem(self, pod: Obj, container: Obj, reason: str, message: str) -> StartProblem:
        self._context.tell(pod, "Warning", "Failed", f"Error: {message}", container=container["name"])
        now = self._context.clock.now()
        return StartProblem(Trouble(reason, message, now + RETRY_S, now))


def _services(services: Iterable[Obj], namespace: str) -> list[Obj]:
    """Those of which a Pod of that namespace may learn."""
    return [
        service
        for service in services
        if service["metadata"]["namespace"] == namespace
        or (service["metadata"]["namespace"] == "default" and service["metadata"]["name"] == "kubernetes")
    ]
