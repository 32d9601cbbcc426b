"""A lock file: one process at a time has the store. The kernel lets go of it when the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hyperpy.store.protocol import Unavailable


class FileLock:
    """Beside the database file, not on it: closing any handle of that one would drop SQLite's own locks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self, guarded: Path) -> None:
        """Take the lock and note our process id in it. Raises Unavailable when another process has it; OSError."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(fd, guarded)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _take(self, fd: int, guarded: Path) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").partition("\n")[0] or "unknown"
            raise Unavailable(
                f"the store {guarded} is in use by another process (pid {holder}); stop it or choose another directory"
            ) from None
        # Written over what stands there and cut afterwards: a full disk has no room for a file that was emptied first.
        note = f"{os.getpid()}\n".encode()
        os.pwrite(fd, note, 0)
        os.ftruncate(fd, len(note))

    def release(self) -> None:
        """Let go of it; the file stays, for a new one could be locked twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
