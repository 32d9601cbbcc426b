"""Forked children: how the shim starts a program step by step and learns how far it came.

shim ──fork──▶ first child: cgroup, host files, namespaces ──fork──▶ second child: root, devices, user ──exec──▶ program
  ▲                              └─ {"pid": of the second}                 │ waits for "go", so that nothing runs
  └── a socket: {"error": ...} or its end, which means that exec succeeded ┘ before its pid is on the disk
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from hyperpy.linux import syscalls

#: Exit codes that shells and container runtimes use: cannot be executed, not found, the runtime's own failure.
CANNOT_EXECUTE, NOT_FOUND, RUNTIME_FAILURE = 126, 127, 128


class StartFailure(Exception):
    """A step failed; `exit_code` is what a shell would say."""

    def __init__(self, message: str, *, exit_code: int = RUNTIME_FAILURE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Channel:
    """A child's end of its socket to the shim."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def report_pid(self, pid: int) -> None:
        """Tell the shim the process id, in the host's numbers, of what becomes the program."""
        self._connection.send(json.dumps({"pid": pid}).encode())

    def send_terminal(self, handle: int) -> None:
        """Give the shim the master side of the terminal."""
        socket.send_fds(self._connection, [json.dumps({"terminal": True}).encode()], [handle])

    def fail(self, message: str, exit_code: int) -> None:
        """The last word before the child ends."""
        self._connection.send(json.dumps({"error": message, "exit_code": exit_code}).encode())

    def wait_for_go(self) -> None:
        """Wait until the shim has noted the process; end when the shim is gone."""
        if self._connection.recv(16) != b"go":
            os._exit(RUNTIME_FAILURE)


def fork(work: Callable[[Channel], None], *, keep: tuple[int, ...] = ()) -> tuple[int, socket.socket]:
    """Fork a child that runs `work`, which ends in exec; returns its pid and the shim's end of the socket.

    Args:
        work: runs in the child; StartFailure and OSError are reported and end it.
        keep: descriptors that the child needs; all others are closed in it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        ours.setblocking(False)
        return pid, ours

    def begin(channel: Channel) -> None:
        _detach(theirs, keep)
        work(channel)

    run_step(Channel(theirs), begin)
    os._exit(RUNTIME_FAILURE)


def run_step(channel: Channel, work: Callable[[Channel], None]) -> None:
    """Run a step of a child; what goes wrong goes to the shim, and the child ends."""
    try:
        work(channel)
    except StartFailure as failure:
        channel.fail(str(failure), failure.exit_code)
    except Exception as error:
        # The outermost net of a child: without it a failure would look like a successful exec.
        channel.fail(_text(error), RUNTIME_FAILURE)
    os._exit(RUNTIME_FAILURE)


def fork_again(channel: Channel, work: Callable[[Channel], None]) -> None:
    """Fork the second child, which is in the new pid namespace; the first tells its pid and ends."""
    pid = os.fork()
    if pid == 0:
        run_step(channel, work)
    channel.report_pid(pid)
    os._exit(0)


def _detach(connection: socket.socket, keep: tuple[int, ...]) -> None:
    """Leave the shim's session, signals and descriptors behind."""
    signal.set_wakeup_fd(-1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    # No process of a container may look into this one while it enters.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    os.setsid()
    for number in signal.valid_signals():
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _close_all_but({0, 1, 2, connection.fileno(), *keep})
    os.umask(0o022)


def _close_all_but(kept: set[int]) -> None:
    start = 0
    for handle in sorted(kept):
        # An empty range would be taken for all descriptors.
        if start < handle:
            os.closerange(start, handle)
        start = handle + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def set_streams(stdin: int, stdout: int, stderr: int) -> None:
    """Make the three descriptors 0, 1 and 2, wherever they are now."""
    # Duplicates above 2 first, so that none overwrites another's source.
    copies = [os.dup(handle) if handle < 3 else handle for handle in (stdin, stdout, stderr)]
    for target, handle in enumerate(copies):
        os.dup2(handle, target, inheritable=True)


def exec_program(arguments: list[str], environment: dict[str, str]) -> None:
    """Replace this process by the program, searched in the container's PATH.

    Raises:
        StartFailure: not found, or not executable; the texts are those users know from runc.
    """
    syscalls.close_on_exec(3)
    name = arguments[0]
    if "/" in name:
        candidates = [name]
    else:
        folders = environment.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
        candidates = [f"{folder or '.'}/{name}" for folder in folders]
    denied = False
    for path in candidates:
        try:
            os.execve(path, arguments, environment)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.exists(path):
                # The file is there, so its interpreter or loader is not.
                raise StartFailure(f"exec {path}: no such file or directory", exit_code=NOT_FOUND) from None
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM):
                text = "exec format error" if error.errno == errno.ENOEXEC else _text(error)
                raise StartFailure(f"exec {path}: {text}", exit_code=CANNOT_EXECUTE) from error
            denied = True
    if denied:
        raise StartFailure(f'exec: "{name}": permission denied', exit_code=CANNOT_EXECUTE)
    if "/" in name:
        raise StartFailure(f'exec: "{name}": stat {name}: no such file or directory', exit_code=NOT_FOUND)
    raise StartFailure(f'exec: "{name}": executable file not found in $PATH', exit_code=NOT_FOUND)


def parse_message(data: bytes) -> dict[str, Any]:
    """A message that a child sent."""
    message: dict[str, Any] = json.loads(data)
    return message


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
