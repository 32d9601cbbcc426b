"""Writes the files of a volume so that a reader sees either all of the old ones or all of the new ones.

    DIR/..2026_11_23_12_00_00.1/app.conf     the files
    DIR/..data     ──▶ ..2026_11_23_12_00_00.1   replaced by one rename
    DIR/app.conf   ──▶ ..data/app.conf

Source: the layout that pods find in ConfigMap and Secret volumes ("Mounted ConfigMaps are updated automatically").
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_DATA = "..data"
_NEW = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """The content and permission bits of one file. `uid` None: the kubelet's own."""

    data: bytes
    mode: int
    uid: int | None = None


def write(directory: Path, files: Mapping[str, File], *, group: int | None = None) -> bool:
    """Make `directory` show exactly `files`.

    Args:
        files: by path relative to the directory, without `..`.
        group: the group that owns everything and may read it (a Pod's fsGroup), or None.
    Returns:
        Whether anything changed.
    """
    current = directory / _DATA
    if current.is_dir() and _same(current, files):
        return False
    directory.mkdir(parents=True, exist_ok=True)
    prefix = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime())
    fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=directory))
    os.chmod(fresh, 0o755)
    for name, file in files.items():
        _write_file(fresh / name, file)
    if group is not None:
        give_to_group(fresh, group, writable=False)
    old = os.readlink(current) if current.is_symlink() else None
    _point(directory / _NEW, fresh.name)
    os.rename(directory / _NEW, current)
    _link_names(directory, files)
    if old is not None:
        shutil.rmtree(directory / old, ignore_errors=True)
    return True


def _same(current: Path, files: Mapping[str, File]) -> bool:
    there = {
        str(path.relative_to(current)): path for path in current.rglob("*") if path.is_file() and not path.is_symlink()
    }
    return there.keys() == files.keys() and all(
        path.stat().st_mode & 0o777 & files[name].mode == files[name].mode & 0o777
        and path.read_bytes() == files[name].data
        for name, path in there.items()
    )


def _write_file(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(file.data)
        if file.uid is not None:
            os.fchown(out.fileno(), file.uid, -1)
        os.fchmod(out.fileno(), file.mode)


def _link_names(directory: Path, files: Mapping[str, File]) -> None:
    """One link for each first part of a path; links to what is gone go too."""
    wanted = {name.partition("/")[0] for name in files}
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.is_symlink() and entry.name not in wanted:
            entry.unlink()
    for name in wanted:
        link = directory / name
        if not link.is_symlink():
            _point(link, f"{_DATA}/{name}")


def _point(link: Path, target: str) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def give_to_group(root: Path, group: int, *, writable: bool) -> None:
    """Let a group read (and write) a tree; new files in its directories belong to the group too.

    Source: "Configure a Security Context", fsGroup.
    """
    bits = 0o660 if writable else 0o440
    for directory, _, names in os.walk(root):
        _grant(directory, group, bits | 0o2110)
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                _grant(path, group, bits)


def _grant(path: str, group: int, bits: int) -> None:
    os.chown(path, -1, group, follow_symlinks=False)
    os.chmod(path, (os.stat(path).st_mode & 0o7777) | bits)
