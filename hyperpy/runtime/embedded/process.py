"""Processes with streams, as the kubelet's streaming server uses them: over pipes and terminals."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from hyperpy.runtime.embedded.shim import terminal
from hyperpy.runtime.protocol import Output

_READ_BYTES = 64 * 1024
#: Output waits in the kernel's pipe when this much lies here, and so the process waits too.
_MAX_WAITING = 16


class StreamProcess:
    """A process over descriptors, which it owns.

    Args:
        outputs: descriptors to read, each with its stream number (1 stdout, 2 stderr).
        stdin: a descriptor to write to, -1 for none.
        master: the terminal to resize, -1 for none; it may be one of the others.
        exit_code: waits for the exit code.
        end: called once by `aclose`.
    """

    def __init__(
        self,
        *,
        outputs: Sequence[tuple[int, int]],
        stdin: int = -1,
        master: int = -1,
        exit_code: Callable[[], Awaitable[int]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._stdin = stdin
        self._master = master
        self._exit_code = exit_code
        self._end = end
        self._owned = {handle for handle in (*(handle for handle, _ in outputs), stdin, master) if handle >= 0}
        self._streams = dict(outputs)
        self._waiting: deque[Output] = deque()
        self._news = asyncio.Event()
        self._reading: set[int] = set()
        for handle in self._owned:
            os.set_blocking(handle, False)
        self._resume()

    async def read(self) -> Output | None:
        """The next output; None at the end."""
        while not self._waiting:
            if not self._streams:
                return None
            self._news.clear()
            await self._news.wait()
        output = self._waiting.popleft()
        self._resume()
        return output

    async def write(self, data: bytes) -> None:
        """Feed stdin, waiting while the process does not read. What a process does not want is dropped."""
        view = memoryview(data)
        while view and self._stdin >= 0:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                await self._writable(self._stdin)
            except OSError:
                await self.close_stdin()

    async def close_stdin(self) -> None:
        """Let the process read the end of its input."""
        handle, self._stdin = self._stdin, -1
        if handle < 0:
            return
        if handle != self._master and handle not in self._streams:
            self._owned.discard(handle)
            os.close(handle)

    async def resize(self, *, width: int, height: int) -> None:
        """Set the terminal's size in characters; does nothing without one."""
        if self._master in self._owned:
            terminal.resize(self._master, width=width, height=height)

    async def wait(self) -> int:
        """The exit code (128 + signal when killed)."""
        code = await self._exit_code()
        return 128 - code if code < 0 else code

    async def aclose(self) -> None:
        """Close the streams and let go of the process. Closing again does nothing."""
        for handle in list(self._reading):
            self._stop_reading(handle)
        self._streams.clear()
        owned, self._owned = self._owned, set()
        self._stdin = -1
        self._news.set()
        for handle in owned:
            self._loop.remove_writer(handle)
            os.close(handle)
        end, self._end = self._end, _nothing
        await end()

    def _resume(self) -> None:
        if len(self._waiting) < _MAX_WAITING:
            for handle in self._streams.keys() - self._reading:
                self._reading.add(handle)
                self._loop.add_reader(handle, self._readable, handle)

    def _readable(self, handle: int) -> None:
        try:
            data = os.read(handle, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # A terminal whose last user is gone answers EIO.
            data = b""
        if data:
            self._waiting.append(Output(self._streams[handle], data))
            if len(self._waiting) >= _MAX_WAITING:
                for other in list(self._reading):
                    self._stop_reading(other)
        else:
            self._stop_reading(handle)
            del self._streams[handle]
        self._news.set()

    def _stop_reading(self, handle: int) -> None:
        self._reading.discard(handle)
        self._loop.remove_reader(handle)

    async def _writable(self, handle: int) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(handle, ready.set)
        try:
            await ready.wait()
        finally:
            if handle in self._owned:
                self._loop.remove_writer(handle)


async def _nothing() -> None:
    return None
