"""Permit: Pods that have a node and wait until their plugins let them be bound, or until a more important Pod comes.

All plugins are asked at once; the first that refuses decides. Waiting Pods hold none of the places for bindings, so a
plugin may let the last of a group of any size free the first.
"""

from __future__ import annotations

import asyncio

from hyperpy.client.clock import Clock
from hyperpy.components.scheduler.framework import Permit, Rejection
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

#: The longest that a plugin may let a Pod wait. Source: kube-scheduler.
LONGEST_S = 900.0


class Permits:
    """The Pods that wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Rejection | None]] = {}

    def reject(self, uid: str, rejection: Rejection) -> bool:
        """Take a waiting Pod's node from it. Returns whether it was waiting."""
        verdict = self._waiting.get(uid)
        if verdict is None:
            return False
        if not verdict.done():
            verdict.set_result(rejection)
        return True

    async def ask(self, pod: PodInfo, node: str, profile: Profile) -> Rejection | None:
        """Wait for all plugins; the Rejection of the first that refuses. What a plugin raises is raised."""
        verdict: asyncio.Future[Rejection | None] = asyncio.get_running_loop().create_future()
        self._waiting[pod.uid] = verdict
        tasks = [
            asyncio.create_task(
                self._one(plugin.name, plugin, pod, node), name=f"scheduler/permit/{plugin.name}/{pod.key}"
            )
            for plugin in profile.permits
        ]
        try:
            pending: set[asyncio.Future[Rejection | None]] = {verdict, *tasks}
            while pending != {verdict}:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    rejection = each.result()
                    if rejection is not None:
                        return rejection
            return None
        finally:
            del self._waiting[pod.uid]
            await _ended(tasks)

    async def _one(self, name: str, plugin: Permit, pod: PodInfo, node: str) -> Rejection | None:
        limit_s = min(float(getattr(plugin, "permit_timeout_s", LONGEST_S)), LONGEST_S)
        answer = asyncio.create_task(plugin.permit(pod, node), name=f"scheduler/permit/{name}/{pod.key}/answer")
        sleep = asyncio.ensure_future(self._clock.sleep(limit_s))
        try:
            await asyncio.wait({answer, sleep}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            reason = f"rejected due to timeout after waiting {limit_s:g}s at plugin {name}"
            return Rejection(name, (reason,))
        finally:
            sleep.cancel()
            await _ended([answer])


async def _ended(tasks: list[asyncio.Task[Rejection | None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
