"""What etcd refuses before it looks at a key, with its texts. Pure.

Source: etcd 3.4, `etcdserver/api/v3rpc/key.go`. That no key is written twice, the store itself checks.
"""

from __future__ import annotations

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.protocol import InvalidRequest


def check_key(request: pb.RangeRequest | pb.DeleteRangeRequest | pb.Compare) -> None:
    """Raises InvalidRequest."""
    if not request.key:
        raise InvalidRequest("key is not provided")


def check_put(request: pb.PutRequest) -> None:
    """Raises InvalidRequest."""
    if not request.key:
        raise InvalidRequest("key is not provided")
    if request.ignore_value and request.value:
        raise InvalidRequest("value is provided")
    if request.ignore_lease and request.lease:
        raise InvalidRequest("lease is provided")


def check_txn(request: pb.TxnRequest, *, max_ops: int) -> None:
    """Raises InvalidRequest.

    Args:
        max_ops: most compares, and most operations of a branch; nested transactions share it with the outer ones.
    """
    operations = max(len(request.compare), len(request.success), len(request.failure))
    if operations > max_ops:
        raise InvalidRequest("too many operations in txn request")
    for compare in request.compare:
        check_key(compare)
    for operation in (*request.success, *request.failure):
        _check_operation(operation, max_ops=max_ops - operations)


def _check_operation(operation: pb.RequestOp, *, max_ops: int) -> None:
    kind = operation.WhichOneof("request")
    if kind == "request_range":
        check_key(operation.request_range)
    elif kind == "request_put":
        check_put(operation.request_put)
    elif kind == "request_delete_range":
        check_key(operation.request_delete_range)
    elif kind == "request_txn":
        check_txn(operation.request_txn, max_ops=max_ops)
    else:
        raise InvalidRequest("key not found")  # etcd's text for an operation that is empty
