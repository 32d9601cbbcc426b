"""A container's log file in the CRI format: `2026-01-02T03:04:05.000000006Z stdout F the line`.

Source of the format: the CRI's "kubelet logging" design; `P` marks a part of a line that goes on in the next entry.
"""

from __future__ import annotations

import os
import sys
import time

#: A longer line is cut into parts, as containerd does by default.
MAX_LINE_BYTES = 16 * 1024
_NAMES = {1: b"stdout", 2: b"stderr"}


class Formatter:
    """Turns the bytes of one stream into entries; keeps the last line until it is whole."""

    def __init__(self, stream: int) -> None:
        self._name = _NAMES[stream]
        self._tail = b""

    def feed(self, data: bytes, *, now_ns: int) -> bytes:
        """Entries for every line that is whole now; all carry the one time of this read."""
        lines = (self._tail + data).split(b"\n")
        self._tail = lines.pop()
        start = self._start(now_ns)
        full, part = start + b" F ", start + b" P "
        if lines and max(map(len, lines)) > MAX_LINE_BYTES:
            entries = [self._cut(line, full, part) for line in lines]
        else:
            entries = [full + (b"\n" + full).join(lines) + b"\n"] if lines else []
        while len(self._tail) >= MAX_LINE_BYTES:
            entries.append(part + self._tail[:MAX_LINE_BYTES] + b"\n")
            self._tail = self._tail[MAX_LINE_BYTES:]
        return b"".join(entries)

    def finish(self, *, now_ns: int) -> bytes:
        """The entry of a last line without an end."""
        tail, self._tail = self._tail, b""
        return self._start(now_ns) + b" P " + tail + b"\n" if tail else b""

    def _start(self, now_ns: int) -> bytes:
        seconds, rest = divmod(now_ns, 1_000_000_000)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return f"{stamp}.{rest:09d}Z ".encode() + self._name

    @staticmethod
    def _cut(line: bytes, full: bytes, part: bytes) -> bytes:
        pieces = [line[at : at + MAX_LINE_BYTES] for at in range(0, len(line), MAX_LINE_BYTES)] or [b""]
        return b"".join(part + piece + b"\n" for piece in pieces[:-1]) + full + pieces[-1] + b"\n"


class LogFile:
    """The file that both streams of a container go to. "" as a path keeps no log."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = -1
        self._broken = False
        self.reopen()

    def reopen(self) -> None:
        """Open the path anew, after somebody renamed the file."""
        self.close()
        if not self._path:
            return
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._handle = os.open(self._path, flags, 0o640)
        except OSError as error:
            self._complain(error)

    def write(self, entries: bytes) -> None:
        """Append. A full disk loses entries, which is told once: the container must not stop for it."""
        if self._handle < 0 or not entries:
            return
        view = memoryview(entries)
        try:
            while view:
                view = view[os.write(self._handle, view) :]
            self._broken = False
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Close; writing afterwards does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _complain(self, error: OSError) -> None:
        if not self._broken:
            print(f"cannot write {self._path}: {error.strerror}; log entries are lost", file=sys.stderr, flush=True)
        self._broken = True
