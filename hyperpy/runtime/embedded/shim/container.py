"""A container: its process, its streams, its result.   new ──▶ starting ──▶ running ──▶ exited"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from hyperpy.linux import syscalls
from hyperpy.runtime.embedded.shim import cgroups, child, devices, disk, steps
from hyperpy.runtime.embedded.shim.logs import LogFile
from hyperpy.runtime.embedded.shim.loop import Loop
from hyperpy.runtime.embedded.shim.sandbox import Sandbox
from hyperpy.runtime.embedded.shim.starting import Starting
from hyperpy.runtime.embedded.shim.streams import Pump

_PIPE_BYTES = 256 * 1024
_F_SETPIPE_SZ = 1031
_LOST_EXIT_CODE = 255
_LOST = "The process that watched this container was lost, and the exit code with it."


class Host:
    """What all containers of this shim share.

    Args:
        device_program: BPF descriptor of the device filter, -1 for none.
    """

    def __init__(self, loop: Loop, *, root: str, hierarchies: cgroups.Hierarchies, device_program: int) -> None:
        self.loop = loop
        self.root = root
        self.layers = f"{root}/images/layers"
        self.hierarchies = hierarchies
        self.device_program = device_program


class Container:
    """One container; its folder holds `spec.json` (the kubelet's) and `state.json` (the shim's).

    Args:
        changed: called when it started or exited.
    Raises:
        KeyError: the kubelet wrote no plan for it.
    """

    def __init__(self, container_id: str, directory: str, host: Host, *, changed: Callable[[], None]) -> None:
        self.id = container_id
        self.directory = directory
        plan = self.bundle()
        self.sandbox_id: str = plan["sandbox"]
        self.group: str = plan["cgroup"]
        self.state: dict[str, Any] = {"state": "new"}
        self.process = -1
        self.terminal = -1
        self.stdin = -1
        self._host = host
        self._changed = changed
        self._log: LogFile | None = None
        self._pumps: list[Pump] = []
        self._starting = False
        self._early_exit: int | None = None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.state["state"] == "running"

    @property
    def alive(self) -> bool:
        """Whether it runs or is about to."""
        return self.state["state"] in ("starting", "running")

    @property
    def pid(self) -> int:
        """Of its first process, 0 before the start."""
        return int(self.state.get("pid", 0))

    def bundle(self) -> dict[str, Any]:
        """The kubelet's plan, with what only the shim knows."""
        spec = disk.read(f"{self.directory}/spec.json") or {}
        bundle: dict[str, Any] = spec["bundle"]
        bundle["directory"] = self.directory
        return bundle

    def start(
        self,
        sandbox: Sandbox,
        *,
        on_pid: Callable[[int], None],
        on_done: Callable[[dict[str, Any] | None], None],
    ) -> None:
        """Fork its first process. `on_done` gets None or the failure, now or later."""
        bundle = self.bundle()
        self._save(state="starting")
        self._starting = True
        self._log = LogFile(bundle["log_path"])
        try:
            self._prepare_group(bundle)
        except OSError as error:
            self._started({"error": str(error), "exit_code": child.RUNTIME_FAILURE}, on_done)
            return
        theirs = self._open_stdin() if bundle["stdin"] and not bundle["tty"] else -1
        start = steps.ContainerStart(
            bundle,
            pause=sandbox.process,
            stdin=theirs,
            hierarchies=self._host.hierarchies,
            layers_directory=self._host.layers,
        )
        keep = tuple(handle for handle in (sandbox.process, theirs) if handle >= 0)
        _, channel = child.fork(start.run, keep=keep)
        if theirs >= 0:
            os.close(theirs)
        Starting(
            self._host.loop,
            channel,
            on_pid=lambda pid: self._note_process(bundle, pid, on_pid),
            on_terminal=self._take_terminal,
            on_done=lambda failure: self._started(failure, on_done),
        )

    def _prepare_group(self, bundle: dict[str, Any]) -> None:
        hierarchies, group = self._host.hierarchies, bundle["cgroup"]
        cgroups.make(hierarchies, group)
        for sentence in cgroups.limit(hierarchies, group, bundle["resources"]):
            print(f"container {self.id}: {sentence}; it runs without", file=sys.stderr, flush=True)
        bundle["cgroup_mounts"] = cgroups.view(hierarchies)
        if not bundle["privileged"] and not devices.restrict(hierarchies, group, self._host.device_program):
            # Nothing holds it back from device nodes, so it must not make any.
            bundle["capabilities"] = [name for name in bundle["capabilities"] if name != "MKNOD"]

    def _open_stdin(self) -> int:
        theirs, self.stdin = os.pipe2(os.O_CLOEXEC)
        return theirs

    def _note_process(self, bundle: dict[str, Any], pid: int, on_pid: Callable[[int], None]) -> None:
        self.process = os.pidfd_open(pid)
        self._save(state="running", pid=pid, started=disk.start_time(pid), started_at_ns=time.time_ns())
        if not bundle["tty"]:
            self._open_pumps()
        on_pid(pid)

    def _open_pumps(self) -> None:
        assert self._log is not None
        for stream, name in ((1, "stdout"), (2, "stderr")):
            handle = os.open(f"{self.directory}/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.fcntl(handle, _F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:
                pass
            self._pumps.append(Pump(self._host.loop, handle, stream=stream, log=self._log))

    def _take_terminal(self, master: int) -> None:
        assert self._log is not None
        self.terminal = master
        self._pumps.append(Pump(self._host.loop, os.dup(master), stream=1, log=self._log))

    def _started(self, failure: dict[str, Any] | None, on_done: Callable[[dict[str, Any] | None], None]) -> None:
        self._starting = False
        if failure is not None:
            self._close_streams()
            self._finish(exit_code=failure["exit_code"], reason="StartError", message=failure["error"])
        elif self._early_exit is not None:
            self.ended(self._early_exit)
        else:
            self._changed()
        on_done(failure)

    def ended(self, code: int | None) -> None:
        """Its process ended with this code (negative: a signal; None: nobody knows)."""
        if self._starting:
            self._early_exit = code
            return
        if not self.running:
            # A start that failed is told already.
            return
        for pump in self._pumps:
            pump.drain()
        self._close_streams()
        hierarchies, group = self._host.hierarchies, self.group
        oom = cgroups.oom_kills(hierarchies, group) > 0
        cgroups.kill(hierarchies, group)
        if code is None:
            self._finish(exit_code=_LOST_EXIT_CODE, reason="ContainerStatusUnknown", message=_LOST)
            return
        exit_code, signum = (128 - code, -code) if code < 0 else (code, 0)
        reason = "OOMKilled" if oom and exit_code else "Error" if exit_code else "Completed"
        self._finish(exit_code=exit_code, reason=reason, message="", signal=signum)

    def _finish(self, *, exit_code: int, reason: str, message: str, signal: int = 0) -> None:
        if self.process >= 0:
            os.close(self.process)
            self.process = -1
        self._save(
            state="exited",
            exit_code=exit_code,
            reason=reason,
            message=message,
            signal=signal,
            finished_at_ns=time.time_ns(),
        )
        self._changed()

    def adopt(self) -> None:
        """Take over from a shim that was lost."""
        self.state = disk.read(f"{self.directory}/state.json") or {"state": "new"}
        if self.state["state"] == "starting":
            cgroups.kill(self._host.hierarchies, self.group)
            self._finish(exit_code=child.RUNTIME_FAILURE, reason="StartError", message="The start was interrupted.")
        if not self.running:
            return
        if self.state["boot"] == disk.boot_id():
            self.process = disk.open_process(self.pid, self.state["started"])
        if self.process < 0:
            self.ended(None)
            return
        bundle = self.bundle()
        self._log = LogFile(bundle["log_path"])
        if not bundle["tty"]:
            self._open_pumps()
        self._host.loop.add_reader(self.process, self._adopted_end)

    def _adopted_end(self) -> None:
        self._host.loop.remove_reader(self.process)
        status = syscalls.exit_status(self.process)
        self.ended(None if status is None else os.waitstatus_to_exitcode(status))

    def send_signal(self, number: int) -> None:
        """Signal its first process; with SIGKILL, all of them."""
        if self.process >= 0:
            try:
                signal.pidfd_send_signal(self.process, number)
            except ProcessLookupError:
                pass
        if self.alive and number == signal.SIGKILL:
            cgroups.kill(self._host.hierarchies, self.group)

    def attach(self, outputs: list[int]) -> int:
        """Copy output to these pipes from now on; returns a descriptor to write input to, -1 when it takes none.

        Args:
            outputs: write ends for stdout and stderr; they belong to this container now.
        """
        for pump in self._pumps:
            pump.attach(outputs[pump.stream - 1])
        taken = {pump.stream for pump in self._pumps}
        for stream, handle in enumerate(outputs, start=1):
            if stream not in taken:
                os.close(handle)
        source = self.terminal if self.terminal >= 0 else self.stdin
        return os.dup(source) if source >= 0 else -1

    def close_stdin(self) -> None:
        """Let the process read the end of its input."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def reopen_log(self) -> None:
        """After a rotation."""
        if self._log is not None:
            self._log.reopen()

    def describe(self) -> dict[str, Any]:
        """For the kubelet."""
        return self.state

    def _close_streams(self) -> None:
        for pump in self._pumps:
            pump.close()
        self._pumps = []
        self.close_stdin()
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1
        if self._log is not None:
            self._log.close()
            self._log = None

    def _save(self, **changes: Any) -> None:
        self.state.update(changes, boot=disk.boot_id())
        disk.write(f"{self.directory}/state.json", self.state)
