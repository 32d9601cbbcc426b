"""The next steps for one Pod: pure, from the Pod, what the runtime has of it, and what the worker remembers.

    no sandbox ──▶ sandbox ──▶ network ──▶ init containers in order ──▶ main containers ──▶ (restarts) ──▶ done
         any of these ──deleted, failed, out of date──▶ kill ──▶ sandbox stopped ──▶ done

Steps are few on purpose: after each round the worker looks again and plans again. Source of the rules: "Pod Lifecycle",
"Init Containers" and "Sidecar Containers" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hyperpy.api.pods import is_sidecar
from hyperpy.components.kubelet import backoff
from hyperpy.components.kubelet.memory import POD, Memory, Trouble
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Sandbox, State

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    attempt: int


@dataclass(frozen=True, slots=True)
class AttachNetwork:
    """Give an address to a sandbox that an interrupted kubelet left without one."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class StopSandbox:
    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Pull, create and start. `after` is the attempt that this one replaces."""

    name: str
    attempt: int
    after: Container | None = None


@dataclass(frozen=True, slots=True)
class KillContainer:
    """`why` is a sentence for the event."""

    container: Container
    why: str
    grace_s: int


@dataclass(frozen=True, slots=True)
class KillPod:
    """Kill what runs (sidecars last), then stop the sandboxes."""

    grace_s: int


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    container: Container


Action = CreateSandbox | AttachNetwork | StopSandbox | StartContainer | KillContainer | KillPod | RemoveContainer


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now.

    Args:
        wake_at: when to plan again although nothing happens, or None.
        finished: nothing of the Pod runs any more, and nothing shall.
        waiting: container name to trouble: what users read as the reason of its waiting state.
    """

    actions: tuple[Action, ...] = ()
    wake_at: float | None = None
    finished: bool = False
    waiting: dict[str, Trouble] = field(default_factory=dict)


@dataclass(slots=True)
class _Draft:
    actions: list[Action] = field(default_factory=list)
    wake_at: float | None = None
    waiting: dict[str, Trouble] = field(default_factory=dict)

    def wake(self, at: float) -> None:
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)

    def plan(self) -> Plan:
        return Plan(tuple(self.actions), self.wake_at, False, self.waiting)


def plan(pod: Obj, view: PodView, memory: Memory, *, now: float, pod_network: bool = True) -> Plan:
    """The steps to take now.

    Args:
        pod_network: sandboxes of this runtime get their address from the pod network.
    """
    if memory.deleting or is_over(pod, view, memory):
        grace_s = memory.grace_s if memory.grace_s is not None else spec.grace_period_s(pod)
        if not view.alive:
            return Plan(finished=True)
        return Plan(wake_at=memory.kill_again_at) if now < memory.kill_again_at else Plan((KillPod(grace_s),))
    draft = _Draft()
    _deadline(pod, memory, draft)
    trouble = memory.trouble.get(POD)
    if trouble is not None and now < trouble.retry_at:
        draft.wake(trouble.retry_at)
        if trouble.reason:
            draft.waiting.update({container["name"]: trouble for container in spec.all_containers(pod)})
        return draft.plan()
    if view.sandbox is None:
        _new_sandbox(pod, view, draft)
        if not draft.actions:
            return Plan(finished=True)
    elif _needs_address(pod, view, pod_network):
        draft.actions.append(AttachNetwork(view.sandbox))
    _clean_up(pod, view, draft)
    _containers(_Look(pod, view, memory, now), draft)
    return draft.plan()


def is_over(pod: Obj, view: PodView, memory: Memory) -> bool:
    """The Pod's work is done for good: failed, ended before, or every main container finished by its policy."""
    if memory.failure is not None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return True
    if _init_failed(pod, view):
        return True
    return all(_ended(pod, view, container["name"]) for container in pod["spec"].get("containers") or ())


