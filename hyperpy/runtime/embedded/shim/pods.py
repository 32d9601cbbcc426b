"""All sandboxes and containers of a root directory, and what the kubelet may ask about them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from hyperpy.runtime.embedded.shim import child, steps
from hyperpy.runtime.embedded.shim.container import Container, Host
from hyperpy.runtime.embedded.shim.groups import GroupRemover
from hyperpy.runtime.embedded.shim.reaper import Reaper
from hyperpy.runtime.embedded.shim.sandbox import Sandbox
from hyperpy.runtime.embedded.shim.starting import Starting


class Refused(Exception):
    """The request cannot be done; the message goes to the kubelet."""


class Missing(Refused):
    """No such sandbox or container."""


#: Called once, with the answer or with a Refused.
Reply = Callable[[dict[str, Any] | Refused], None]


class Pods:
    """The registry.

    Args:
        host: what containers share.
        on_change: called with a sandbox id and a container id ("" when it is the sandbox itself that changed).
    """

    def __init__(self, host: Host, *, on_change: Callable[[str, str], None]) -> None:
        self._host = host
        self._on_change = on_change
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}
        self._reaper = Reaper()
        self._extra: set[int] = set()
        self._groups = GroupRemover(host.loop, host.hierarchies, idle=self._look_at_waiting)
        self._waiting: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        host.loop.on_child = self._reaper.child_ended

    def adopt(self) -> None:
        """Find what a former shim left running."""
        for name in _entries(f"{self._host.root}/sandboxes"):
            self._new_sandbox(name).adopt(self._host.loop)
        for name in _entries(f"{self._host.root}/containers"):
            if os.path.exists(f"{self._host.root}/containers/{name}/state.json"):
                try:
                    self._new_container(name).adopt()
                except LookupError:
                    print(f"the container {name} has no plan; it is passed over", file=sys.stderr, flush=True)

    def list_all(self) -> dict[str, Any]:
        """Every sandbox and container that was started."""
        return {
            "sandboxes": {key: item.describe() for key, item in self._sandboxes.items()},
            "containers": {key: item.describe() for key, item in self._containers.items()},
        }

    def describe(self, sandbox_id: str, container_id: str) -> dict[str, Any]:
        """One container, or one sandbox when there is no container id; empty when it is forgotten."""
        item = self._containers.get(container_id) if container_id else self._sandboxes.get(sandbox_id)
        return item.describe() if item else {}

    def run_sandbox(self, sandbox_id: str, reply: Reply) -> None:
        """Start a sandbox that the kubelet has written down; answers when it is ready."""
        sandbox = self._new_sandbox(sandbox_id)
        self._reaper.start_begins()

        def done(error: str) -> None:
            self._reaper.start_ends()
            if error:
                self._sandboxes.pop(sandbox_id, None)
            reply(Refused(f"cannot make a pod sandbox: {error}") if error else sandbox.describe())

        try:
            sandbox.start(
                self._host.loop,
                f"{self._host.root}/pause",
                on_pid=lambda pid: self._reaper.claim(pid, lambda code: sandbox.ended()),
                on_done=done,
            )
        except (OSError, LookupError) as error:
            done(str(error))

    def stop_sandbox(self, sandbox_id: str, reply: Reply) -> None:
        """Kill its containers and its pause process; answers when all are dead."""
        for container in self._containers_of(sandbox_id):
            container.send_signal(signal.SIGKILL)
        if sandbox_id in self._sandboxes:
            self._sandboxes[sandbox_id].kill()
        self._when(lambda: not self._alive(sandbox_id), lambda: reply({}))

    def remove_sandbox(self, sandbox_id: str, reply: Reply) -> None:
        """Forget a stopped sandbox and its containers."""
        if self._alive(sandbox_id):
            reply(Refused(f"the sandbox {sandbox_id} still has processes; stop it first"))
            return
        groups = [container.group for container in self._containers_of(sandbox_id)]
        for container in self._containers_of(sandbox_id):
            del self._containers[container.id]
        sandbox = self._sandboxes.pop(sandbox_id, None)
        if sandbox is not None:
            bundle = sandbox.bundle
            self._groups.remove([*groups, bundle["cgroup"]], shared=bundle["cgroup_parents"])
        reply({})
        self._look_at_waiting()

    def start_container(self, container_id: str, reply: Reply) -> None:
        """Start a container that the kubelet has written down; answers when its program runs."""
        if container_id in self._containers:
            reply(Refused(f"the container {container_id} was started before"))
            return
        try:
            container = self._new_container(container_id)
        except LookupError:
            reply(Missing(f"no container {container_id}"))
            return
        sandbox = self._sandboxes.get(container.sandbox_id)
        if sandbox is None or not sandbox.ready:
            del self._containers[container_id]
            reply(Refused(f"the sandbox {container.sandbox_id or 'of ' + container_id} is not running"))
            return
        self._reaper.start_begins()

        def done(failure: dict[str, Any] | None) -> None:
            self._reaper.start_ends()
            reply(Refused(failure["error"]) if failure else container.describe())

        container.start(sandbox, on_pid=lambda pid: self._reaper.claim(pid, container.ended), on_done=done)

    def remove_container(self, container_id: str, reply: Reply) -> None:
        """Forget a container that is not running."""
        container = self._containers.get(container_id)
        if container is None:
            reply({})
            return
        if container.alive:
            reply(Refused(f"the container {container_id} is running; stop it first"))
            return
        del self._containers[container_id]
        self._groups.remove([container.group])
        reply({})

    def send_signal(self, container_id: str, number: int) -> None:
        """Signal a container's first process; to a dead one it does nothing."""
        if container_id in self._containers:
            self._containers[container_id].send_signal(number)

    def exec(
        self,
        container_id: str,
        request: dict[str, Any],
        handles: list[int],
        reply: Reply,
        on_exit: Callable[[int], None],
    ) -> None:
        """Run a further process in a container; answers its pid and, with a terminal, its master as `handle`.

        Args:
            request: `command` and `tty`.
            handles: stdin, stdout, stderr for a process without a terminal; the caller closes them.
            on_exit: called after the answer with its exit code (negative: a signal).
        Raises:
            Refused: the container is not there or does not run.
        """
        container = self._running(container_id)
        start = steps.ExtraStart(
            container.bundle(),
            container=container.process,
            arguments=request["command"],
            tty=request["tty"],
            streams=handles,
            hierarchies=self._host.hierarchies,
        )
        answer: dict[str, Any] = {}
        ended: list[int] = []

        def exited(code: int) -> None:
            self._extra.discard(answer["pid"])
            if "done" in answer:
                on_exit(code)
            else:
                ended.append(code)

        def on_pid(pid: int) -> None:
            answer["pid"] = pid
            self._extra.add(pid)
            self._reaper.claim(pid, exited)

        def done(failure: dict[str, Any] | None) -> None:
            self._reaper.start_ends()
            answer["done"] = True
            reply(Refused(failure["error"]) if failure else answer)
            for code in ended if failure is None else ():
                on_exit(code)

        self._reaper.start_begins()
        _, channel = child.fork(start.run, keep=(container.process, *handles))
        take = partial(answer.__setitem__, "handle")
        Starting(self._host.loop, channel, on_pid=on_pid, on_terminal=take, on_done=done)

    def kill_exec(self, pid: int) -> None:
        """SIGKILL a process that `exec` started, unless it has ended."""
        if pid in self._extra:
            os.kill(pid, signal.SIGKILL)

    def attach(self, container_id: str, handles: list[int]) -> int:
        """See `Container.attach`.

        Raises:
            Refused: the container is not there or does not run.
        """
        return self._running(container_id).attach(handles)

    def close_stdin(self, container_id: str) -> None:
        """See `Container.close_stdin`."""
        if container_id in self._containers:
            self._containers[container_id].close_stdin()

    def reopen_log(self, container_id: str) -> None:
        """See `Container.reopen_log`."""
        if container_id in self._containers:
            self._containers[container_id].reopen_log()

    def purge(self, done: Callable[[], None]) -> None:
        """Kill everything, remove every control group, then call."""
        for sandbox_id in list(self._sandboxes):
            self.stop_sandbox(sandbox_id, partial(self._remove_stopped, sandbox_id))
        self._when(lambda: not self._sandboxes and not self._groups.busy, done)

    def _remove_stopped(self, sandbox_id: str, _: object) -> None:
        self.remove_sandbox(sandbox_id, lambda _: None)

    def _new_sandbox(self, sandbox_id: str) -> Sandbox:
        directory = f"{self._host.root}/sandboxes/{sandbox_id}"
        sandbox = Sandbox(sandbox_id, directory, changed=lambda: self._changed(sandbox_id, ""))
        self._sandboxes[sandbox_id] = sandbox
        return sandbox

    def _new_container(self, container_id: str) -> Container:
        def changed() -> None:
            self._changed(container.sandbox_id, container_id)

        directory = f"{self._host.root}/containers/{container_id}"
        container = Container(container_id, directory, self._host, changed=changed)
        self._containers[container_id] = container
        return container

    def _changed(self, sandbox_id: str, container_id: str) -> None:
        self._on_change(sandbox_id, container_id)
        self._look_at_waiting()

    def _when(self, condition: Callable[[], bool], action: Callable[[], None]) -> None:
        """Run an action as soon as the condition holds."""
        self._waiting.append((condition, action))
        self._look_at_waiting()

    def _look_at_waiting(self) -> None:
        due = [entry for entry in self._waiting if entry[0]()]
        self._waiting = [entry for entry in self._waiting if entry not in due]
        for _, action in due:
            action()

    def _alive(self, sandbox_id: str) -> bool:
        sandbox = self._sandboxes.get(sandbox_id)
        own = sandbox is not None and sandbox.pid != 0
        return own or any(container.alive for container in self._containers_of(sandbox_id))

    def _containers_of(self, sandbox_id: str) -> tuple[Container, ...]:
        return tuple(item for item in self._containers.values() if item.sandbox_id == sandbox_id)

    def _running(self, container_id: str) -> Container:
        container = self._containers.get(container_id)
        if container is None:
            raise Missing(f"no container {container_id}")
        if not container.running:
            raise Refused(f"the container {container_id} is not running")
        return container


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
