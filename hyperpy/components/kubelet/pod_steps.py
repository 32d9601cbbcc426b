"""Carries out the steps of a plan for one pod, with their events; what fails becomes a trouble with a time to retry."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hyperpy.components.kubelet import backoff, dns, plan
from hyperpy.components.kubelet.container_start import ContainerStarter, StartProblem
from hyperpy.components.kubelet.container_stop import ContainerStopper
from hyperpy.components.kubelet.context import Context
from hyperpy.components.kubelet.memory import POD, Memory, Trouble
from hyperpy.components.kubelet.plan import Action
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.volumes.manager import Mounted
from hyperpy.components.kubelet.volumes.payload import VolumeProblem
from hyperpy.podnet.protocol import NetworkFailure
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Dns, RuntimeFailure, Sandbox

log = logging.getLogger(__name__)

Obj = dict[str, Any]

RETRY_FIRST_S, RETRY_MAX_S = 0.5, 122.0
KILL_RETRY_S = 5.0
REFRESH_RETRY_S = 10.0


class PodSteps:
    """The hands of a pod worker. One call of `perform` at a time; it may be cancelled anywhere.

    Args:
        memory: the worker's; troubles and back-offs are written here.
    """

    def __init__(self, context: Context, memory: Memory) -> None:
        self._context = context
        self._memory = memory
        self._starter = ContainerStarter(context, memory)
        self._stopper = ContainerStopper(context)
        self._mounted: Mounted | None = None
        self._sandbox: Sandbox | None = None
        self._ip: str | None = None
        self._restarted: dict[str, float] = {}

    @property
    def refresh_at(self) -> float | None:
        """When the volumes must be brought up to date although nothing changed."""
        return self._mounted.refresh_at if self._mounted is not None else None

    async def perform(self, pod: Obj, view: PodView, actions: Sequence[Action], *, refresh: bool = False) -> None:
        """Take the steps in order, then look at the runtime again.

        Args:
            refresh: bring the volumes up to date first.
        """
        self._sandbox, self._ip = view.sandbox, view.ip
        killing = any(isinstance(action, plan.KillPod) for action in actions)
        try:
            if refresh and not killing:
                await self._refresh(pod)
            for action in actions:
                await self._one(pod, view, action)
            self._memory.trouble.pop(POD, None)
            self._memory.failures = 0
        except (RuntimeFailure, NetworkFailure, VolumeProblem, OSError) as error:
            self._failed(pod, error, killing=killing)
        await self._context.views.refresh()
        self._grow_backoffs()

    async def retire(self, pod: Obj) -> None:
        """The Pod is over: its volumes and what else it held on disk go, its containers and logs stay to be read."""
        self._mounted = None
        self._context.images.forget(pod["metadata"]["uid"])
        await self._context.volumes.unmount(pod["metadata"]["uid"])

    async def bury(self, pod: Obj, view: PodView) -> None:
        """The Pod has left the API: everything of it goes.

        Raises:
            RuntimeFailure, NetworkFailure, OSError: something could not be removed; to be tried again.
        """
        await self.retire(pod)
        for container in view.containers:
            await self._context.runtime.remove_container(container.id)
        for sandbox in view.sandboxes:
            await self._context.network.detach(sandbox.id)
            await self._context.runtime.remove_sandbox(sandbox.id)
        shutil.rmtree(self._context.log_dir(pod), ignore_errors=True)
        await self._context.views.refresh()

    async def _one(self, pod: Obj, view: PodView, action: Action) -> None:
        match action:
            case plan.CreateSandbox(attempt):
                await self._create_sandbox(pod, view, attempt)
            case plan.AttachNetwork(sandbox):
                await self._attach(sandbox)
            case plan.StopSandbox(sandbox):
                await self._stop_sandbox(sandbox)
            case plan.StartContainer():
                await self._start(pod, action)
            case plan.KillContainer(container, why, grace_s):
                await self._stopper.stop(pod, container, ip=view.ip, grace_s=grace_s, why=why)
            case plan.KillPod(grace_s):
                await self._stopper.stop_all(pod, view, grace_s=grace_s)
                for sandbox in view.sandboxes:
                    await self._stop_sandbox(sandbox)
            case plan.RemoveContainer(container):
                await self._remove(pod, container)

    async def _create_sandbox(self, pod: Obj, view: PodView, attempt: int) -> None:
        await self._volumes(pod)
        if attempt:
            self._context.tell(
                pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created."
            )
        for old in view.sandboxes:
            await self._stop_sandbox(old)
        log_dir = self._context.log_dir(pod)
        log_dir.mkdir(parents=True, exist_ok=True)
        made = spec.sandbox_spec(
            pod,
            attempt=attempt,
            dns=dns.pod_dns(pod, cluster=self._context.cluster_dns, node=_node_dns()),
            log_dir=str(log_dir),
            cluster_domain=self._context.cluster_dns.domain,
        )
        if self._context.network.used:
            made = replace(made, port_mappings=())
        try:
            sandbox = await self._context.runtime.run_sandbox(made)
            if not made.host_network:
                await self._attach(sandbox)
            else:
                self._sandbox = sandbox
        except (RuntimeFailure, NetworkFailure) as error:
            self._context.tell(pod, "Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            raise

    async def _attach(self, sandbox: Sandbox) -> None:
        await self._context.network.attach(sandbox)
        self._sandbox = sandbox
        self._ip = sandbox.ip or self._context.network.addresses().get(sandbox.id)

    async def _stop_sandbox(self, sandbox: Sandbox) -> None:
        await self._context.network.detach(sandbox.id)
        await self._context.runtime.stop_sandbox(sandbox.id)

    async def _start(self, pod: Obj, action: plan.StartContainer) -> None:
        """Start a container; its own failure does not keep the next one from being started."""
        name, now = action.name, self._context.clock.now()
        container = next(c for c in spec.all_containers(pod) if c["name"] == name)
        if self._sandbox is None:
            return
        mounted = await self._volumes(pod)
        try:
            await self._starter.start(
                pod,
                container,
                attempt=action.attempt,
                sandbox_id=self._sandbox.id,
                ips=self._ips(pod),
                mounted=mounted,
            )
        except StartProblem as problem:
            # Looked at first, so that the trouble and what it left in the runtime are told together.
            await self._context.views.refresh()
            self._memory.trouble[name] = problem.trouble
        else:
            self._memory.trouble.pop(name, None)
        if action.after is not None:
            self._restarted[name] = now

    def _grow_backoffs(self) -> None:
        """Only now that the new attempts are in view: an old one must not seem to wait for its own restart."""
        for name, at in self._restarted.items():
            self._memory.backoff[name] = backoff.grown(self._memory.backoff.get(name), now=at)
        self._restarted.clear()

    def _ips(self, pod: Obj) -> tuple[str, ...]:
        if pod["spec"].get("hostNetwork"):
            return tuple(self._context.where.host_ips)
        return (self._ip,) if self._ip is not None else ()

    async def _volumes(self, pod: Obj) -> Mounted:
        if self._mounted is None:
            self._mounted = await self._context.volumes.mount(pod)
        return self._mounted

    async def _refresh(self, pod: Obj) -> None:
        """Bring mounted volumes up to date. Containers run on with the old files when that fails."""
        if self._mounted is None:
            return
        try:
            self._mounted = await self._context.volumes.mount(pod)
        except VolumeProblem as error:
            self._context.tell(pod, "Warning", "FailedMount", str(error))
            self._mounted = replace(self._mounted, refresh_at=self._context.clock.now() + REFRESH_RETRY_S)

    async def _remove(self, pod: Obj, container: Container) -> None:
        await self._context.runtime.remove_container(container.id)
        directory = self._context.log_dir(pod) / container.name
        if container.started_at_ns:
            for log_file in directory.glob(f"{container.attempt}.log*"):
                log_file.unlink(missing_ok=True)

    def _failed(self, pod: Obj, error: Exception, *, killing: bool) -> None:
        now = self._context.clock.now()
        if killing:
            self._memory.kill_again_at = now + KILL_RETRY_S
            self._context.tell(pod, "Warning", "FailedKillPod", f"error killing pod: {error}")
            return
        if isinstance(error, VolumeProblem):
            self._context.tell(pod, "Warning", "FailedMount", str(error))
        else:
            log.warning("pod %s/%s: %s", pod["metadata"]["namespace"], pod["metadata"]["name"], error)
        delay_s = min(RETRY_FIRST_S * 2 ** min(self._memory.failures, 10), RETRY_MAX_S)
        self._memory.failures += 1
        self._memory.trouble[POD] = Trouble("", str(error), now + delay_s, now)


def _node_dns() -> Dns:
    try:
        return dns.parse_resolv_conf(Path("/etc/resolv.conf").read_text(errors="replace"))
    except OSError:
        return Dns()
