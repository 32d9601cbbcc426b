"""Ends containers with their grace: preStop hook, stop signal, and death when the time is over.

Source: "Pod Lifecycle", termination of Pods; sidecars end after the main containers, the last started first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hyperpy.api.pods import is_sidecar
from hyperpy.components.kubelet.context import Context, find_container
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.probe import Target, named_ports
from hyperpy.runtime.protocol import Container

Obj = dict[str, Any]

#: What is left for the stop signal after a preStop hook, at least. Source: kubelet, minimumGracePeriodInSeconds.
MIN_GRACE_S = 2


class ContainerStopper:
    """Ends the containers of one pod. A hook runs once, even when the grace is cut short meanwhile."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hooked: set[str] = set()
        self._told: set[str] = set()

    async def stop(self, pod: Obj, container: Container, *, ip: str | None, grace_s: int, why: str = "") -> None:
        """End one container.

        Args:
            ip: the Pod's address, for an HTTP hook.
            why: the event's sentence; `""`: the ordinary one.
        Raises:
            RuntimeFailure: the runtime could not.
        """
        if container.id not in self._told:
            self._told.add(container.id)
            text = why or f"Stopping container {container.name}"
            self._context.tell(pod, "Normal", "Killing", text, container=container.name)
        left_s = await self._pre_stop(pod, container, ip=ip, grace_s=grace_s)
        await self._context.runtime.stop_container(container.id, grace_s=left_s)

    async def stop_all(self, pod: Obj, view: PodView, *, grace_s: int) -> None:
        """End everything that runs: the main containers together, then the sidecars one after another."""
        order = [c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)]
        first = [c for c in view.running if c.name not in order]
        last = sorted((c for c in view.running if c.name in order), key=lambda c: order.index(c.name), reverse=True)
        began = self._context.clock.monotonic()
        await self._together(pod, view, first, grace_s)
        for container in last:
            left_s = max(0, grace_s - int(self._context.clock.monotonic() - began))
            await self.stop(pod, container, ip=view.ip, grace_s=min(grace_s, max(MIN_GRACE_S, left_s)))

    async def _together(self, pod: Obj, view: PodView, containers: Sequence[Container], grace_s: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for container in containers:
                    stop = self.stop(pod, container, ip=view.ip, grace_s=grace_s)
                    group.create_task(stop, name=f"kubelet/stop/{container.name}")
        except* Exception as failures:
            raise failures.exceptions[0] from None

    async def _pre_stop(self, pod: Obj, container: Container, *, ip: str | None, grace_s: int) -> int:
        """Run the hook; returns the seconds left for the stop signal."""
        found = find_container(pod, container.name) or {}
        handler = (found.get("lifecycle") or {}).get("preStop")
        if not handler or grace_s <= 0 or container.id in self._hooked:
            return grace_s
        self._hooked.add(container.id)
        target = Target(container.id, ip or "127.0.0.1", named_ports(found))
        began = self._context.clock.monotonic()
        result = await self._context.handlers.run(handler, target, timeout_s=float(grace_s))
        if not result.success:
            text = f"PreStopHook failed: {result.message}"
            self._context.tell(pod, "Warning", "FailedPreStopHook", text, container=container.name)
        took_s = int(self._context.clock.monotonic() - began)
        return max(grace_s - took_s, min(MIN_GRACE_S, grace_s))
