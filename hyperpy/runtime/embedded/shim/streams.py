"""A container's output on its way: from its pipe or terminal to the log and to whoever is attached.

Overflow: an attached reader that is slow holds the container back, as a slow terminal does; one that takes nothing for
ten seconds is cut off, and the container goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from hyperpy.runtime.embedded.shim.logs import Formatter, LogFile
from hyperpy.runtime.embedded.shim.loop import Loop

_READ_BYTES = 256 * 1024
_SINK_BYTES = 256 * 1024
_PATIENCE_S = 10.0
_DRAIN_READS = 64


class Sink:
    """One attached reader: a pipe of its own, and what it has not taken yet."""

    def __init__(self, loop: Loop, handle: int, changed: Callable[[], None]) -> None:
        os.set_blocking(handle, False)
        self._loop = loop
        self._handle = handle
        self._changed = changed
        self._waiting = bytearray()
        self._ending = False
        self._taken = 0
        self._watched = False

    @property
    def clogged(self) -> bool:
        """Whether the reader must take something before there may be more."""
        return len(self._waiting) > _SINK_BYTES

    @property
    def gone(self) -> bool:
        """Whether the pipe is closed."""
        return self._handle < 0

    def write(self, data: bytes) -> None:
        """Pass on, keeping what the pipe does not take now."""
        if self.gone:
            return
        idle = not self._waiting
        self._waiting += data
        if not idle:
            return
        self._flush()
        if self._waiting and not self.gone:
            self._loop.add_writer(self._handle, self._flush)
            self._watch()

    def end(self) -> None:
        """Close when everything is taken."""
        self._ending = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close now."""
        if self.gone:
            return
        self._loop.remove_writer(self._handle)
        os.close(self._handle)
        self._handle = -1
        self._waiting.clear()
        self._changed()

    def _flush(self) -> None:
        try:
            count = os.write(self._handle, self._waiting)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._taken += count
        del self._waiting[:count]
        if self._waiting:
            return
        self._loop.remove_writer(self._handle)
        if self._ending:
            self.close()
        else:
            self._changed()

    def _watch(self) -> None:
        """Look again in a while whether the reader took something."""
        if not self._watched:
            self._watched = True
            self._loop.call_later(_PATIENCE_S, partial(self._look, self._taken))

    def _look(self, before: int) -> None:
        self._watched = False
        if self.gone or not self._waiting:
            return
        if self._taken == before:
            self.close()
        else:
            self._watch()


class Pump:
    """Moves one output stream. Owns the descriptor.

    Args:
        handle: the read end, or a terminal's master.
        stream: 1 stdout, 2 stderr.
    """

    def __init__(self, loop: Loop, handle: int, *, stream: int, log: LogFile) -> None:
        os.set_blocking(handle, False)
        self.stream = stream
        self._loop = loop
        self._handle = handle
        self._log = log
        self._formatter = Formatter(stream)
        self._sinks: list[Sink] = []
        self._paused = False
        loop.add_reader(handle, self._read_once)

    def attach(self, handle: int) -> None:
        """Copy what comes from now on to a pipe, which this pump closes at the end."""
        sink = Sink(self._loop, handle, self._sinks_changed)
        if self._handle < 0:
            sink.end()
        else:
            self._sinks.append(sink)

    def drain(self) -> None:
        """Take what is left in the pipe of a container that ended, and end."""
        for _ in range(_DRAIN_READS):
            if self._handle < 0 or not self._read():
                break
        self.close()

    def close(self) -> None:
        """End: the last line goes to the log, attached readers see the end."""
        if self._handle < 0:
            return
        if not self._paused:
            self._loop.remove_reader(self._handle)
        os.close(self._handle)
        self._handle = -1
        self._log.write(self._formatter.finish(now_ns=time.time_ns()))
        for sink in list(self._sinks):
            sink.end()

    def _read_once(self) -> None:
        self._read()

    def _read(self) -> bool:
        """Move one chunk; False when there is none now."""
        try:
            data = os.read(self._handle, _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            # A terminal whose last user is gone answers EIO.
            data = b""
        if not data:
            self.close()
            return False
        self._log.write(self._formatter.feed(data, now_ns=time.time_ns()))
        for sink in list(self._sinks):
            sink.write(data)
        self._sinks_changed()
        return True

    def _sinks_changed(self) -> None:
        self._sinks = [sink for sink in self._sinks if not sink.gone]
        if self._handle < 0:
            return
        clogged = any(sink.clogged for sink in self._sinks)
        if clogged and not self._paused:
            self._loop.remove_reader(self._handle)
        elif self._paused and not clogged:
            self._loop.add_reader(self._handle, self._read_once)
        self._paused = clogged
