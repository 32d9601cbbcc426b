"""Joins this process's streams to a remote command's over one WebSocket.

Source: Kubernetes' remote command protocol, v4 and v5: the first byte of each message is its channel.
Overflow: standard input is not read while more than 256 KiB wait to be sent.
"""

from __future__ import annotations

import contextlib
import os
import selectors
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

from hyperpy.client.websocket import WebSocket
from hyperpy.commands import UserError
from hyperpy.ctl import terminal

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CAN_CLOSE = "v5.channel.k8s.io"
_CHUNK = 32 * 1024
_MAX_UNSENT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Streams:
    """Our side: file descriptors.

    Args:
        stdin: to read from, or None.
        terminal: whose size the other side is told, now and whenever it changes; None: nobody's.
    """

    stdin: int | None
    stdout: int
    stderr: int
    terminal: int | None = None


class Channels:
    """One remote command under way. Use it as a context manager.

    Args:
        socket: open; stays the caller's.
        streams: what to join it to; they stay open.
    """

    def __init__(self, socket: WebSocket, streams: Streams) -> None:
        self._socket = socket
        self._streams = streams
        self._stdin = streams.stdin
        self._status: dict[str, Any] | None = None
        self._selector = selectors.DefaultSelector()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._open.callback(self._selector.close)
        if self._streams.terminal is not None:
            self._selector.register(self._open.enter_context(terminal.resizes()), selectors.EVENT_READ, self._resized)
            self._send_size()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def run(self) -> int:
        """Carry until the command ends; its exit code.

        Raises:
            UserError: the server says why it could not run.
        """
        self._selector.register(self._socket, selectors.EVENT_READ, self._arrived)
        self._arrived()
        while self._status is None and not self._socket.closed:
            self._rearm()
            for key, events in self._selector.select():
                if key.fileobj is self._socket and events & selectors.EVENT_WRITE:
                    self._socket.flush()
                if events & selectors.EVENT_READ:
                    key.data()
        if self._status is None:
            raise UserError("the connection ended before the command did")
        return exit_code(self._status)

    def _rearm(self) -> None:
        """Wait for writability only when there is something to write, and for input only while it can be sent."""
        waiting = self._socket.unsent
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
        self._selector.modify(self._socket, events, self._arrived)
        if self._stdin is None:
            return
        registered = self._stdin in self._selector.get_map()
        if waiting < _MAX_UNSENT and not registered:
            self._register_stdin(self._stdin)
        elif waiting >= _MAX_UNSENT and registered:
            self._selector.unregister(self._stdin)

    def _register_stdin(self, fd: int) -> None:
        try:
            self._selector.register(fd, selectors.EVENT_READ, self._typed)
        except PermissionError:  # a regular file is always ready and cannot be waited for
            while self._stdin is not None and self._socket.unsent < _MAX_UNSENT:
                self._typed()

    def _arrived(self) -> None:
        for message in self._socket.receive():
            if not message:
                continue
            channel, data = message[0], message[1:]
            if channel == STDOUT:
                _write(self._streams.stdout, data)
            elif channel == STDERR:
                _write(self._streams.stderr, data)
            elif channel == ERROR:
                self._status = orjson.loads(data)

    def _typed(self) -> None:
        if self._stdin is None:
            return
        data = os.read(self._stdin, _CHUNK)
        if data:
            self._socket.send(bytes([STDIN]) + data)
            return
        if self._stdin in self._selector.get_map():
            self._selector.unregister(self._stdin)
        self._stdin = None
        if self._socket.protocol == _CAN_CLOSE:
            self._socket.send(bytes([CLOSE, STDIN]))

    def _resized(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data == self._resized:
                with contextlib.suppress(BlockingIOError):
                    while os.read(key.fd, 512):
                        pass
        self._send_size()

    def _send_size(self) -> None:
        if self._streams.terminal is None:
            return
        columns, rows = terminal.size(self._streams.terminal)
        self._socket.send(bytes([RESIZE]) + orjson.dumps({"Width": columns, "Height": rows}))


def exit_code(status: dict[str, Any]) -> int:
    """The exit code in the Status that ends a command.

    Raises:
        UserError: it is another failure.
    """
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise UserError(str(status.get("message") or "the command failed"))


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
