"""mount(2) and umount(2) for volumes: tmpfs for what must stay in memory, bind mounts for checked sub paths."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_MS_BIND = 0x1000
_MNT_DETACH = 2


def mount_tmpfs(target: Path, *, size_bytes: int = 0, mode: int = 0o777) -> None:
    """Mount a tmpfs unless one is there.

    Args:
        size_bytes: its limit; 0: the kernel's default (half of the memory).
    Raises:
        OSError: not permitted, or failed.
    """
    target.mkdir(parents=True, exist_ok=True)
    if os.path.ismount(target):
        return
    options = f"mode={mode:o}" + (f",size={size_bytes}" if size_bytes else "")
    _mount(b"tmpfs", target, b"tmpfs", 0, options.encode())


def bind(handle: int, target: Path) -> None:
    """Bind what an open descriptor names over `target`, which exists and is of the same type.

    The descriptor, not a path, says what is mounted: a container that swaps a symlink meanwhile changes nothing.
    """
    _mount(f"/proc/self/fd/{handle}".encode(), target, b"none", _MS_BIND, None)


def unmount_below(root: Path) -> None:
    """Unmount everything at or below `root`, innermost first.

    Raises:
        OSError: not permitted.
    """
    for target in sorted(below(root), key=len, reverse=True):
        if _libc().umount2(os.fsencode(target), _MNT_DETACH) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot unmount {target}: {os.strerror(number)}")


def below(root: Path) -> list[str]:
    """The mount points at or below a directory."""
    prefix = str(root)
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            target = line.split(" ")[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            if target == prefix or target.startswith(prefix + "/"):
                found.append(target)
    return found


def _mount(source: bytes, target: Path, kind: bytes, flags: int, options: bytes | None) -> None:
    if _libc().mount(source, os.fsencode(target), kind, flags, options) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {target}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
