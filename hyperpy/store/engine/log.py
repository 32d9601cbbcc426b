"""What the engine asks of a durable log: append groups of records, forget old history, read it back.

A log may be shared by several engines, each with its own replica of the state (`SharedLog`). Every record has a
position in it, and they stand there in the order of their commits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hyperpy.store.protocol import Event, FileFigures, Get, KeyValue, Range


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """`remaining_s`: what is left of its time where the log keeps that; None: all of it."""

    id: int
    ttl_s: int
    remaining_s: float | None = None


@dataclass(frozen=True, slots=True)
class LeaseRevoked:
    """`expired`: its time was over, as far as the one who says so knows."""

    id: int
    expired: bool = False


@dataclass(frozen=True, slots=True)
class FloorRaised:
    """History below `revision` may be forgotten."""

    revision: int


Record = Event | LeaseGranted | LeaseRevoked | FloorRaised


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a log holds when it is opened. `recent` are the newest changes: all those after revision `recent_after`."""

    pairs: Sequence[KeyValue] = ()
    recent: Sequence[Event] = ()
    recent_after: int = 1
    revision: int = 1
    floor: int = 0
    leases: Sequence[LeaseGranted] = field(default_factory=tuple)


class Log(Protocol):
    """A durable log. One `append` runs at a time; `sweep` may run beside it and must not hold it up for long."""

    async def append(self, records: Sequence[Record]) -> None:
        """Make records durable, all or none. Raises Unavailable when none is."""

    async def sweep(self) -> bool:
        """Do a small part of forgetting what is below the floor. True: there is more. Raises Unavailable."""

    async def aclose(self) -> None: ...


class Behind(Exception):
    """Others have appended to a shared log since; nothing of what was to be appended is there."""


class Overtaken(Exception):
    """A part of a shared log that this replica has not seen is swept away: the log has to be read as a whole."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Records that others appended. Their events do not say what was there before. `more`: there are further ones."""

    records: Sequence[Record]
    more: bool = False


class Turn(Protocol):
    """The right to append to a shared log: everybody else waits.

    `foreign` is what others appended since the last look; `remaining_s` what is left of the leases asked about,
    whose keepers wait too.
    """

    foreign: Sequence[Record]
    remaining_s: Mapping[int, float]

    async def append(self, records: Sequence[Record]) -> None:
        """Once at most. Durable when the turn has ended without an error."""


class SharedLog(Log, Protocol):
    """A log that several engines append to. `position` is that of the last record this one knows."""

    position: int

    async def append(self, records: Sequence[Record]) -> None:
        """Make records durable, all or none; with none of them, only see to it that there is nothing new.

        Raises:
            Behind: others were first, or there are records among them that need a turn.
            Unavailable: it failed, or nobody knows whether it did; in that case they show up as foreign ones.
        """

    async def pull(self) -> Foreign:
        """The next foreign records. Raises Overtaken, Unavailable."""

    def turn(self, leases: Collection[int]) -> AbstractAsyncContextManager[Turn]:
        """Wait for the right to append. Raises Overtaken; Unavailable, at its end too.

        Args:
            leases: whose time is said to be over.
        """

    async def newest(self) -> int:
        """The position of the last record in the log. Raises Unavailable."""

    async def reload(self) -> Loaded:
        """Read the log as a whole. Raises Unavailable."""

    async def size_bytes(self) -> int:
        """What the log and all beside it take on disk. Raises Unavailable."""

    def follow(self, news: Callable[[int | None], None]) -> None:
        """From now on, until it is closed, call `news` with the position of new records, own ones too.

        With None when some may have been missed.
        """

    async def renew(self, lease_id: int) -> int | None:
        """Start a lease's time anew for everybody. Returns its seconds; None: no such lease. Raises Unavailable."""

    async def remaining_s(self, lease_id: int) -> float | None:
        """What is left of a lease's time; None: no such lease. Raises Unavailable."""


@runtime_checkable
class FileLog(Protocol):
    """What a log can do that is in a file."""

    async def figures(self) -> FileFigures:
        """How large it is, and how commits went. Raises Unavailable."""


class Archive(Protocol):
    """Reads of history older than the window in memory. The caller sees to floor and newest revision.

    A shared one raises Compacted when others have raised the floor meanwhile.
    """

    async def read(self, request: Get) -> Range:
        """A range read at `request.revision`. Raises Unavailable."""

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        """The changes of a range from revision `first` to `last`, in order. Raises Unavailable."""
