"""Messages between the kubelet and the shim: a length, JSON, and file descriptors beside it. Standard library only.

Overflow: a peer that does not read 8 MiB of messages is cut off; the kubelet connects again and looks at all.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

#: Both sides must speak the same; another number makes the kubelet replace the shim.
VERSION = 1
#: A message that is longer is a broken peer.
MAX_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct("!I")
_MAX_HANDLES = 8
_MAX_UNSENT_BYTES = 8 * 1024 * 1024


class BrokenPeer(Exception):
    """The other side sent what is no message."""


def pack(message: dict[str, Any]) -> bytes:
    """A message's bytes."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class Receiver:
    """Collects bytes and descriptors from a socket and gives whole messages.

    A message's key `handles` says how many descriptors belong to it; they travel with its first byte at the latest.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._bytes = bytearray()
        self._handles: deque[int] = deque()

    def receive(self) -> list[tuple[dict[str, Any], list[int]]] | None:
        """Read once; the messages that are whole now, or None at the end of the connection.

        Raises:
            BlockingIOError: nothing to read now.
            BrokenPeer: a message that is too long or no JSON object.
        """
        data, handles = receive_handles(self._connection, 262144, _MAX_HANDLES)
        self._handles.extend(handles)
        if not data:
            return None
        self._bytes += data
        messages = []
        while (message := self._next()) is not None:
            count = message.pop("handles", 0)
            if len(self._handles) < count:
                raise BrokenPeer("descriptors are missing")
            messages.append((message, [self._handles.popleft() for _ in range(count)]))
        return messages

    def close(self) -> None:
        """Close descriptors that no message claimed."""
        while self._handles:
            os.close(self._handles.popleft())

    def _next(self) -> dict[str, Any] | None:
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if length > MAX_BYTES:
            raise BrokenPeer(f"a message of {length} bytes")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        try:
            message = json.loads(self._bytes[_LENGTH.size : end])
        except ValueError as error:
            raise BrokenPeer(f"no JSON: {error}") from error
        del self._bytes[:end]
        if not isinstance(message, dict):
            raise BrokenPeer("no JSON object")
        return message


class Selector(Protocol):
    """What a link needs of an event loop: asyncio's and the shim's own have it."""

    def add_reader(self, handle: int, callback: Callable[[], None], /) -> object: ...
    def remove_reader(self, handle: int, /) -> object: ...
    def add_writer(self, handle: int, callback: Callable[[], None], /) -> object: ...
    def remove_writer(self, handle: int, /) -> object: ...


class Link:
    """One side of a connection. Owns the socket.

    Args:
        on_message: gets each message and its descriptors, which then belong to it.
        on_end: called once when the connection has ended, by whichever side.
    """

    def __init__(
        self,
        loop: Selector,
        connection: socket.socket,
        *,
        on_message: Callable[[dict[str, Any], list[int]], None],
        on_end: Callable[[str], None],
    ) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._connection = connection
        self._receiver = Receiver(connection)
        self._on_message = on_message
        self._on_end = on_end
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._unsent_bytes = 0
        self._open = True
        loop.add_reader(connection.fileno(), self._readable)

    def send(self, message: dict[str, Any], handles: Sequence[int] = ()) -> None:
        """Send; the descriptors are closed here when they are gone over, or cannot go."""
        data = pack({**message, "handles": len(handles)} if handles else message)
        # One message may be longer than the bound, so that only what has piled up counts.
        if not self._open or self._unsent_bytes > _MAX_UNSENT_BYTES:
            close_all(handles)
            self.close("the other side does not read")
            return
        self._unsent.append((data, handles))
        self._unsent_bytes += len(data)
        if len(self._unsent) == 1:
            self._flush()
            if self._unsent and self._open:
                self._loop.add_writer(self._connection.fileno(), self._flush)

    def close(self, reason: str = "") -> None:
        """End the connection."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._connection.fileno())
        self._loop.remove_writer(self._connection.fileno())
        for _, handles in self._unsent:
            close_all(handles)
        self._receiver.close()
        self._connection.close()
        self._on_end(reason)

    def _readable(self) -> None:
        try:
            messages = self._receiver.receive()
        except BlockingIOError:
            return
        except (OSError, BrokenPeer) as error:
            self.close(str(error))
            return
        if messages is None:
            self.close("the other side closed the connection")
            return
        for message, handles in messages:
            self._on_message(message, handles)

    def _flush(self) -> None:
        while self._unsent:
            data, handles = self._unsent[0]
            try:
                count = socket.send_fds(self._connection, [data], handles) if handles else self._connection.send(data)
            except BlockingIOError:
                return
            except OSError as error:
                self.close(str(error))
                return
            # Descriptors travel with the first bytes.
            close_all(handles)
            self._unsent_bytes -= count
            if count < len(data):
                self._unsent[0] = (data[count:], ())
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._connection.fileno())


def receive_handles(connection: socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Bytes and descriptors, which no program that is executed here inherits."""
    data, handles, _, _ = socket.recv_fds(connection, size, most)
    for handle in handles:
        # Python 3.11 passes no flags on to recvmsg, so that MSG_CMSG_CLOEXEC cannot be asked for.
        os.set_inheritable(handle, False)
    return data, handles


def close_all(handles: Sequence[int]) -> None:
    """Close descriptors."""
    for handle in handles:
        os.close(handle)


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process id and the user id at the other end of a unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, user, _ = struct.unpack("3i", credentials)
    return pid, user
