"""The shim's side of a start: listens to the forked child until exec has succeeded or failed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from hyperpy.runtime.embedded import wire
from hyperpy.runtime.embedded.shim import child
from hyperpy.runtime.embedded.shim.loop import Loop

_MESSAGE_BYTES = 65536
_SILENT = {"error": "the process ended before it could start", "exit_code": child.RUNTIME_FAILURE}


class Starting:
    """One start under way.

    Args:
        channel: the shim's end of the child's socket.
        on_pid: called with the program's process id; the child goes on when it returns.
        on_terminal: called with the master of its terminal, which then belongs to the callee.
        on_done: called once at the end, with None or with the failure's `error` and `exit_code`.
    """

    def __init__(
        self,
        loop: Loop,
        channel: socket.socket,
        *,
        on_pid: Callable[[int], None],
        on_terminal: Callable[[int], None],
        on_done: Callable[[dict[str, Any] | None], None],
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._on_pid = on_pid
        self._on_terminal = on_terminal
        self._on_done = on_done
        self._failure: dict[str, Any] | None = _SILENT
        loop.add_reader(channel.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data, handles = wire.receive_handles(self._channel, _MESSAGE_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            data, handles = b"", []
        if not data:
            self._end()
            return
        message = child.parse_message(data)
        if "pid" in message:
            self._failure = None
            self._on_pid(message["pid"])
            self._go()
        elif "terminal" in message and handles:
            self._on_terminal(handles[0])
        elif "error" in message:
            self._failure = message

    def _go(self) -> None:
        try:
            self._channel.send(b"go")
        except OSError:
            # It failed meanwhile; its last word or its end is still to be read.
            pass

    def _end(self) -> None:
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        self._on_done(self._failure)
