"""One Pod's worker: looks, plans, acts and tells, until nothing of the Pod is left.

    living ──deleted, failed, finished──▶ ending ──nothing runs──▶ over ──out of the API──▶ buried
       └── wakes on: a change of the Pod, of the runtime, of an object it shows, of a probe, or a time that was due

Steps run in one task beside the loop, so that the status follows what happens while an image is pulled or a grace
period runs, and so that a deletion cuts short what need not be finished.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta
from hyperpy.components.kubelet import conditions
from hyperpy.components.kubelet import plan as planner
from hyperpy.components.kubelet.context import Context, find_container
from hyperpy.components.kubelet.last_words import last_words
from hyperpy.components.kubelet.memory import DEADLINE, POD, Failure, Memory, Trouble
from hyperpy.components.kubelet.plan import Action, Plan
from hyperpy.components.kubelet.pod_network import NOT_READY
from hyperpy.components.kubelet.pod_steps import PodSteps
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.probe import Target, named_ports
from hyperpy.components.kubelet.prober import Prober
from hyperpy.components.kubelet.status import Facts, status
from hyperpy.components.kubelet.unsupported import ephemeral, unsupported
from hyperpy.podnet.protocol import NetworkFailure
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, RuntimeFailure, State

log = logging.getLogger(__name__)

Obj = dict[str, Any]

RETRY_S = 10.0
_FOREVER = float("inf")


class PodWorker:
    """Owns one Pod on this node. `run` returns when the Pod is gone for good.

    Args:
        pod: as the API (or a manifest) has it.
    """

    def __init__(self, pod: Obj, context: Context) -> None:
        self.uid: str = pod["metadata"]["uid"]
        self._context = context
        self._pod = pod
        self._memory = Memory(first_seen=_started_at(pod) or context.clock.now())
        self._steps = PodSteps(context, self._memory)
        self._prober = Prober(
            context.handlers,
            self._memory,
            context.clock,
            wake=self.wake,
            tell=lambda name, reason, message: context.tell(self._pod, "Warning", reason, message, container=name),
        )
        self._changed = asyncio.Event()
        self._left_api = asyncio.Event()
        self._step: asyncio.Task[None] | None = None
        self._step_grace_s: int | None = None
        self._refresh = False
        self._shown: Obj | None = None
        self._told_waiting: dict[str, str] = {}
        self._retired = False
        self._retry_host_ports_at: float | None = None
        self._adopted: set[str] = set()
        self._ephemeral: set[str] = set()
        self.update(pod)

    @property
    def pod(self) -> Obj:
        """The Pod as last heard of."""
        return self._pod

    def update(self, pod: Obj) -> None:
        """The Pod's object changed."""
        if pod is not self._pod and pod["metadata"].get("labels") != self._pod["metadata"].get("labels"):
            self._refresh = True
        if pod is not self._pod and pod["metadata"].get("annotations") != self._pod["metadata"].get("annotations"):
            self._refresh = True
        self._pod = pod
        if pod["spec"].get("ephemeralContainers"):
            self._check_ephemeral(pod["spec"]["ephemeralContainers"])
        if meta.is_deleting(pod):
            self._memory.deleting = True
            self._memory.grace_s = spec.grace_period_s(pod)
        self.wake()

    def remove(self, *, grace_s: int | None = None) -> None:
        """The Pod is not in the API any more: end it and forget it."""
        self._memory.deleting = True
        if self._memory.grace_s is None or grace_s is not None:
            self._memory.grace_s = spec.grace_period_s(self._pod) if grace_s is None else grace_s
        self._left_api.set()
        self.wake()

    def fail(self, failure: Failure) -> None:
        """End the Pod for a reason of the node's (eviction, a limit)."""
        self._memory.failure = self._memory.failure or failure
        self.wake()

    def objects_changed(self) -> None:
        """A ConfigMap or Secret that the Pod reads changed: its volumes follow, and what failed is tried again."""
        self._refresh = True
        for name, trouble in list(self._memory.trouble.items()):
            if trouble.retry_at != _FOREVER and trouble.reason in ("", "CreateContainerConfigError"):
                del self._memory.trouble[name]
        self.wake()

    def wake(self) -> None:
        """Look again."""
        self._changed.set()

    async def run(self) -> None:
        """Work until the Pod is gone."""
        self._refuse_unsupported()
        try:
            while not await self._round_or_log():
                pass
            await self._bury()
        finally:
            self._context.host_ports.keep(self.uid, (), None, complain=log.debug)
            await self._stop_step()
            await self._prober.aclose()

    async def _round_or_log(self) -> bool:
        """One round; a defect costs this Pod a pause and no other Pod anything."""
        try:
            return await self._round()
        except Exception:
            log.exception("pod %s failed", meta.key(self._pod))
            await self._context.clock.sleep(RETRY_S)
            return False

    async def _round(self) -> bool:
        """Look, plan, tell, act, wait. True when the Pod has ended and left the API."""
        self._changed.clear()
        now, view = self._context.clock.now(), self._context.views.of(self.uid)
        self._note_deadline(now)
        self._observe(view)
        self._keep_host_ports(view)
        if not self._memory.deleting and not self._network_ready():
            await self._wait(None)
            return False
        plan = planner.plan(self._pod, view, self._memory, now=now, pod_network=self._context.network.used)
        finished = plan.finished and self._step is None
        self._tell_waiting(plan)
        if not self._left_api.is_set():
            self._publish(view, plan, now, finished=finished)
        if finished:
            return await self._over()
        await self._act(view, plan)
        await self._wait(plan.wake_at)
        return False

    def _refuse_unsupported(self) -> None:
        problems = unsupported(self._pod)
        for problem in problems:
            self._context.tell(self._pod, "Warning", "Unsupported", problem)
        if problems:
            message = "; ".join(problems)
            self._memory.trouble[POD] = Trouble("CreateContainerConfigError", message, _FOREVER)

    def _check_ephemeral(self, containers: Sequence[Obj]) -> None:
        """Refuse, or tell about, what new ephemeral containers ask for and cannot have; the Pod runs on."""
        for container in containers:
            name = container["name"]
            if name in self._ephemeral:
                continue
            self._ephemeral.add(name)
            problems = ephemeral(container)
            if problems:
                self._memory.trouble[name] = Trouble("CreateContainerConfigError", "; ".join(problems), _FOREVER)
            elif container.get("targetContainerName"):
                problems = [
                    f"ephemeral container {name}: targetContainerName is not supported; it sees its own processes"
                ]
            for problem in problems:
                self._context.tell(self._pod, "Warning", "Unsupported", problem, container=name)

    def _network_ready(self) -> bool:
        """False while the node has no pod network yet, which a Pod on the host's own does not need."""
        if self._context.network.ready or self._pod["spec"].get("hostNetwork"):
            return True
        if POD not in self._told_waiting:
            self._told_waiting[POD] = "NetworkNotReady"
            self._context.tell(self._pod, "Warning", "NetworkNotReady", NOT_READY)
        return False

    def _note_deadline(self, now: float) -> None:
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None or self._memory.deleting or now < self._memory.first_seen + seconds:
            return
        if not planner.is_over(self._pod, self._context.views.of(self.uid), self._memory):
            self._context.tell(self._pod, "Normal", "DeadlineExceeded", DEADLINE.message)
            self.fail(DEADLINE)

    def _observe(self, view: PodView) -> None:
        """Take in what the runtime has: whose startup is over, who is ready, last words; probe what runs."""
        memory = self._memory
        running: dict[str, Container] = {}
        for container in view.containers:
            found = find_container(self._pod, container.name) or {}
            if container.state is State.RUNNING:
                running.setdefault(container.name, container)
                self._adopt(container.id)
                if container.id not in memory.in_hook and not found.get("startupProbe"):
                    memory.started.add(container.id)
                if container.id in memory.started and not found.get("readinessProbe"):
                    memory.ready.add(container.id)
            elif container.state is State.EXITED and container.id not in memory.messages:
                pod_dir = self._context.volumes.pod_dir(self.uid)
                memory.messages[container.id] = last_words(found, container, pod_dir)
        specs = {container["name"]: container for container in spec.all_containers(self._pod)}
        ending = memory.deleting or memory.failure is not None
        self._prober.sync({} if ending else running, specs, lambda name: self._target(view, running[name].id, name))

    def _keep_host_ports(self, view: PodView) -> None:
        """Ports of the node lead to the pod while it has an address, where the network is ours."""
        mappings = spec.port_mappings(self._pod) if self._context.network.used else ()
        ip = None if self._memory.deleting or self._memory.failure is not None else view.ip

        def complain(message: str) -> None:
            self._context.tell(self._pod, "Warning", "FailedHostPort", message)

        if not self._context.host_ports.keep(self.uid, mappings, ip, complain=complain):
            self._retry_host_ports_at = self._context.clock.now() + RETRY_S

    def _target(self, view: PodView, container_id: str, name: str) -> Target:
        host = self._pod["spec"].get("hostNetwork")
        ip = self._context.where.host_ips[0] if host else view.ip
        return Target(container_id, ip or "127.0.0.1", named_ports(find_container(self._pod, name) or {}))

    def _adopt(self, container_id: str) -> None:
        """A container that ran before this kubelet did keeps the readiness that the API has of it."""
        if container_id in self._adopted:
            return
        self._adopted.add(container_id)
        for key in ("containerStatuses", "initContainerStatuses"):
            for old in (self._pod.get("status") or {}).get(key) or ():
                if str(old.get("containerID", "")).endswith(f"//{container_id}"):
                    if old.get("started"):
                        self._memory.started.add(container_id)
                    if old.get("ready"):
                        self._memory.ready.add(container_id)

    def _publish(self, view: PodView, plan: Plan, now: float, *, finished: bool) -> None:
        pod = self._pod
        if self._shown is not None:
            pod = conditions.as_shown(pod, self._shown)
        facts = Facts(pod, view, self._memory, now, plan.waiting, finished)
        new = status(facts, self._context.where)
        if new != self._shown:
            self._shown = new
            self._context.statuses.publish(self._pod, new)

    def _tell_waiting(self, plan: Plan) -> None:
        """An event when a container begins to wait in a back-off."""
        waiting = {name: trouble.reason for name, trouble in plan.waiting.items()}
        for name, trouble in plan.waiting.items():
            if self._told_waiting.get(name) == trouble.reason:
                continue
            if trouble.reason == "CrashLoopBackOff":
                about = self._pod["metadata"]
                where = f"{about['name']}_{about['namespace']}({self.uid})"
                text = f"Back-off restarting failed container {name} in pod {where}"
                self._context.tell(self._pod, "Warning", "BackOff", text, container=name)
            elif trouble.reason == "ImagePullBackOff":
                text = trouble.message.partition(": ")[0]
                self._context.tell(self._pod, "Normal", "BackOff", text, container=name)
                self._context.tell(self._pod, "Warning", "Failed", "Error: ImagePullBackOff", container=name)
        self._told_waiting = waiting | {key: value for key, value in self._told_waiting.items() if key == POD}

    async def _act(self, view: PodView, plan: Plan) -> None:
        """Begin the plan's steps, unless others are under way that are worth finishing."""
        kill = next((action for action in plan.actions if isinstance(action, planner.KillPod)), None)
        if self._step is not None:
            if kill is None or (self._step_grace_s is not None and kill.grace_s >= self._step_grace_s):
                return
            await self._stop_step()
            self.wake()
            return
        if not plan.actions and not self._refresh:
            return
        refresh, self._refresh = self._refresh, False
        self._step_grace_s = kill.grace_s if kill is not None else None
        self._step = asyncio.create_task(
            self._perform(view, plan.actions, refresh), name=f"kubelet/step/{meta.key(self._pod)}"
        )

    async def _perform(self, view: PodView, actions: tuple[Action, ...], refresh: bool) -> None:
        try:
            await self._steps.perform(self._pod, view, actions, refresh=refresh)
        except RuntimeFailure as error:
            log.warning("pod %s: %s", meta.key(self._pod), error)
            await self._context.clock.sleep(RETRY_S)
        finally:
            self.wake()

    async def _stop_step(self) -> None:
        step, self._step = self._step, None
        if step is not None:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)

    async def _over(self) -> bool:
        """Nothing runs any more: give back what the Pod held, and wait until the API lets it go."""
        if not self._retired:
            try:
                await self._steps.retire(self._pod)
            except OSError as error:
                log.warning("pod %s: %s", meta.key(self._pod), error)
                await self._wait(self._context.clock.now() + RETRY_S)
                return False
            self._retired = True
        if self._left_api.is_set():
            return True
        if self._memory.deleting:
            self._context.statuses.finish(self._pod)
        await self._wait(None)
        return False

    async def _bury(self) -> None:
        """Remove the rest, trying again for as long as it takes."""
        while True:
            try:
                await self._steps.bury(self._pod, self._context.views.of(self.uid))
                return
            except (RuntimeFailure, NetworkFailure, OSError) as error:
                log.warning("what is left of pod %s cannot be removed: %s", meta.key(self._pod), error)
                await self._context.clock.sleep(RETRY_S)

    async def _wait(self, wake_at: float | None) -> None:
        """Until something changes, the steps are done, or it is time."""
        times = (wake_at, self._steps.refresh_at, self._retry_host_ports_at)
        self._retry_host_ports_at = None
        due = [at for at in times if at is not None and at != _FOREVER]
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._changed.wait())}
        if due:
            waits.add(asyncio.ensure_future(self._context.clock.sleep(min(due) - self._context.clock.now())))
        if self._step is not None:
            waits.add(self._step)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits - {self._step}:
                wait.cancel()
        if self._step is not None and self._step.done():
            step, self._step = self._step, None
            step.result()
        refresh_at = self._steps.refresh_at
        if refresh_at is not None and self._context.clock.now() >= refresh_at:
            self._refresh = True


def _started_at(pod: Obj) -> float | None:
    began = (pod.get("status") or {}).get("startTime")
    return meta.parse_time(began) if began else None
