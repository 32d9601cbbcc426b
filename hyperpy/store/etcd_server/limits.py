"""What an etcd server takes in: sizes of requests, and the quota of its database with the alarm that guards it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb

log = logging.getLogger(__name__)

# Source of both: etcd, `etcdserver/quota.go`.
_PUT_OVERHEAD = 256
LEASE_COST = 64
# What a message may have beside the request itself: etcd, `embed` and `v3rpc/grpc.go`.
_MESSAGE_OVERHEAD = 512 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """etcd's limits, with its defaults.

    Args:
        request_bytes: of a request that writes (`--max-request-bytes`).
        txn_ops: compares, or operations of a branch, in one transaction (`--max-txn-ops`).
        quota_bytes: of the database file; below 0: none (`--quota-backend-bytes`).
    """

    request_bytes: int = 1_572_864
    txn_ops: int = 128
    quota_bytes: int = 2 << 30

    @property
    def message_bytes(self) -> int:
        """Of any message, and of one part of a watch's answer that comes in fragments."""
        return self.request_bytes + _MESSAGE_OVERHEAD


class Gate:
    """Lets requests in. `full` is etcd's alarm NOSPACE: once raised, it stays until somebody disarms it or a restart.

    Args:
        file_bytes: how large the database file is now.
    """

    def __init__(self, limits: Limits, file_bytes: Callable[[], int]) -> None:
        self.limits = limits
        self.full = False
        self._file_bytes = file_bytes

    def check_write(self, request: Any, *, cost: int = 0) -> None:
        """Raises GRPCError for a write that is too large or has no space.

        Args:
            cost: bytes that the database may grow by; 0: it does not grow, and there is always space.
        """
        if cost and self.limits.quota_bytes >= 0:
            self._check_space(cost)
        if request.ByteSize() > self.limits.request_bytes:
            raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: request is too large")

    def _check_space(self, cost: int) -> None:
        if not self.full and self._file_bytes() + cost >= self.limits.quota_bytes:
            self.full = True
            log.warning(
                "the database has reached its quota of %d bytes: compact, defragment, then disarm the alarm",
                self.limits.quota_bytes,
            )
        if self.full:
            raise GRPCError(Status.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")


def put_cost(request: pb.PutRequest) -> int:
    """What a put may add to the database."""
    return _PUT_OVERHEAD + len(request.key) + len(request.value)


def txn_cost(request: pb.TxnRequest) -> int:
    """What a transaction may add to the database: the puts of its larger branch, nested ones too."""
    branches = (request.success, request.failure)
    return max(sum(_operation_cost(operation) for operation in branch) for branch in branches)


def _operation_cost(operation: pb.RequestOp) -> int:
    kind = operation.WhichOneof("request")
    if kind == "request_put":
        return put_cost(operation.request_put)
    return txn_cost(operation.request_txn) if kind == "request_txn" else 0
