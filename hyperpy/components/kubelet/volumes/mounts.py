"""Mounts of volumes: tmpfs for what must stay in memory, bind mounts for checked sub paths."""

from __future__ import annotations

import os
from pathlib import Path

from hyperpy.linux import syscalls


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
    syscalls.mount("tmpfs", str(target), kind="tmpfs", data=options)


def bind(handle: int, target: Path) -> None:
    """Bind what an open descriptor names over `target`, which exists and is of the same type.

    The descriptor, not a path, says what is mounted: a container that swaps a symlink meanwhile changes nothing.
    """
    syscalls.mount(f"/proc/self/fd/{handle}", str(target), flags=syscalls.MS_BIND)


def unmount_below(root: Path) -> None:
    """Unmount everything at or below `root`, innermost first.

    Raises:
        OSError: not permitted.
    """
    for target in sorted(below(root), key=len, reverse=True):
        syscalls.unmount(target)


def below(root: Path) -> list[str]:
    """The mount points at or below a directory."""
    prefix = str(root)
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            target = line.split(" ")[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
            if target == prefix or target.startswith(prefix + "/"):
                found.append(target)
    return found
