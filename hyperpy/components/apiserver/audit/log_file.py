"""The audit log's file: lines are appended, and it is rotated by size. Blocking: for a thread.

A full file is renamed to `NAME-TIME.EXT`, as kube-apiserver does, and the oldest of those go.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MIB = 1024 * 1024
#: The size that stands for "not given", as in Kubernetes.
DEFAULT_BYTES = 100 * MIB
_DAY_S = 86_400


class LogFile:
    """Appends lines to a file, or to standard output for the path `-`.

    Args:
        max_bytes: rotate before the file grows beyond this.
        max_backups: rotated files to keep; 0 keeps all.
        max_age_days: older rotated files are removed; 0 keeps all.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        path: str,
        *,
        max_bytes: int = DEFAULT_BYTES,
        max_backups: int = 0,
        max_age_days: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = None if path == "-" else Path(path)
        self._max_bytes = max_bytes
        self._max_backups = max_backups
        self._max_age_s = max_age_days * _DAY_S
        self._now = now
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, lines: list[bytes]) -> None:
        """Append whole lines and hand them to the system. Raises OSError."""
        if self._path is None:
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
            return
        for line in lines:
            file = self._file or self._open(self._path)
            if self._size and self._size + len(line) > self._max_bytes:
                file = self._rotate(self._path)
            file.write(line)
            self._size += len(line)
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> BinaryIO:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
        self._size = os.fstat(self._file.fileno()).st_size
        return self._file

    def _rotate(self, path: Path) -> BinaryIO:
        self.close()
        moment = self._now()
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(moment))
        millis = int(moment * 1000) % 1000
        path.rename(path.with_name(f"{path.stem}-{stamp}.{millis:03d}{path.suffix}"))
        self._remove_old(path)
        return self._open(path)

    def _remove_old(self, path: Path) -> None:
        backups = sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"), reverse=True)
        for place, backup in enumerate(backups):
            too_many = self._max_backups and place >= self._max_backups
            too_old = self._max_age_s and self._now() - backup.stat().st_mtime > self._max_age_s
            if too_many or too_old:
                backup.unlink(missing_ok=True)
