"""The probes of one pod's running containers: each in a task with its own timing, counted by a pure tally.

    startup ──success──▶ liveness and readiness ──▶ results go to the worker's memory, which wakes on a change

Source: "Configure Liveness, Readiness and Startup Probes".
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Never

from hyperpy.client.clock import Clock
from hyperpy.components.kubelet.memory import Memory, Unhealthy
from hyperpy.components.kubelet.probe import Handlers, Result, Target
from hyperpy.runtime.protocol import Container

Obj = dict[str, Any]

KINDS = {"startupProbe": "Startup", "livenessProbe": "Liveness", "readinessProbe": "Readiness"}


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a probe said the same in a row, and what it stands at since (None: undecided)."""

    verdict: bool | None = None
    last: bool | None = None
    run: int = 0

    def after(self, success: bool, *, needed: int) -> Tally:
        """Count one more result; `needed` in a row decide."""
        run = self.run + 1 if success is self.last else 1
        verdict = success if run >= needed else self.verdict
        return replace(self, verdict=verdict, last=success, run=run)


def threshold(probe: Obj, success: bool) -> int:
    """How many results in a row decide."""
    return int(probe.get("successThreshold") or 1) if success else int(probe.get("failureThreshold") or 3)


class Prober:
    """Runs the probes of one pod.

    Args:
        memory: the worker's; `started`, `ready` and `unhealthy` are written here.
        wake: called when one of them changed.
        tell: says a Warning event of a container: its name, reason, message.
    """

    def __init__(
        self,
        handlers: Handlers,
        memory: Memory,
        clock: Clock,
        *,
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._handlers = handlers
        self._memory = memory
        self._clock = clock
        self._wake = wake
        self._tell = tell
        self._tasks: dict[tuple[str, str], asyncio.Task[Never]] = {}

    def sync(self, running: Mapping[str, Container], specs: Mapping[str, Obj], target: Callable[[str], Target]) -> None:
        """Probe exactly the containers that run.

        Args:
            running: by container name.
            specs: the containers of the Pod by name.
            target: the probes' target of a container, by its name.
        """
        wanted: dict[tuple[str, str], tuple[Container, Obj]] = {}
        for name, container in running.items():
            started = container.id in self._memory.started
            for field in ("livenessProbe", "readinessProbe") if started else ("startupProbe",):
                if specs.get(name, {}).get(field):
                    wanted[container.id, field] = (container, specs[name][field])
        for key in [key for key in self._tasks if key not in wanted]:
            self._tasks.pop(key).cancel()
        for key, (container, probe) in wanted.items():
            if key not in self._tasks:
                loop = self._probe(container, key[1], probe, target(container.name))
                self._tasks[key] = asyncio.create_task(loop, name=f"kubelet/probe/{container.name}/{key[1]}")

    async def aclose(self) -> None:
        """End all probes."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, container: Container, field: str, probe: Obj, target: Target) -> Never:
        period_s = float(probe.get("periodSeconds") or 10)
        tally = Tally()
        await self._first_delay(container, probe, period_s)
        while True:
            result = await self._handlers.run(probe, target, timeout_s=float(probe.get("timeoutSeconds") or 1))
            tally = tally.after(result.success, needed=threshold(probe, result.success))
            self._report(container, field, probe, result)
            self._decide(container, field, probe, tally)
            await self._clock.sleep(period_s)

    async def _first_delay(self, container: Container, probe: Obj, period_s: float) -> None:
        """The initial delay counts from the container's start. After a restart of the kubelet, probes spread out."""
        age_s = self._clock.now() - container.started_at_ns / 1e9
        delay_s = float(probe.get("initialDelaySeconds") or 0) - age_s
        if delay_s <= 0 and age_s > period_s:
            delay_s = random.uniform(0, min(period_s, 1.0))
        await self._clock.sleep(delay_s)

    def _report(self, container: Container, field: str, probe: Obj, result: Result) -> None:
        if not result.success:
            self._tell(container.name, "Unhealthy", f"{KINDS[field]} probe failed: {result.message}")

    def _decide(self, container: Container, field: str, probe: Obj, tally: Tally) -> None:
        if tally.verdict is None:
            return
        memory = self._memory
        if field == "readinessProbe":
            changed = tally.verdict is not (container.id in memory.ready)
            (memory.ready.add if tally.verdict else memory.ready.discard)(container.id)
        elif field == "startupProbe" and tally.verdict:
            changed = container.id not in memory.started
            memory.started.add(container.id)
        elif not tally.verdict:
            changed = container.id not in memory.unhealthy
            grace_s = probe.get("terminationGracePeriodSeconds")
            memory.unhealthy[container.id] = Unhealthy(f"failed {KINDS[field].lower()} probe", grace_s)
        else:
            changed = False
        if changed:
            self._wake()
