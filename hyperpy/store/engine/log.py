"""What the engine asks of a durable log: append groups of records, forget old history, read it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hyperpy.store.protocol import Event, Get, KeyValue, Range


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    id: int
    ttl_s: int


@dataclass(frozen=True, slots=True)
class LeaseRevoked:
    id: int


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


class Archive(Protocol):
    """Reads of history older than the window in memory. The caller sees to floor and newest revision."""

    async def read(self, request: Get) -> Range:
        """A range read at `request.revision`. Raises Unavailable."""

    async def changes(self, key: bytes, end: bytes | None, *, first: int, last: int) -> list[Event]:
        """The changes of a range from revision `first` to `last`, in order. Raises Unavailable."""
