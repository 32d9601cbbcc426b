"""A pod's sandbox: the pause process that keeps its namespaces.   new ──▶ starting ──▶ ready ──▶ dead"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from hyperpy.runtime.embedded.shim import child, disk, steps
from hyperpy.runtime.embedded.shim.loop import Loop
from hyperpy.runtime.embedded.shim.starting import Starting


class Sandbox:
    """One sandbox; its folder holds `spec.json` (the kubelet's) and `state.json` (the shim's).

    Args:
        changed: called when it became ready or dead.
    """

    def __init__(self, sandbox_id: str, directory: str, *, changed: Callable[[], None]) -> None:
        self.id = sandbox_id
        self.directory = directory
        self.pid = 0
        self.started = 0
        self.process = -1
        self.ready = False
        self._changed = changed

    @property
    def bundle(self) -> dict[str, Any]:
        """The kubelet's plan."""
        spec = disk.read(f"{self.directory}/spec.json") or {}
        bundle: dict[str, Any] = spec["bundle"]
        return bundle

    def start(self, loop: Loop, pause: str, *, on_pid: Callable[[int], None], on_done: Callable[[str], None]) -> None:
        """Fork the pause process. `on_done` gets "" or why it failed."""
        bundle = self.bundle
        _, channel = child.fork(lambda link: steps.run_pause(link, bundle, pause))

        def note(pid: int) -> None:
            self.pid, self.started = pid, disk.start_time(pid)
            self.process = os.pidfd_open(pid)
            self.save()
            on_pid(pid)

        def done(failure: dict[str, Any] | None) -> None:
            self.ready = failure is None
            on_done(failure["error"] if failure else "")

        Starting(loop, channel, on_pid=note, on_terminal=os.close, on_done=done)

    def save(self) -> None:
        """Note the process, so that another shim finds it."""
        disk.write(f"{self.directory}/state.json", {"pid": self.pid, "started": self.started, "boot": disk.boot_id()})

    def adopt(self, loop: Loop) -> None:
        """Find the pause process of a former shim; dead when it is gone."""
        state = disk.read(f"{self.directory}/state.json") or {}
        if state.get("boot") == disk.boot_id():
            self.process = disk.open_process(state["pid"], state["started"])
        if self.process < 0:
            return
        self.pid, self.started, self.ready = state["pid"], state["started"], True
        loop.add_reader(self.process, lambda: self._adopted_end(loop))

    def kill(self) -> None:
        """SIGKILL the pause process."""
        if self.process >= 0:
            try:
                signal.pidfd_send_signal(self.process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def ended(self) -> None:
        """The pause process was reaped."""
        self.ready = False
        self.pid = 0
        if self.process >= 0:
            os.close(self.process)
            self.process = -1
        self._changed()

    def _adopted_end(self, loop: Loop) -> None:
        loop.remove_reader(self.process)
        self.ended()

    def describe(self) -> dict[str, Any]:
        """For the kubelet."""
        return {"pid": self.pid, "ready": self.ready}
