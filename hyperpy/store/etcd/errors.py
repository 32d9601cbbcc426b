"""etcd's error texts and the store's errors: one table, read by the server one way and by the client the other.

Source of codes and texts: etcd, `rpctypes`.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.protocol import (
    Compacted,
    FutureRevision,
    InvalidRequest,
    LeaseExists,
    LeaseNotFound,
    StoreError,
    Unavailable,
    WatchLagged,
)


@dataclass(frozen=True, slots=True)
class _Row:
    error: type[StoreError]
    status: Status
    text: str


COMPACTED = "etcdserver: mvcc: required revision has been compacted"
_TABLE = (
    _Row(Compacted, Status.OUT_OF_RANGE, COMPACTED),
    _Row(FutureRevision, Status.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
    _Row(LeaseNotFound, Status.NOT_FOUND, "etcdserver: requested lease not found"),
    _Row(LeaseExists, Status.FAILED_PRECONDITION, "etcdserver: lease already exists"),
    _Row(InvalidRequest, Status.INVALID_ARGUMENT, "etcdserver: key is not provided"),
    _Row(InvalidRequest, Status.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"),
    _Row(InvalidRequest, Status.INVALID_ARGUMENT, "etcdserver: too many operations in txn request"),
    _Row(WatchLagged, Status.RESOURCE_EXHAUSTED, "etcdserver: the watcher is too slow"),
    _Row(Unavailable, Status.UNAVAILABLE, "etcdserver: the store is not available"),
)


def grpc_error(error: StoreError) -> GRPCError:
    """What to answer with: etcd's own text where there is one, so that its clients know the error again."""
    rows = [row for row in _TABLE if isinstance(error, row.error)]
    told = str(error)
    for row in rows:
        if row.text.removeprefix("etcdserver: ") in told:
            return GRPCError(row.status, row.text)
    row = rows[0]
    if row.error in (InvalidRequest, Unavailable, WatchLagged):
        return GRPCError(row.status, f"etcdserver: {told}")
    return GRPCError(row.status, row.text)


def is_compacted(error: GRPCError) -> bool:
    """Is it about a compacted revision? The floor is not in it."""
    return error.message == COMPACTED


def store_error(error: GRPCError, endpoint: str) -> StoreError:
    """What an etcd's answer means here; what is not in the table makes the store unavailable."""
    for row in _TABLE:
        if error.message == row.text and row.error is not Compacted:
            return row.error(error.message.removeprefix("etcdserver: "))
    if error.status is Status.INVALID_ARGUMENT:
        return InvalidRequest(error.message or "invalid request")
    return Unavailable(f"etcd at {endpoint}: {error.message or error.status.name}")