def _ended(pod: Obj, view: PodView, name: str) -> bool:
    """A main container finished by its policy, as the runtime says, or as the API says when the runtime lost it."""
    latest = view.latest(name)
    if latest is not None:
        return latest.state is State.EXITED and not _restarts(pod, latest)
    old = old_status(pod, name) or {}
    if not old.get("containerID"):
        return False
    ended = (old.get("state") or {}).get("terminated")
    policy = restart_policy(pod)
    return policy == "Never" or (policy == "OnFailure" and ended is not None and not ended.get("exitCode"))


def old_status(pod: Obj, name: str) -> Obj | None:
    """What the API has of a container."""
    old = pod.get("status") or {}
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for candidate in old.get(key) or ():
            if candidate.get("name") == name:
                return dict(candidate)
    return None


def restart_policy(pod: Obj) -> str:
    return pod["spec"].get("restartPolicy") or "Always"


def _restarts(pod: Obj, exited: Container) -> bool:
    policy = restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exited.exit_code != 0)


def _init_failed(pod: Obj, view: PodView) -> bool:
    if restart_policy(pod) != "Never":
        return False
    latest = [view.latest(c["name"]) for c in pod["spec"].get("initContainers") or () if not is_sidecar(c)]
    return any(c is not None and c.state is State.EXITED and c.exit_code != 0 for c in latest)


def _deadline(pod: Obj, memory: Memory, draft: _Draft) -> None:
    seconds = pod["spec"].get("activeDeadlineSeconds")
    if seconds is not None:
        draft.wake(memory.first_seen + seconds)


def _needs_address(pod: Obj, view: PodView, pod_network: bool) -> bool:
    return pod_network and not pod["spec"].get("hostNetwork") and view.ip is None


def _new_sandbox(pod: Obj, view: PodView, draft: _Draft) -> None:
    """A sandbox, unless a Pod that is never restarted has lost one in which it had begun."""
    if view.sandboxes and restart_policy(pod) == "Never" and view.containers:
        draft.actions.extend(StopSandbox(s) for s in view.sandboxes if s.ready)
        return
    draft.actions.extend(KillContainer(c, "Pod sandbox changed", spec.grace_period_s(pod)) for c in view.running)
    attempt = view.sandboxes[0].attempt + 1 if view.sandboxes else 0
    draft.actions.append(CreateSandbox(attempt))


