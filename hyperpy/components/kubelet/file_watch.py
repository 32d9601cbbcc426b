"""Tells when files change, by inotify: one instance for the node, however many files are watched.

A watcher is only told that something happened, not what: it looks for itself.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
ANYTHING = _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_IGNORED, _OVERFLOW = 0x8000, 0x4000
_EVENT = struct.Struct("iIII")


class FileWatch:
    """Watches files and directories. Opened on first use; `close` ends it."""

    def __init__(self) -> None:
        self._handle = -1
        self._told: dict[int, set[asyncio.Event]] = {}

    @contextmanager
    def watching(self, path: Path, *, changed: asyncio.Event) -> Iterator[None]:
        """Set `changed` whenever the file, or an entry of the directory, changes.

        Raises:
            OSError: it is not there, or the host has no more watches to give (fs.inotify.max_user_watches).
        """
        watch = self._add(path)
        self._told.setdefault(watch, set()).add(changed)
        try:
            yield
        finally:
            told = self._told.get(watch)
            if told is not None:
                told.discard(changed)
                if not told:
                    del self._told[watch]
                    _libc().inotify_rm_watch(self._handle, watch)

    def close(self) -> None:
        """End all watches."""
        if self._handle >= 0:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _add(self, path: Path) -> int:
        if self._handle < 0:
            self._handle = _check(_libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "open an inotify instance")
            asyncio.get_running_loop().add_reader(self._handle, self._read)
        return _check(_libc().inotify_add_watch(self._handle, os.fsencode(path), ANYTHING), f"watch {path}")

    def _read(self) -> None:
        try:
            data = os.read(self._handle, 64 * 1024)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            for changed in tuple(self._told.get(watch, ())) if not mask & _OVERFLOW else self._everyone():
                changed.set()
            if mask & _IGNORED:
                self._told.pop(watch, None)

    def _everyone(self) -> list[asyncio.Event]:
        return [changed for told in self._told.values() for changed in told]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
    return result
