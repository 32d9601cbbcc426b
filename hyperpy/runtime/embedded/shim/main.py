"""The shim's start and end.

    lock ▶ control groups ▶ adopt what runs ▶ listen ▶ "ready" to the starter ▶ serve ▶ end (asked, or SIGTERM)

It ends only when it is asked; its containers then go on and the next shim finds them, unless it was asked to purge.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import socket
import sys
from typing import Any

from hyperpy.linux import syscalls
from hyperpy.runtime.embedded import wire
from hyperpy.runtime.embedded.shim import cgroups, devices
from hyperpy.runtime.embedded.shim.container import Host
from hyperpy.runtime.embedded.shim.home import Home
from hyperpy.runtime.embedded.shim.loop import Loop
from hyperpy.runtime.embedded.shim.pods import Pods
from hyperpy.runtime.embedded.shim.server import Server

_BASE_GROUP = "/hyperpy"


class CannotStart(Exception):
    """The message goes to the starter."""


def main(root: str, ready: int) -> None:
    """Serve `root` until asked to end; `ready` is a descriptor that gets "ok" or a line that says why not."""
    try:
        loop, finish = _prepare(root)
    except (CannotStart, OSError) as error:
        os.write(ready, str(error).encode())
        sys.exit(1)
    os.write(ready, b"ok")
    os.close(ready)
    gc.collect()
    # What is here now stays for good: without this, every collection in a child would copy its pages.
    gc.freeze()
    try:
        loop.run()
    finally:
        finish()


def _prepare(root: str) -> tuple[Loop, Any]:
    lock = _take_lock(root)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    _resist_oom_killer()
    mountinfo = _read("/proc/self/mountinfo")
    hierarchies, conditions = cgroups.usable(cgroups.discover(mountinfo), _BASE_GROUP)
    home = Home(f"{_BASE_GROUP}/shim-{os.getpid()}")
    home.leave(mountinfo, _read("/proc/self/cgroup"))
    program = -1 if "devices" in hierarchies.v1 else devices.load()
    loop = Loop()
    pods = Pods(
        Host(loop, root=root, hierarchies=hierarchies, device_program=program),
        on_change=lambda sandbox, container: server.publish(sandbox, container),
    )
    about = {"version": wire.VERSION, "pid": os.getpid(), "conditions": conditions}
    listener = _listen(root)
    server = Server(loop, listener, pods, about=about)
    pods.adopt()
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def finish() -> None:
        server.close()
        os.unlink(f"{root}/shim.sock")
        home.return_home()
        cgroups.remove(hierarchies, _BASE_GROUP)
        os.close(lock)

    return loop, finish


def _take_lock(root: str) -> int:
    """One shim per root directory; the lock goes with the process."""
    lock = os.open(f"{root}/shim.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CannotStart(f"another shim serves {root}") from error
    return lock


def _resist_oom_killer() -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("-999")
    except OSError:
        # Needs CAP_SYS_RESOURCE; the shim is small anyway.
        pass


def _listen(root: str) -> socket.socket:
    """Bind below the directory's descriptor: a socket's path may have 107 bytes only."""
    path = f"{root}/shim.sock"
    if os.path.lexists(path):
        os.unlink(path)
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(f"/proc/self/fd/{directory}/shim.sock")
        os.chmod(path, 0o600)
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(directory)
    return listener


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