def _clean_up(pod: Obj, view: PodView, draft: _Draft) -> None:
    """Older sandboxes stop; containers that were created and never started, and old dead attempts, go."""
    draft.actions.extend(StopSandbox(sandbox) for sandbox in view.sandboxes[1:] if sandbox.ready)
    seen: dict[str, int] = {}
    for container in view.containers:
        if container.state is State.CREATED:
            draft.actions.append(RemoveContainer(container))
            continue
        seen[container.name] = seen.get(container.name, 0) + 1
        if container.state is State.EXITED and seen[container.name] > 2:
            draft.actions.append(RemoveContainer(container))


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one Pod: the arguments that every rule below reads."""

    pod: Obj
    view: PodView
    memory: Memory
    now: float

    def begun(self) -> bool:
        """A main container was started in this sandbox: init containers are not run again."""
        return any(self._started_here(c["name"]) for c in self.pod["spec"].get("containers") or ())

    def _started_here(self, name: str) -> bool:
        current = self.view.current(name)
        return current is not None and current.state is not State.CREATED


def _containers(look: _Look, draft: _Draft) -> None:
    for container in look.pod["spec"].get("ephemeralContainers") or ():
        if look.view.latest(container["name"]) is None:
            _start(look, container, draft)
    if not _init(look, draft):
        return
    for container in look.pod["spec"].get("containers") or ():
        _keep_running(look, container, draft)


def _init(look: _Look, draft: _Draft) -> bool:
    """Bring the init containers forward by one step; True when the main containers may run."""
    begun = look.begun()
    for container in look.pod["spec"].get("initContainers") or ():
        if is_sidecar(container):
            if not _sidecar(look, container, draft) and not begun:
                return False
        elif not begun and not _init_done(look, container, draft):
            return False
    return True


def _sidecar(look: _Look, container: Obj, draft: _Draft) -> bool:
    """Keep a sidecar running; True when it has started, so that the next container may."""
    _keep_running(look, container, draft)
    current = look.view.current(container["name"])
    return current is not None and current.state is State.RUNNING and current.id in look.memory.started


def _init_done(look: _Look, container: Obj, draft: _Draft) -> bool:
    current = look.view.current(container["name"])
    if current is not None and current.state is State.EXITED and current.exit_code == 0:
        return True
    if current is None or current.state is not State.RUNNING:
        _start(look, container, draft)
    return False


def _keep_running(look: _Look, container: Obj, draft: _Draft) -> None:
    """Start, restart or replace a container that shall run all the time."""
    current = look.view.current(container["name"])
    if current is None or current.state is not State.RUNNING:
        latest = look.view.latest(container["name"])
        finished = latest is not None and latest.state is State.EXITED and not is_sidecar(container)
        if not (finished and latest is not None and not _restarts(look.pod, latest)):
            _start(look, container, draft)
        return
    killed = _reason_to_kill(look, container, current)
    if killed is not None:
        draft.actions.append(killed)


def _reason_to_kill(look: _Look, container: Obj, current: Container) -> KillContainer | None:
    name, grace_s = container["name"], spec.grace_period_s(look.pod)
    if current.annotations.get(spec.CONTAINER_HASH) != spec.container_hash(container):
        return KillContainer(current, f"Container {name} definition changed, will be restarted", grace_s)
    unhealthy = look.memory.unhealthy.get(current.id)
    if unhealthy is None:
        return None
    fate = "will be restarted" if restart_policy(look.pod) != "Never" or is_sidecar(container) else "will be killed"
    why = f"Container {name} {unhealthy.message}, {fate}"
    return KillContainer(current, why, grace_s if unhealthy.grace_s is None else unhealthy.grace_s)


def _start(look: _Look, container: Obj, draft: _Draft) -> None:
    """Start a container now, or note until when it waits and why."""
    name, now = container["name"], look.now
    latest = next((c for c in look.view.history(name) if c.state is not State.CREATED), None)
    trouble = look.memory.trouble.get(name)
    if trouble is not None and now < trouble.retry_at:
        draft.waiting[name] = trouble.shown(now)
        draft.wake(trouble.retry_at)
        if trouble.later is not None and now < trouble.turns_at:
            draft.wake(trouble.turns_at)
        return
    if latest is not None and latest.state is State.EXITED:
        entry = look.memory.backoff.get(name)
        due = backoff.until(entry, failed_at=latest.finished_at_ns / 1e9)
        if entry is not None and now < due:
            draft.waiting[name] = _crash_loop(look.pod, name, entry, due)
            draft.wake(due)
            return
    draft.actions.append(StartContainer(name, _next_attempt(look.pod, name, latest), latest))


def _next_attempt(pod: Obj, name: str, latest: Container | None) -> int:
    """One more than the last; a container that the runtime lost counts as one that ended."""
    if latest is not None:
        return latest.attempt + 1
    old = old_status(pod, name) or {}
    return int(old.get("restartCount", 0)) + 1 if old.get("containerID") else 0


def _crash_loop(pod: Obj, name: str, entry: backoff.Backoff, due: float) -> Trouble:
    meta = pod["metadata"]
    message = (
        f"back-off {backoff.text(entry.delay_s)} restarting failed container={name} "
        f"pod={meta['name']}_{meta['namespace']}({meta['uid']})"
    )
    return Trouble("CrashLoopBackOff", message, due)


def starts(actions: tuple[Action, ...]) -> Iterator[StartContainer]:
    """The containers that a plan starts."""
    return (action for action in actions if isinstance(action, StartContainer))
