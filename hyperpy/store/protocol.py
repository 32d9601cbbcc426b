"""The one contract of the store: etcd v3's data model (revisions, compare-and-swap, leases, watch).

Every change gets the next revision of one global counter. A read sees every write acknowledged before it began.
Watch events are published after commit, in revision order, each once. Source: etcd's "Data model" and "API guarantees".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable


class StoreError(Exception):
    """A store failure. Subclasses say which; anything else is a defect."""


class Compacted(StoreError):
    """The revision asked for is below the compaction floor. `revision` is that floor."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"required revision has been compacted (floor {revision})")
        self.revision = revision


class FutureRevision(StoreError):
    """The revision asked for has not happened yet."""


class LeaseNotFound(StoreError):
    """No lease with that id, or it has expired."""


class LeaseExists(StoreError):
    """A lease with the id asked for is there already."""


class InvalidRequest(StoreError):
    """The request itself breaks a rule: no key, one key written twice in a transaction."""


class Unavailable(StoreError):
    """The store cannot be reached, is full, locked or broken; the message says which and what to do."""


class WatchLagged(StoreError):
    """A watcher fell too far behind and was closed; it lists again and resumes."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key at one revision. `version` counts writes since creation; `lease` 0 means none."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """What a range read found at `revision`: the pairs, how many match in all, and whether the limit cut some off."""

    kvs: Sequence[KeyValue]
    count: int
    more: bool
    revision: int


class Order(Enum):
    """Order of a range read, always by key."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class EventType(Enum):
    PUT = "PUT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. For DELETE, `kv` has the key and the mod_revision of the deletion only; `prev` is what was there."""

    type: EventType
    kv: KeyValue
    prev: KeyValue | None = None


@dataclass(frozen=True, slots=True)
class WatchBatch:
    """Events of whole revisions in order; an empty batch is a progress mark: all up to `revision` was delivered."""

    events: Sequence[Event]
    revision: int


class Target(Enum):
    VERSION = "version"
    CREATE = "create"
    MOD = "mod"
    VALUE = "value"
    LEASE = "lease"


class Op(Enum):
    EQUAL = "="
    GREATER = ">"
    LESS = "<"
    NOT_EQUAL = "!="


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction. A missing key compares as version, create, mod and lease 0 and fails on VALUE."""

    key: bytes
    target: Target
    op: Op
    value: int | bytes
    end: bytes | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write one key. `stamp`: where in the value the store is to write the revision of this change, in decimal; only
    for a store that is `Stamping`. `keep_value` and `keep_lease` leave the key what it has; without the key they are an
    InvalidRequest."""

    key: bytes
    value: bytes
    lease: int = 0
    prev_kv: bool = False
    stamp: int | None = None
    keep_value: bool = False
    keep_lease: bool = False


@dataclass(frozen=True, slots=True)
class DeleteRange:
    key: bytes
    end: bytes | None = None
    prev_kv: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    """A range read as an operation. `end` None reads one key; `end` b"\\0" reads from `key` on; see `prefix_end`."""

    key: bytes
    end: bytes | None = None
    limit: int = 0
    revision: int = 0
    order: Order = Order.ASCENDING
    keys_only: bool = False
    count_only: bool = False


@dataclass(frozen=True, slots=True)
class Txn:
    """If every compare holds, do `success`, else `failure`, atomically and under one revision.

    An operation may be a nested Txn; its compares too look at the state before the whole transaction, while a Get
    sees the writes before it. A key may be written at most once.
    """

    compare: Sequence[Compare] = ()
    success: Sequence[Put | DeleteRange | Get | Txn] = ()
    failure: Sequence[Put | DeleteRange | Get | Txn] = ()


@dataclass(frozen=True, slots=True)
class PutResult:
    revision: int
    prev: KeyValue | None = None


@dataclass(frozen=True, slots=True)
class DeleteResult:
    revision: int
    deleted: int
    prevs: Sequence[KeyValue] = ()


