"""One gRPC call, as its connection tells of it: headers, pieces of messages, trailers, an end.

open ──pieces──▶ messages … ──▶ ended well, or with a failure: GRPCError (the member's word) or Lost (no word of it)

Source of the wire form: "gRPC over HTTP2".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from urllib.parse import unquote

from grpclib.const import Status
from grpclib.exceptions import GRPCError

_HEAD = 5  # a flag and the length, before every message


class Lost(Exception):
    """The connection was lost, or could not be made.

    Args:
        reason: for people.
        sent: whether the call may have reached the member.
        final: whether it will fail again until somebody changes something.
    """

    def __init__(self, reason: str, *, sent: bool, final: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.final = final


def framed(message: bytes) -> bytes:
    """A message as it is sent, uncompressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Call:
    """Collects what comes of one call. One reader at a time.

    Overflow rule: none here; whoever opens a call reads it on without waiting for others.
    """

    __slots__ = ("_answer", "_messages", "_rest", "_waiter", "ended", "failure")

    def __init__(self) -> None:
        self.ended = False
        self.failure: Exception | None = None
        self._messages: deque[bytes] = deque()
        self._rest = bytearray()
        self._answer: dict[str, str] = {}
        self._waiter: asyncio.Future[None] | None = None

    async def only(self) -> bytes:
        """The one message of a call that has ended. Raises GRPCError, Lost."""
        while not self.ended:
            await self._told()
        if self.failure is not None:
            raise self.failure
        if not self._messages:
            raise Lost("it answered without a message", sent=True)
        return self._messages.popleft()

    async def following(self) -> bytes | None:
        """The next message; None after the last. Raises GRPCError, Lost."""
        while not self._messages:
            if self.ended:
                if self.failure is not None:
                    raise self.failure
                return None
            await self._told()
        return self._messages.popleft()

    def take_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Headers, or trailers."""
        self._answer.update(headers)

    def take_data(self, data: bytes) -> None:
        """A piece of a message."""
        if not self._rest and len(data) >= _HEAD and int.from_bytes(data[1:_HEAD], "big") == len(data) - _HEAD:
            self._messages.append(data[_HEAD:])  # most answers are one message in one piece
            self._tell()
            return
        self._rest += data
        while len(self._rest) >= _HEAD:
            end = _HEAD + int.from_bytes(self._rest[1:_HEAD], "big")
            if len(self._rest) < end:
                return
            self._messages.append(bytes(self._rest[_HEAD:end]))
            del self._rest[:end]
            self._tell()

    def take_end(self) -> None:
        """The member has said everything."""
        http, status = self._answer.get(":status"), self._answer.get("grpc-status")
        if status is None or not status.isdecimal():
            self.fail(Lost(f"it does not answer as an etcd does (HTTP status {http})", sent=True, final=True))
        elif status != "0":
            number = int(status)
            known = Status(number) if number in Status._value2member_map_ else Status.UNKNOWN
            self.fail(GRPCError(known, unquote(self._answer.get("grpc-message", ""))))
        else:
            self._finish()

    def fail(self, failure: Exception) -> None:
        """It ends without a good answer."""
        if not self.ended:
            self.failure = failure
            self._finish()

    def _finish(self) -> None:
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _told(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
