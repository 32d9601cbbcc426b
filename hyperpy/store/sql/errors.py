"""SQLite's and the system's failures as one plain line each."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql.rows import Damaged

_SQLITE_TEXTS = {
    "SQLITE_FULL": "the disk is full; free some space and try again",
    "SQLITE_READONLY": "the file or its disk is read-only; make it writable",
    "SQLITE_CORRUPT": "the file is damaged; restore it from a backup, or move it away to start empty",
    "SQLITE_NOTADB": "the file is not a database; restore it from a backup, or move it away to start empty",
    "SQLITE_BUSY": "another program holds the file; stop that program",
    "SQLITE_LOCKED": "another program holds the file; stop that program",
    "SQLITE_CANTOPEN": "the file cannot be opened; check the directory and its permissions",
    "SQLITE_IOERR_SHMSIZE": "the disk is full; free some space and try again",
    "SQLITE_IOERR": "the disk failed to read or write; check the disk and the system log",
    "SQLITE_CONSTRAINT": "the file was changed behind its owner's back; start again",
}
_SYSTEM_TEXTS = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EIO: "the disk failed to read or write; check the disk and the system log",
    errno.EMFILE: "this process has no file descriptor left; raise its limit (ulimit -n)",
    errno.ENFILE: "the system has no file descriptor left; raise its limit (sysctl fs.file-max)",
    errno.EPERM: "the system does not permit it; check owner, mode and attributes of the directory",
    errno.EISDIR: "the path is a directory; give the path of a file",
    errno.EROFS: "the disk is read-only; make it writable",
    errno.EACCES: "permission denied; check owner and mode of the directory",
    errno.EEXIST: "a part of the path is not a directory; choose another one",
    errno.ENOTDIR: "a part of the path is not a directory; choose another one",
}


def unavailable(error: Exception, path: Path) -> Unavailable:
    """What to tell the user about a failure of the database file."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, Damaged):
        reason = f"{_SQLITE_TEXTS['SQLITE_CORRUPT']} ({cause})"
    elif isinstance(cause, OSError):
        reason = _SYSTEM_TEXTS.get(cause.errno or 0, str(cause))
    else:
        name = getattr(cause, "sqlite_errorname", None) or ""
        # Extended codes have a suffix: SQLITE_IOERR_FSYNC.
        plain = "_".join(name.split("_")[:2])
        reason = _SQLITE_TEXTS.get(name) or _SQLITE_TEXTS.get(plain, "the database failed")
        if plain == "SQLITE_CANTOPEN":  # it does not tell why; the system does
            reason = _why_not_opened(path) or reason
        reason = f"{reason} ({name or type(cause).__name__}: {cause})"
    return Unavailable(f"the store {path}: {reason}")


def _why_not_opened(path: Path) -> str | None:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return _SYSTEM_TEXTS.get(error.errno or 0)
    return None
