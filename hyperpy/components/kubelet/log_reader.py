"""Reads container logs of the CRI format: the tail, since a time, with times, and on as they grow.

Source: the API reference of PodLogOptions.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hyperpy.api import meta
from hyperpy.components.kubelet.file_watch import FileWatch
from hyperpy.runtime import cri_log

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What is asked for.

    Args:
        tail_lines: the last so many lines; None: all.
        since: seconds since the epoch; None: from the beginning.
        limit_bytes: stop after so many bytes; None: no limit.
        stream: 1 stdout, 2 stderr, 0 both.
    """

    follow: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since: float | None = None
    limit_bytes: int | None = None
    stream: int = 0


async def read(
    path: Path, options: LogOptions, *, watch: FileWatch, alive: Callable[[], bool], changed: asyncio.Event
) -> AsyncIterator[bytes]:
    """The text of a log, in chunks.

    Args:
        alive: whether the container still writes.
        changed: set when that may be different; and by `watch` when the file grows.
    Raises:
        OSError: there is no log.
    """
    left = options.limit_bytes
    async for chunk in _rendered(path, options, watch, alive, changed):
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


async def _rendered(
    path: Path, options: LogOptions, watch: FileWatch, alive: Callable[[], bool], changed: asyncio.Event
) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        file.seek(await asyncio.to_thread(tail_offset, file, options.tail_lines))
        render = _Renderer(options)
        if not options.follow:
            while data := await asyncio.to_thread(file.read, _CHUNK):
                yield render(data)
            return
        while True:
            with watch.watching(path, changed=changed):
                async for data in _grow(file, path, alive, changed):
                    yield render(data)
            if not _rotated(file, path):
                return
            file.close()
            file = path.open("rb")
    finally:
        file.close()


async def _grow(file: BinaryIO, path: Path, alive: Callable[[], bool], changed: asyncio.Event) -> AsyncIterator[bytes]:
    """What is in the file and comes into it, until it is rotated away or its writer has ended."""
    while True:
        changed.clear()
        ending = not alive()
        rotated = _rotated(file, path)
        data = file.read(_CHUNK)
        if data:
            yield data
            await asyncio.sleep(0)
        elif ending or rotated:
            return
        else:
            await changed.wait()


def _rotated(file: BinaryIO, path: Path) -> bool:
    """Another file has taken the path."""
    try:
        return os.stat(path).st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def tail_offset(file: BinaryIO, lines: int | None) -> int:
    """Where the last `lines` lines begin; None: at 0."""
    if lines is None:
        return 0
    end = file.seek(0, os.SEEK_END)
    if lines == 0:
        return end
    at, found = end, 0
    while at > 0:
        size = min(_CHUNK, at)
        at -= size
        file.seek(at)
        block = file.read(size)
        position = len(block) - 1 if at + size == end else len(block)
        while (position := block.rfind(b"\n", 0, position)) >= 0:
            found += 1
            if found == lines:
                return at + position + 1
    return 0


class _Renderer:
    """Turns pieces of the file into what is shown; keeps a line that is not whole yet."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._rest = b""
        self._since = meta.timestamp(options.since)[:-1].encode() if options.since is not None else b""
        self._mid_line = False

    def __call__(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(self._shown(line + b"\n") for line in lines)

    def _shown(self, line: bytes) -> bytes:
        entry = cri_log.parse(line)
        if entry is None or entry.time[: len(self._since)] < self._since:
            return b""
        if self._options.stream and entry.stream != self._options.stream:
            return b""
        begins, self._mid_line = not self._mid_line, entry.partial
        if self._options.timestamps and begins:
            return entry.time + b" " + entry.text
        return entry.text
