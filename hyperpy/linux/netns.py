"""Network namespaces: make one with a name, pin it, work inside one, remove it.

A network namespace belongs to a thread, so whatever works inside one runs in a short-lived thread of its own; sockets
made there stay in that namespace and may be used from any thread afterwards. A pinned namespace is a bind mount under
/run/netns, as `ip netns` makes it, so that it outlives the process and can be looked into with iproute2.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
_MS_BIND = 0x1000
_MNT_DETACH = 2
_DIRECTORY = Path("/run/netns")

T = TypeVar("T")


def path(name: str) -> Path:
    """Where the namespace of that name is pinned."""
    return _DIRECTORY / name


def exists(name: str) -> bool:
    """Whether a live namespace of that name is pinned (a leftover empty file is none)."""
    return os.path.ismount(path(name))


def ensure(name: str) -> bool:
    """Make and pin a namespace unless it is there; says whether it was made.

    Raises:
        OSError: no permission (EPERM needs CAP_SYS_ADMIN), or the mount failed.
    """
    if exists(name):
        return False
    _DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    target = path(name)
    target.touch(mode=0o444)

    def pin() -> None:
        _check(_libc().unshare(_CLONE_NEWNET), "unshare a network namespace")
        source = b"/proc/thread-self/ns/net"
        _check(_libc().mount(source, os.fsencode(target), b"none", _MS_BIND, None), f"mount {target}")

    try:
        _in_thread(pin)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    return True


def remove(name: str) -> None:
    """Unpin a namespace; it goes with its links when nothing else holds it. Removing what is gone succeeds."""
    target = path(name)
    while exists(name):
        _check(_libc().umount2(os.fsencode(target), _MNT_DETACH), f"unmount {target}")
    target.unlink(missing_ok=True)


@contextmanager
def locked() -> Iterator[None]:
    """Hold the machine's one lock on making and removing named namespaces, against other threads and processes. Blocks.

    Raises:
        OSError: no permission.
    """
    _DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    with opened(_DIRECTORY) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def opened(where: Path | str) -> Iterator[int]:
    """A file descriptor of the file `where` (a namespace), for system calls that want one."""
    handle = os.open(where, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def entered(where: Path | str) -> Iterator[None]:
    """The calling thread is inside a namespace for as long as this lasts: for making a socket, not for waiting.

    Raises:
        OSError: the namespace is gone or may not be entered.
    """
    with opened("/proc/thread-self/ns/net") as home, opened(where) as target:
        _check(_libc().setns(target, _CLONE_NEWNET), f"enter {where}")
        try:
            yield
        finally:
            _check(_libc().setns(home, _CLONE_NEWNET), "leave a network namespace")


def inside(where: Path | str, work: Callable[[], T]) -> T:
    """Run `work` in a thread inside the namespace that the file `where` names, and return what it returned.

    Args:
        where: a pinned namespace or `/proc/PID/ns/net`.
        work: blocking, short; what it raises is raised here.
    Raises:
        OSError: the namespace is gone or may not be entered.
    """

    def enter() -> T:
        with opened(where) as handle:
            _check(_libc().setns(handle, _CLONE_NEWNET), f"enter {where}")
        return work()

    return _in_thread(enter)


def _in_thread(work: Callable[[], T]) -> T:
    """Run in a thread that is never used again: its namespace is not the process's own any more."""
    results: list[T] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name="netns")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
