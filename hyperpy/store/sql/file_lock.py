"""A lock file: one process at a time has the store. The kernel lets go of it when the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hyperpy.store.protocol import Unavailable


class InUse(Unavailable):
    """Another process has the store."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"the store {path} is in use by another process (pid {pid}); stop it or choose another directory"
        )
        self.pid = pid


class FileLock:
    """Beside the database file, not on it: closing any handle of that one would drop SQLite's own locks."""

    def __init__(self, guarded: Path) -> None:
        self._guarded = guarded
        self._path = _beside(guarded)
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and note our process id in it. Raises InUse, OSError."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _take(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(self._guarded, _noted(fd)) from None
        # Written over what stands there and cut afterwards: a full disk has no room for a file that was emptied first.
        note = f"{os.getpid()}\n".encode()
        os.pwrite(fd, note, 0)
        os.ftruncate(fd, len(note))

    def release(self) -> None:
        """Let go of it; the file stays, for a new one could be locked twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def holder(guarded: Path) -> str | None:
    """The process id of who has a store now; None: nobody. Raises OSError."""
    try:
        fd = os.open(_beside(guarded), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(fd)
    finally:
        os.close(fd)
    return None


def _beside(guarded: Path) -> Path:
    return guarded.with_name(guarded.name + ".lock")


def _noted(fd: int) -> str:
    return os.pread(fd, 32, 0).decode(errors="replace").partition("\n")[0] or "unknown"
