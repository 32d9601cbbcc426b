"""The program that becomes the shim: `python -I -S start.py ROOT READY_FD`.

It leaves its starter (fork, new session), then executes Python again from a read-only mount of the interpreter: so a
container that gets hold of the shim's `/proc/PID/exe` while it is entered cannot write to the host's interpreter.
"""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4)))

from hyperpy.linux import syscalls


def detach(root: str, ready: int) -> None:
    """First stage: a session of its own, the interpreter read-only, and Python anew."""
    if os.fork():
        os._exit(0)
    os.setsid()
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    interpreter = os.path.realpath(sys.executable)
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", flags=syscalls.MS_PRIVATE | syscalls.MS_REC)
        syscalls.mount(interpreter, interpreter, flags=syscalls.MS_BIND)
        read_only = syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY
        syscalls.mount("", interpreter, flags=read_only)
    except OSError as error:
        _give_up(ready, f"{error}; the embedded runtime needs root (CAP_SYS_ADMIN)")
    try:
        _try_overlay(f"{root}/probe")
    except OSError as error:
        _give_up(ready, f"{error}; use a data directory on ext4, xfs, btrfs or tmpfs, not on an overlay itself")
    for handle in (home, ready):
        os.set_inheritable(handle, True)
    script = os.path.abspath(__file__)
    os.execv(interpreter, [interpreter, "-I", "-S", script, root, str(ready), str(home)])


def _try_overlay(directory: str) -> None:
    """Mount an overlay where those of containers will be, and take it away."""
    names = ("lower", "upper", "work", "merged")
    for name in names:
        os.makedirs(f"{directory}/{name}", exist_ok=True)
    os.chdir(directory)
    syscalls.mount("overlay", "merged", kind="overlay", data="lowerdir=lower,upperdir=upper,workdir=work")
    syscalls.unmount("merged", flags=0)
    os.chdir("/")
    for name in ("work/work", *names, ""):
        os.rmdir(f"{directory}/{name}")


def _give_up(ready: int, reason: str) -> None:
    os.write(ready, reason.encode())
    os._exit(1)


def serve(root: str, ready: int, home: int) -> None:
    """Second stage: back to the host's mounts, and be the shim."""
    syscalls.setns(home, syscalls.CLONE_NEWNS)
    os.close(home)
    os.set_inheritable(ready, False)
    os.chdir("/")
    from hyperpy.runtime.embedded.shim.main import main

    main(root, ready)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        detach(sys.argv[1], int(sys.argv[2]))
    else:
        serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