@dataclass(frozen=True, slots=True)
class TxnResult:
    """`responses` stand in the order of the operations of the branch taken."""

    succeeded: bool
    revision: int
    responses: Sequence[PutResult | DeleteResult | Range | TxnResult]


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease. `remaining_s` is what is left of `ttl_s`; `keys` are the keys bound to it, when asked for."""

    id: int
    ttl_s: int
    remaining_s: int
    keys: Sequence[bytes] = ()


class Watch(Protocol):
    """An open watch: iterate it for batches. The reader closes it by `aclose()`.

    Iterating raises `Compacted` when history it needs is gone and `WatchLagged` when the reader is too slow.
    """

    def __aiter__(self) -> AsyncIterator[WatchBatch]: ...

    async def request_progress(self) -> None:
        """Ask for a progress mark (an empty batch) once everything before now was delivered."""

    async def aclose(self) -> None: ...


class Store(Protocol):
    """The store. Every method may raise `Unavailable`."""

    async def get(self, request: Get) -> Range:
        """Read. Raises `Compacted` or `FutureRevision` for a revision out of history."""

    async def put(self, request: Put) -> PutResult:
        """Write one key. Raises `LeaseNotFound`."""

    async def delete(self, request: DeleteRange) -> DeleteResult:
        """Delete a key or a range; deleting nothing makes no revision."""

    async def txn(self, request: Txn) -> TxnResult:
        """Compare and swap. Raises `InvalidRequest`, and what its operations raise."""

    async def watch(
        self, key: bytes, end: bytes | None = None, *, start_revision: int = 0, prev_kv: bool = False
    ) -> Watch:
        """Changes of a key or range from `start_revision` on (0: after now). Raises `Compacted`."""

    async def compact(self, revision: int) -> None:
        """Forget history below `revision`; the live set at `revision` stays readable.

        Raises `Compacted` when that has happened already and `FutureRevision`.
        """

    async def revision(self) -> int:
        """The newest committed revision."""

    async def lease_grant(self, ttl_s: int, *, lease_id: int = 0) -> Lease:
        """Make a lease; id 0 picks one. Raises `LeaseExists`."""

    async def lease_keep_alive(self, lease_id: int) -> Lease:
        """Start its time anew. Raises `LeaseNotFound`."""

    async def lease_revoke(self, lease_id: int) -> None:
        """End it now and delete its keys. Raises `LeaseNotFound`."""

    async def lease_info(self, lease_id: int, *, keys: bool = False) -> Lease:
        """What is left of it. Raises `LeaseNotFound`."""

    async def leases(self) -> Sequence[int]:
        """Ids of all live leases."""

    async def aclose(self) -> None:
        """Finish the writes under way and let go of everything."""


@runtime_checkable
class Recent(Protocol):
    """What a store can do that has its newest changes at hand.

    Where several servers share the state, what is at hand reaches to the last answer of `Store.revision` at least.
    """

    def recent(self, key: bytes, end: bytes, *, after: int) -> WatchBatch | None:
        """The changes of a range after a revision, up to the newest one, without waiting; None: not known any more."""


@runtime_checkable
class Stamping(Protocol):
    """What a store can do that knows a change's revision before the change is durable."""

    def stamps(self) -> bool:
        """Whether `Put.stamp` is heeded. A store without this refuses it with InvalidRequest."""


@runtime_checkable
class Measured(Protocol):
    """What a store can do that knows what it takes on the disk of another server."""

    async def size_bytes(self) -> int:
        """Of the whole database. Raises `Unavailable`."""


@runtime_checkable
class Sweeping(Protocol):
    """What a store can do whose compaction goes on in the background."""

    async def swept(self) -> None:
        """Wait until the history given up so far has left the disk."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the database file, and how many of them hold something."""

    total: int
    used: int


@runtime_checkable
class Filed(Protocol):
    """What a store can do that is in a file of its own."""

    async def size(self) -> Size:
        """How large it is."""

    async def defragment(self) -> None:
        """Give the space that holds nothing back to the disk; writes pass between its steps."""


@dataclass(frozen=True, slots=True)
class Export:
    """All that a store holds at one moment.

    `changes` begins anew at each call: every change in order of commit, some at a time and without what it replaced.
    Up to the floor there are only those whose keys have them at the floor.
    """

    revision: int
    floor: int
    leases: Sequence[Lease]
    changes: Callable[[], AsyncIterator[Sequence[Event]]]


@runtime_checkable
class Exporting(Protocol):
    """What a store can do that can tell all it holds, while it is written to."""

    def export(self) -> AbstractAsyncContextManager[Export]:
        """Everything as it is now, for as long as the context lasts. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Observations by bucket: `counts[i]` are up to `bounds[i]`, the last one above all; `total` is their sum."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


@dataclass(frozen=True, slots=True)
class FileFigures:
    """The file that a store is in. `commit_s`: seconds of a commit, waiting for a sweep included; `commit_changes`:
    changes that shared one. `free_bytes` of the file hold nothing."""

    file_bytes: int
    wal_bytes: int
    free_bytes: int
    commit_s: Spread
    commit_changes: Spread


@dataclass(frozen=True, slots=True)
class Figures:
    """How a store goes. `floor`: history below it is forgotten; `file` None: the store is not in a file of its own."""

    revision: int
    floor: int
    file: FileFigures | None


@runtime_checkable
class Observed(Protocol):
    """What a store can do that runs in this process."""

    async def figures(self) -> Figures:
        """How it goes now. Raises `Unavailable`."""


@runtime_checkable
class Replicated(Protocol):
    """What a store can do that several servers keep a copy of each."""

    async def sizes(self) -> Sequence[int | None]:
        """Bytes of each server's copy, in the order in which they were named; None where it is not known now."""


def prefix_end(prefix: bytes) -> bytes:
    """The first key after every key that begins with `prefix` (b"\\0", "to the end", when there is none)."""
    for i in range(len(prefix) - 1, -1, -1):
        if prefix[i] < 0xFF:
            return prefix[:i] + bytes((prefix[i] + 1,))
    return b"\0"
