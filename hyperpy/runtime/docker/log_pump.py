"""Copies a container's log from the engine into a file of the CRI format, exactly once, across restarts of the kubelet.

The engine stamps each message; a pump that begins anew asks for what came since shortly before the last entry of the
file, and drops what the file has already. So a `kill -9` between two writes loses and doubles nothing. The stamps of
stdout and stderr may cross by a moment, so the last entry alone does not say where to go on.
"""

from __future__ import annotations

import logging
import os
import struct
import time
from calendar import timegm
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hyperpy.runtime import cri_log, log_files
from hyperpy.runtime.docker.engine import Engine
from hyperpy.runtime.protocol import RuntimeFailure

log = logging.getLogger(__name__)

_TAIL_BYTES = 256 * 1024
_SLACK_S = 1
_HEADER = struct.Struct(">BxxxL")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file goes.

    Args:
        since: ask the engine for messages from this time on (as written in entries; empty: all).
        have: the entries from that time on that the file has, counted.
    """

    since: bytes = b""
    have: Counter[bytes] = field(default_factory=Counter)

    def parameter(self) -> str:
        """The engine's `since`: seconds and nanoseconds."""
        if not self.since:
            return ""
        whole, _, rest = self.since.rstrip(b"Z").partition(b".")
        return f"{_epoch_s(whole)}.{rest.decode().ljust(9, '0')}"


def _epoch_s(whole: bytes) -> int:
    return timegm(time.strptime(whole.decode(), "%Y-%m-%dT%H:%M:%S"))


async def pump(engine: Engine, container_id: str, path: str, *, tty: bool, follow: bool) -> None:
    """Copy until the container ends (or, without `follow`, until the end of what there is).

    A file that cannot be written ends the copy with one log line: the container must not suffer.
    """
    try:
        if follow:
            await _copy(engine, container_id, Path(path), tty=tty, follow=True)
        # The engine may end a followed log before the last words of a container: they are fetched once more.
        await _copy(engine, container_id, Path(path), tty=tty, follow=False)
    except RuntimeFailure as error:
        log.debug("the log of container %s ends: %s", container_id[:12], error)
    except OSError as error:
        log.error("the log of container %s cannot be written: %s", container_id[:12], error)


async def _copy(engine: Engine, container_id: str, path: Path, *, tty: bool, follow: bool) -> None:
    writer = LogFile(path)
    try:
        split = _Plain() if tty else _Framed()
        have = Counter(writer.mark.have)
        async for chunk in engine.logs(container_id, since=writer.mark.parameter(), follow=follow):
            writer.write(b"".join(_fresh(split.feed(chunk), have)))
        writer.write(b"".join(_fresh(split.finish(), have)))
    finally:
        writer.close()


Message = tuple[int, bytes]


class _Framed:
    """The engine's frames: a header with stream and length, then time, blank, text."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        buffer, at = self._rest + data, 0
        while len(buffer) - at >= _HEADER.size:
            stream, length = _HEADER.unpack_from(buffer, at)
            end = at + _HEADER.size + length
            if end > len(buffer):
                break
            yield stream, buffer[at + _HEADER.size : end]
            at = end
        self._rest = buffer[at:]

    def finish(self) -> Iterator[Message]:
        return iter(())


class _Plain:
    """A terminal's stream has no frames: a message ends with its line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return ((1, line + b"\n") for line in lines)

    def finish(self) -> Iterator[Message]:
        rest, self._rest = self._rest, b""
        return iter(((1, rest),) if rest else ())


def _fresh(messages: Iterator[Message], have: Counter[bytes]) -> Iterator[bytes]:
    """The entries of messages, without those that the file has; each of these is taken off `have`."""
    for stream, message in messages:
        stamp, _, text = message.partition(b" ")
        whole = text.endswith(b"\n")
        entry = cri_log.entry(stamp, stream, text[:-1] if whole else text, partial=not whole)
        if entry not in have:
            yield entry
        elif have[entry] == 1:
            del have[entry]
        else:
            have[entry] -= 1


class LogFile:
    """The file of one container's log. Full, it becomes `NAME.TIME`, and of those the last few are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.mark = _mend(path)
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def write(self, entries: bytes) -> None:
        """Append whole entries."""
        if not entries:
            return
        self._file.write(entries)
        self._size += len(entries)
        if self._size > log_files.MAX_BYTES:
            self._rotate()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        log_files.put_aside(self._path)
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
        self._size = 0
        log_files.prune(self._path)


def _mend(path: Path) -> Mark:
    """Cut off an entry that was written in part, and say how far the file goes."""
    if not path.exists() or not path.stat().st_size:
        older = log_files.older(path)
        return _mark(_tail(older[-1])) if older else Mark()
    tail = _tail(path)
    cut = len(tail) - (tail.rfind(b"\n") + 1)
    if cut:
        os.truncate(path, path.stat().st_size - cut)
        tail = tail[: len(tail) - cut]
    return _mark(tail)


def _tail(path: Path) -> bytes:
    """The last entries, from the beginning of one on."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        data = file.read()
    return data[data.find(b"\n") + 1 :] if size > _TAIL_BYTES else data


def _mark(tail: bytes) -> Mark:
    lines = tail.splitlines(keepends=True)
    if not lines:
        return Mark()
    times = [line.partition(b" ")[0] for line in lines]
    whole, _, rest = max(times).partition(b".")
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_epoch_s(whole) - _SLACK_S)).encode() + b"." + rest
    # Of a fast log the tail holds less than the slack: then a part of the tail itself is the slack.
    since = before if len(tail) < _TAIL_BYTES // 2 else max(before, times[len(times) // 4])
    return Mark(since, Counter(line for line, stamp in zip(lines, times, strict=True) if stamp >= since))
