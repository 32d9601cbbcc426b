"""One simulated Pod: the kubelet's planner decides, records change at the times that the profile draws. Pure.

    step ──▶ what is due happens ──▶ plan ──▶ act on the records ──▶ (until nothing is left to do now) ──▶ status

Nothing waits here: `step` is told the time and answers with the status, and with the time at which it wants to be asked
again. What a real node does beside running containers (volumes, probes, hooks, logs) has no counterpart.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hyperpy.api import meta
from hyperpy.components.kubelet import backoff, plan
from hyperpy.components.kubelet.conditions import as_shown
from hyperpy.components.kubelet.hollow.profile import Fate, Profile, fate
from hyperpy.components.kubelet.memory import DEADLINE, Memory
from hyperpy.components.kubelet.pod_view import PodView, make
from hyperpy.components.kubelet.status import Facts, Surroundings, status
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Sandbox, State

Obj = dict[str, Any]

#: Steps at one moment after which the rest waits for the next one: a Pod whose containers start and end in no time.
_ROUNDS = 8
_NEVER = float("inf")
_REFUSED_TO_END = 137
_ENDED_ON_REQUEST = 143


@dataclass(frozen=True, slots=True)
class World:
    """What the Pods of all nodes share.

    Args:
        seed: of all dice.
        new_id: gives ids of sandboxes and containers.
    """

    profile: Profile
    seed: int
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """After a step: the status, whether all of the Pod is over, and when to step again although nothing happens."""

    status: Obj
    finished: bool
    wake_at: float | None


@dataclass(slots=True)
class _Run:
    """One container that was asked for: it starts, gets ready and ends when its time has come."""

    action: plan.StartContainer
    fate: Fate
    starts_at: float
    container: Container | None = None
    ready_at: float = _NEVER
    ends_at: float = _NEVER
    exit_code: int = 0

    def next_at(self) -> float:
        return self.starts_at if self.container is None else min(self.ready_at, self.ends_at)


class HollowPod:
    """A Pod on a simulated node.

    Args:
        pod: as the API has it.
        known_as: what the dice know it by.
        ip: its address; the node's own on the host's network.
    """

    __slots__ = ("_known_as", "_memory", "_runs", "_shown", "_view", "_where", "_world", "ip", "pod")

    def __init__(self, pod: Obj, world: World, where: Surroundings, *, known_as: str, ip: str, now: float) -> None:
        began = (pod.get("status") or {}).get("startTime")
        self.pod = pod
        self.ip = ip
        self._world = world
        self._where = where
        self._known_as = known_as
        self._memory = Memory(first_seen=meta.parse_time(began) if began else now)
        self._view = PodView()
        self._runs: dict[str, _Run] = {}
        self._shown: Obj | None = None
        if began:
            self._adopt()
        self.update(pod)

    def update(self, pod: Obj) -> bool:
        """The object changed. False when nothing changed that a node looks at."""
        old, self.pod = self.pod, pod
        if meta.is_deleting(pod):
            self._memory.deleting = True
            self._memory.grace_s = spec.grace_period_s(pod)
        gates = pod["spec"].get("readinessGates")
        return bool(gates) or meta.is_deleting(old) != meta.is_deleting(pod) or _wanted(old) != _wanted(pod)

    def step(self, now: float) -> Outcome:
        """Do all that is due.

        Args:
            now: seconds since the epoch.
        """
        for _ in range(_ROUNDS):
            self._happen(now)
            self._note_deadline(now)
            made = plan.plan(self.pod, self._view, self._memory, now=now, pod_network=False)
            if not self._act(made, now):
                break
        new = self._status(made, now)
        due = [run.next_at() for run in self._runs.values()]
        if made.wake_at is not None:
            due.append(made.wake_at)
        wake_at = min(due, default=_NEVER)
        return Outcome(new, made.finished, None if wake_at == _NEVER else wake_at)

    def _status(self, made: plan.Plan, now: float) -> Obj:
        pod = self.pod
        if self._shown is not None:
            pod = as_shown(pod, self._shown)
        facts = Facts(pod, self._view, self._memory, now, made.waiting, made.finished)
        self._shown = status(facts, self._where)
        return self._shown

    def _note_deadline(self, now: float) -> None:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None or self._memory.deleting or now < self._memory.first_seen + seconds:
            return
        if not plan.is_over(self.pod, self._view, self._memory):
            self._memory.failure = DEADLINE

    def _happen(self, now: float) -> None:
        """Let containers start, get ready and end whose time has come."""
        for name, run in list(self._runs.items()):
            if run.container is None and run.starts_at <= now:
                self._begin(run, run.starts_at)
            if run.container is not None and run.ready_at <= now:
                self._memory.ready.add(run.container.id)
                run.ready_at = _NEVER
            if run.container is not None and run.ends_at <= now:
                self._end(name, run.ends_at)

    def _act(self, made: plan.Plan, now: float) -> bool:
        """Carry out a plan; False when it asked for nothing that happens now."""
        acted = False
        for action in made.actions:
            match action:
                case plan.CreateSandbox(attempt):
                    self._create_sandbox(attempt, now)
                    acted = True
                case plan.StopSandbox(sandbox):
                    self._stop_sandbox(sandbox)
                    acted = True
                case plan.StartContainer():
                    acted |= self._start(action, now)
                case plan.KillContainer(container, _, grace_s):
                    acted |= self._stop(container, grace_s, now)
                case plan.KillPod(grace_s):
                    acted |= self._stop_all(grace_s, now)
                case plan.RemoveContainer(container):
                    self._set(containers=tuple(c for c in self._view.containers if c.id != container.id))
                    self._memory.started.discard(container.id)
                    self._memory.ready.discard(container.id)
                    acted = True
        return acted

    def _create_sandbox(self, attempt: int, now: float) -> None:
        for old in self._view.sandboxes:
            self._stop_sandbox(old)
        about = self.pod["metadata"]
        fresh = Sandbox(
            id=self._world.new_id(),
            namespace=about["namespace"],
            name=about["name"],
            uid=about["uid"],
            attempt=attempt,
            ready=True,
            created_at_ns=int(now * 1e9),
            ip=self.ip,
        )
        self._set(sandboxes=(fresh, *self._view.sandboxes))

    def _stop_sandbox(self, sandbox: Sandbox) -> None:
        self._set(sandboxes=tuple(replace(s, ready=False) if s.id == sandbox.id else s for s in self._view.sandboxes))

    def _start(self, action: plan.StartContainer, now: float) -> bool:
        run = self._runs.get(action.name)
        if run is not None and run.container is None:
            return False  # under way
        container = next(c for c in spec.all_containers(self.pod) if c["name"] == action.name)
        behaviour = self._world.profile.behaviour(self.pod, container.get("image", ""))
        dice = random.Random(f"{self._world.seed}/{self._known_as}/{action.name}/{action.attempt}")
        drawn = fate(behaviour, dice)
        self._runs[action.name] = _Run(action, drawn, now + drawn.start_s)
        return drawn.start_s <= 0

    def _begin(self, run: _Run, at: float, *, known_id: str = "") -> None:
        """A container runs, from `at` on; `known_id`: the API has it already."""
        action, drawn, sandbox = run.action, run.fate, self._view.sandbox
        if sandbox is None:
            del self._runs[action.name]
            return
        spec_of = next(c for c in spec.all_containers(self.pod) if c["name"] == action.name)
        image = spec_of.get("image", "")
        run.container = Container(
            id=known_id or self._world.new_id(),
            sandbox_id=sandbox.id,
            name=action.name,
            attempt=action.attempt,
            state=State.RUNNING,
            image=image,
            image_id=image_id(image),
            created_at_ns=int(at * 1e9),
            started_at_ns=int(at * 1e9),
            annotations={spec.CONTAINER_HASH: spec.container_hash(spec_of)},
        )
        run.ready_at = at + drawn.ready_s
        run.ends_at, run.exit_code = (at + drawn.run_s, drawn.exit_code) if drawn.run_s is not None else (_NEVER, 0)
        self._memory.started.add(run.container.id)
        self._put(run.container)
        if action.after is not None:
            self._memory.backoff[action.name] = backoff.grown(self._memory.backoff.get(action.name), now=at)

    def _stop_all(self, grace_s: int, now: float) -> bool:
        for name in [name for name, run in self._runs.items() if run.container is None]:
            del self._runs[name]
        acted = False
        for container in self._view.running:
            acted |= self._stop(container, grace_s, now)
        if self._view.running:
            return acted
        for sandbox in self._view.sandboxes:
            self._stop_sandbox(sandbox)
        return True

    def _stop(self, container: Container, grace_s: int, now: float) -> bool:
        """Ask a container to end; True when it does at once."""
        run = self._runs[container.name]
        patient = run.fate.stop_s < grace_s
        ends_at = now + (run.fate.stop_s if patient else grace_s)
        if ends_at >= run.ends_at:
            return False
        run.ends_at, run.exit_code = ends_at, _ENDED_ON_REQUEST if patient else _REFUSED_TO_END
        return ends_at <= now

    def _end(self, name: str, at: float) -> None:
        run = self._runs.pop(name)
        assert run.container is not None
        code = run.exit_code
        ended = replace(
            run.container,
            state=State.EXITED,
            finished_at_ns=int(at * 1e9),
            exit_code=code,
            signal=code - 128 if code > 128 else 0,
            reason="Completed" if code == 0 else "Error",
        )
        self._put(ended)

    def _put(self, container: Container) -> None:
        others = (c for c in self._view.containers if c.id != container.id)
        self._set(containers=(container, *others))

    def _set(
        self, *, sandboxes: tuple[Sandbox, ...] | None = None, containers: tuple[Container, ...] | None = None
    ) -> None:
        view = self._view
        self._view = make(
            view.sandboxes if sandboxes is None else sandboxes,
            view.containers if containers is None else containers,
            ip=self.ip,
        )

    def _adopt(self) -> None:
        """Take over what the API says runs: the process that simulated it before has ended, the Pod has not."""
        old = self.pod.get("status") or {}
        running = [
            entry
            for key in ("initContainerStatuses", "containerStatuses")
            for entry in old.get(key) or ()
            if "running" in (entry.get("state") or {}) and entry.get("containerID")
        ]
        if not running:
            return
        self._create_sandbox(0, self._memory.first_seen)
        for entry in running:
            name, began = entry["name"], meta.parse_time(entry["state"]["running"]["startedAt"])
            self._start(plan.StartContainer(name, int(entry.get("restartCount", 0))), began)
            self._begin(self._runs[name], began, known_id=entry["containerID"].rpartition("/")[2])


def _wanted(pod: Obj) -> tuple[Any, ...]:
    """What of a Pod the node follows while it runs."""
    about = pod["metadata"]
    return pod["spec"], about.get("generation"), about.get("deletionGracePeriodSeconds")


def image_id(image: str) -> str:
    """What an image is known by, as if it had been pulled."""
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
