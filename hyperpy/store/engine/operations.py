"""What an operation does to a state: pure evaluation of puts, deletes, reads and transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hyperpy.store.engine.keyspace import KeySpace, in_range
from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    EventType,
    FutureRevision,
    Get,
    InvalidRequest,
    KeyValue,
    LeaseNotFound,
    Op,
    Put,
    PutResult,
    Range,
    StoreError,
    Target,
    Txn,
    TxnResult,
)

Operation = Put | DeleteRange | Get | Txn
Result = PutResult | DeleteResult | Range | TxnResult


class Draft:
    """The state one transaction sees: the live set, the writes queued before it, and its own changes so far.

    Args:
        live: the committed state.
        queued: newest change of each key that is queued and not yet committed.
        revision: revision of the last queued change.
        has_lease: whether a lease may be bound to a key.
        past: answers to the reads at an old revision that the operation holds, read beforehand.
    """

    def __init__(
        self,
        live: KeySpace,
        queued: Mapping[bytes, Event],
        *,
        revision: int,
        floor: int,
        has_lease: Callable[[int], bool],
        past: Mapping[Get, Range],
    ) -> None:
        self.changes: dict[bytes, Event] = {}
        self._live = live
        self._queued = queued
        self._base = revision
        self._floor = floor
        self._has_lease = has_lease
        self._past = past
        self._unreadable: StoreError | None = None
        self._in_txn = False

    @property
    def revision(self) -> int:
        """The revision of the state as it is now: a new one as soon as there is a change."""
        return self._base + 1 if self.changes else self._base

    def run(self, operation: Operation) -> Result:
        """Do one operation. What it raises (Compacted, FutureRevision, InvalidRequest, LeaseNotFound) ends it.

        A read out of history is told last: when a write of the same transaction is wrong too, that is (etcd's rule).
        """
        result = self._run(operation)
        if self._unreadable is not None:
            raise self._unreadable
        return result

    def read(self, request: Get) -> Range:
        """Read the state as it is now, or as it was at an old revision."""
        found = self.run(request)
        assert isinstance(found, Range)
        return found

    def _run(self, operation: Operation) -> Result:
        if isinstance(operation, Put):
            return self.put(operation)
        if isinstance(operation, DeleteRange):
            return self.delete(operation)
        if isinstance(operation, Get):
            return self._read(operation)
        return self._txn(operation)

    def put(self, request: Put) -> PutResult:
        """Write one key. Of two that are missing a transaction tells the key, a put by itself the lease."""
        before = self._current(request.key)
        lacks_key = before is None and (request.keep_value or request.keep_lease)
        if request.lease and not self._has_lease(request.lease) and not (lacks_key and self._in_txn):
            raise LeaseNotFound(f"no lease {request.lease:x}")
        if lacks_key:
            raise InvalidRequest("key not found")
        revision = self._base + 1
        value, lease, stamp = request.value, request.lease, request.stamp
        if before is not None:
            value = before.value if request.keep_value else value
            lease = before.lease if request.keep_lease else lease
        if stamp is not None:
            value = b"%b%d%b" % (value[:stamp], revision, value[stamp:])
        pair = KeyValue(
            request.key,
            value,
            before.create_revision if before else revision,
            revision,
            before.version + 1 if before else 1,
            lease,
        )
        self.changes[request.key] = Event(EventType.PUT, pair, before)
        return PutResult(revision, before if request.prev_kv else None)

    def delete(self, request: DeleteRange) -> DeleteResult:
        """Delete a key or a range."""
        names = self._names(request.key, request.end)
        prevs = [pair for name in names if (pair := self._current(name)) is not None]
        revision = self._base + 1
        for pair in prevs:
            tombstone = KeyValue(pair.key, b"", 0, revision, 0)
            self.changes[pair.key] = Event(EventType.DELETE, tombstone, pair)
        return DeleteResult(self.revision, len(prevs), prevs if request.prev_kv else ())

    def _read(self, request: Get) -> Range:
        """Read the state as it is now, or as it was at an old revision; that of this very change has not been yet."""
        if request.revision and (request.revision != self._base or self.changes):
            return self._read_past(request)
        return self._live.read(request, self._changed(request.key, request.end), revision=self.revision)

    def _read_past(self, request: Get) -> Range:
        found = self._past.get(request)
        if request.revision >= self._floor and found is not None:
            return found
        error: StoreError = Compacted(self._floor)
        if request.revision >= self._floor:
            error = FutureRevision(f"required revision {request.revision} is a future revision (now {self._base})")
        self._unreadable = self._unreadable or error
        return Range(kvs=(), count=0, more=False, revision=self.revision)

    def _txn(self, request: Txn) -> TxnResult:
        """Take the branch that the compares choose."""
        succeeded = all(self._holds(compare) for compare in request.compare)
        branch = request.success if succeeded else request.failure
        self._in_txn = True
        responses = [self._run(operation) for operation in branch]
        return TxnResult(succeeded, self.revision, responses)

    def get(self, key: bytes) -> KeyValue | None:
        """A key as it is now, or None."""
        return self._current(key)

    def lease_of(self, key: bytes) -> int:
        """The lease a key is bound to, 0 for none."""
        pair = self._current(key)
        return pair.lease if pair else 0

    def _holds(self, compare: Compare) -> bool:
        """Compares, nested ones too, look at the state before the transaction (etcd's rule)."""
        queued = {name: _after(change) for name, change in self._queued.items()} if compare.end is not None else {}
        names = [compare.key] if compare.end is None else self._live.keys(compare.key, compare.end, queued)
        pairs = [self._before(name) for name in names] or [None]
        return all(_pair_holds(compare, pair) for pair in pairs)

    def _before(self, key: bytes) -> KeyValue | None:
        change = self._queued.get(key)
        return self._live.get(key) if change is None else _after(change)

    def _current(self, key: bytes) -> KeyValue | None:
        change = self.changes.get(key)
        return self._before(key) if change is None else _after(change)

    def _names(self, key: bytes, end: bytes | None) -> list[bytes]:
        return [key] if end is None else self._live.keys(key, end, self._changed(key, end))

    def _changed(self, key: bytes, end: bytes | None) -> dict[bytes, KeyValue | None]:
        """What to lay over the live set for a look at a range."""
        if end is None:
            return {key: self._current(key)}
        changed = {name: _after(change) for name, change in self._queued.items()}
        changed.update((name, _after(change)) for name, change in self.changes.items())
        return changed


def _after(change: Event) -> KeyValue | None:
    return change.kv if change.type is EventType.PUT else None


_FIELDS: dict[Target, Callable[[KeyValue], int | bytes]] = {
    Target.VERSION: lambda pair: pair.version,
    Target.CREATE: lambda pair: pair.create_revision,
    Target.MOD: lambda pair: pair.mod_revision,
    Target.VALUE: lambda pair: pair.value,
    Target.LEASE: lambda pair: pair.lease,
}
_NOTHING = KeyValue(b"", b"", 0, 0, 0)


def _pair_holds(compare: Compare, pair: KeyValue | None) -> bool:
    if pair is None and compare.target is Target.VALUE:
        return False
    have, want = _FIELDS[compare.target](pair or _NOTHING), compare.value
    if compare.op is Op.EQUAL:
        return have == want
    if compare.op is Op.NOT_EQUAL:
        return have != want
    # A compare's value has the type of its target; `check` has seen to it.
    return have > want if compare.op is Op.GREATER else have < want  # type: ignore[operator]


def check(operation: Operation) -> None:
    """Refuse what no state can make valid. Raises InvalidRequest."""
    if not isinstance(operation, Txn):
        if not operation.key:
            raise InvalidRequest("key is not provided")
        if isinstance(operation, Put) and operation.keep_value and operation.stamp is not None:
            raise InvalidRequest(f"the value of key {operation.key!r} is kept, so no revision can be written into it")
        return
    for compare in operation.compare:
        if not compare.key:
            raise InvalidRequest("key is not provided")
        if isinstance(compare.value, bytes) != (compare.target is Target.VALUE):
            raise InvalidRequest(
                f"a compare on {compare.target.value} of key {compare.key!r} has a value of another type"
            )
    for branch in (operation.success, operation.failure):
        _written(branch)


def _written(branch: Sequence[Operation]) -> tuple[set[bytes], list[DeleteRange]]:
    """The keys and ranges that a branch may write, each key at most once (etcd's rule for transactions)."""
    puts: set[bytes] = set()
    deletes: list[DeleteRange] = []
    for operation in branch:
        check(operation)
        more_puts: set[bytes] = set()
        more_deletes: list[DeleteRange] = []
        if isinstance(operation, Put):
            more_puts = {operation.key}
        elif isinstance(operation, DeleteRange):
            more_deletes = [operation]
        elif isinstance(operation, Txn):
            for part, ranges in (_written(operation.success), _written(operation.failure)):
                more_puts |= part
                more_deletes += ranges
        _refuse_overlap(puts, more_puts, deletes, more_deletes)
        puts |= more_puts
        deletes += more_deletes
    return puts, deletes


def _refuse_overlap(
    puts: set[bytes], more_puts: set[bytes], deletes: list[DeleteRange], more_deletes: list[DeleteRange]
) -> None:
    twice = puts & more_puts
    twice |= {key for key in puts for request in more_deletes if in_range(key, request.key, request.end)}
    twice |= {key for key in more_puts for request in deletes if in_range(key, request.key, request.end)}
    if twice:
        raise InvalidRequest(f"duplicate key given in txn request: {min(twice)!r}")


def past_reads(operation: Operation) -> list[Get]:
    """Every read at a named revision that an operation holds, in both branches."""
    if isinstance(operation, Get):
        return [operation] if operation.revision else []
    if isinstance(operation, Txn):
        branches = (*operation.success, *operation.failure)
        return [read for inner in branches for read in past_reads(inner)]
    return []
