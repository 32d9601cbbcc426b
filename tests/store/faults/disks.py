"""Small disks of a test's own that can be full, read-only or broken. Root only; gone with the `with` block."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(directory: Path, *, size_kib: int) -> Iterator[Path]:
    """A disk in memory."""
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def fill(disk: Path, *, leave_bytes: int = 0) -> Path:
    """Leave only so much room; deleting the file that is returned frees the rest."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    os.truncate(filler, max(0, filler.stat().st_size - leave_bytes))
    return filler


class BreakableDisk:
    """An ext4 on a loop device whose backing file lies on a disk of its own: when that is full, writing here fails.

    Args:
        journalled: with a journal, ext4 turns read-only at the first failure, as on most machines; without one it
            goes on once the cause is gone.
    """

    def __init__(self, directory: Path, *, journalled: bool) -> None:
        self.path = directory / "disk"
        self.path.mkdir()
        self._back = directory / "back"
        self._image = self._back / "image"
        self._journalled = journalled

    @contextmanager
    def made(self) -> Iterator[Path]:
        """Make it, yield where it is mounted, and remove it."""
        with tmpfs(self._back, size_kib=24 << 10):
            with self._image.open("wb") as file:
                file.truncate(32 << 20)
            journal = "has_journal" if self._journalled else "^has_journal"
            subprocess.run(["mkfs.ext4", "-q", "-F", "-O", journal, self._image], check=True)
            self._mount()
            try:
                yield self.path
            finally:
                self._unmount()

    def break_down(self) -> None:
        """From now on what is written here cannot be synced."""
        fill(self._back)

    def mend(self) -> None:
        """The cause is gone."""
        (self._back / "filler").unlink()

    def turn_read_only(self) -> None:
        """What ext4 does when it meets an error in its own structures."""
        device = os.stat(self.path).st_dev
        name = Path(os.readlink(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")).name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test\n")

    def mount_anew(self) -> None:
        """Everything in memory is forgotten; what is read afterwards was on the disk."""
        self._unmount()
        self._mount()

    def _mount(self) -> None:
        rule = "errors=remount-ro" if self._journalled else "errors=continue"
        subprocess.run(["mount", "-o", f"loop,{rule}", self._image, self.path], check=True)

    def _unmount(self) -> None:
        subprocess.run(["umount", self.path], check=True)


def has_loop_devices() -> bool:
    """Can a `BreakableDisk` be made on this machine?"""
    return subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode == 0


needs_loop_devices = pytest.mark.skipif(not has_loop_devices(), reason="no loop devices here")
