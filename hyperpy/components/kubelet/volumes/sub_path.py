"""subPath: a place inside a volume that a container may name, and never a place outside of it.

Each step of the path is opened without following symlinks out of the volume, and the descriptor of what was found is
bind-mounted, so that a container that swaps a symlink between the check and the mount gains nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hyperpy.components.kubelet.volumes import mounts
from hyperpy.components.kubelet.volumes.payload import VolumeProblem

_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40


def resolve(volume: str, root: Path, sub_path: str, *, pin_at: Path | None) -> Path:
    """The host path to mount for a sub path; missing directories are made.

    Args:
        pin_at: where to bind-mount what was found; None (a kubelet that may not mount) gives its real path instead.
    Raises:
        VolumeProblem: the path leads out of the volume.
    """
    handle = _open(volume, root, sub_path)
    try:
        if pin_at is None:
            return Path(os.readlink(f"/proc/self/fd/{handle}"))
        if not os.path.ismount(pin_at):
            _make_target(pin_at, stat.S_ISDIR(os.fstat(handle).st_mode))
            mounts.bind(handle, pin_at)
        return pin_at
    finally:
        os.close(handle)


def _open(volume: str, root: Path, sub_path: str) -> int:
    """A descriptor of the place, walked to step by step from the volume's root."""
    steps = _steps(volume, sub_path)
    trail = [os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    links = 0
    try:
        while steps:
            step = steps.pop(0)
            if step == "..":
                if len(trail) == 1:
                    raise VolumeProblem(volume, f'subPath "{sub_path}" leads out of the volume')
                os.close(trail.pop())
                continue
            handle = _step(trail[-1], step, mode=os.fstat(trail[0]).st_mode & 0o7777)
            if not stat.S_ISLNK(os.fstat(handle).st_mode):
                trail.append(handle)
                continue
            target = os.readlink("", dir_fd=handle)
            os.close(handle)
            links += 1
            if target.startswith("/") or links > _MAX_LINKS:
                raise VolumeProblem(volume, f'subPath "{sub_path}" leads out of the volume')
            steps = [part for part in target.split("/") if part not in ("", ".")] + steps
        return os.dup(trail[-1])
    finally:
        for handle in trail:
            os.close(handle)


def _steps(volume: str, sub_path: str) -> list[str]:
    parts = [part for part in sub_path.split("/") if part not in ("", ".")]
    if sub_path.startswith("/") or ".." in parts:
        raise VolumeProblem(volume, f'subPath "{sub_path}" must be relative and must not contain ".."')
    return parts


def _step(parent: int, name: str, *, mode: int) -> int:
    """Open one entry; one that is missing becomes a directory with the permissions of the volume's root."""
    try:
        return os.open(name, _FLAGS, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o700, dir_fd=parent)
        handle = os.open(name, _FLAGS, dir_fd=parent)
        os.chmod(f"/proc/self/fd/{handle}", mode)
        os.close(handle)
        return os.open(name, _FLAGS, dir_fd=parent)


def _make_target(path: Path, directory: bool) -> None:
    if directory:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
