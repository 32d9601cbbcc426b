"""A request and its response as plain values: what the handler chain of the API server passes on.

The same chain serves the network (an aiohttp adapter makes a Request) and the components of the same process
(`client/local.py` makes one without a socket), so nothing here knows of sockets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlencode

#: How much of a long body is joined and sent at a time: it fits the processor's cache.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks. `groups` holds `system:authenticated` or `system:unauthenticated` too."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """One API request.

    Args:
        method: upper-case HTTP method.
        path: the decoded URL path.
        query: every value of every query parameter, in order.
        headers: keys in lower case.
        user: set by authentication; never None after it.
        check_create: raises Forbidden when the user may not create the object that an update or a patch names; set by
            authorization, None where all is allowed.
    """

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: UserInfo | None = None
    check_create: Callable[[], None] | None = None

    def uri(self) -> str:
        """The path and query, percent-encoded, as the client sent them or would have."""
        query = [(name, value) for name, values in self.query.items() for value in values]
        path = quote(self.path, safe="/:@!$&'()*+,;=~")
        return f"{path}?{urlencode(query)}" if query else path

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter, or `default`."""
        values = self.query.get(name)
        return values[0] if values else default

    def flag(self, name: str) -> bool:
        """A boolean query parameter by Go's rules: `1`, `t`, `true` in their usual spellings are true."""
        return self.param(name) in ("1", "t", "T", "true", "TRUE", "True")


class Pieces:
    """A long body of known length that need not be joined as a whole; iterated like a stream, it yields its chunks.

    Args:
        items: stand between head and tail with commas.
    """

    __slots__ = ("_head", "_items", "_left", "_size", "_tail")

    def __init__(self, head: bytes, items: Sequence[bytes], tail: bytes) -> None:
        self._head = head
        self._items = items
        self._tail = tail
        self._size = len(head) + sum(map(len, items)) + max(0, len(items) - 1) + len(tail)
        self._left: Iterator[bytes] | None = None

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return b"%b%b%b" % (self._head, b",".join(self._items), self._tail)

    def chunks(self) -> Iterator[bytes]:
        """The body in runs of about CHUNK bytes."""
        yield self._head
        run: list[bytes] = []
        size = 0
        for item in self._items:
            run.append(item)
            size += len(item)
            if size >= CHUNK:
                yield b",".join(run)
                run, size = [b""], 0  # the next run begins with a comma
        yield b",".join(run) + self._tail

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._left is None:
            self._left = self.chunks()
        for chunk in self._left:
            return chunk
        raise StopAsyncIteration


@dataclass(slots=True)
class Response:
    """One API response.

    `body` is whole bytes, or pieces, or a stream of chunks (a watch) that the transport closes by `aclose()`. A watch
    stream yields one or more whole JSON lines per chunk. `ended`, where it is set, is called by whoever carries a
    stream when it is over, however it ends.
    """

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    ended: Callable[[], None] | None = None


class Handler(Protocol):
    """A step of the chain: answers, or raises `errors.StatusError`."""

    async def __call__(self, request: Request) -> Response: ...
