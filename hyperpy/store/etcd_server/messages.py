"""Between etcd's messages and the store's own types, as a server reads and answers them. Pure.

Source of what an answer holds: etcd 3.4, `etcdserver/apply.go` and `mvcc/kvstore_txn.go`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.messages import OPS, TARGETS, Operation, Result, pair_message
from hyperpy.store.protocol import (
    Compare,
    DeleteRange,
    DeleteResult,
    Get,
    InvalidRequest,
    KeyValue,
    Order,
    Put,
    PutResult,
    Range,
    Txn,
    TxnResult,
)

_OPS = {number: op for op, number in OPS.items()}
_TARGETS = {number: (target, field) for target, (number, field) in TARGETS.items()}


# -- requests


def get_of(message: pb.RangeRequest) -> Get:
    """A range read by key order; what `shape` does afterwards may need all pairs, and values to sort by them."""
    descending = message.sort_order == pb.RangeRequest.DESCEND and message.sort_target == pb.RangeRequest.KEY
    return Get(
        message.key,
        message.range_end or None,
        limit=_limit_of(message),
        revision=message.revision,
        order=Order.DESCENDING if descending else Order.ASCENDING,
        keys_only=message.keys_only and message.sort_target != pb.RangeRequest.VALUE,
        count_only=message.count_only,
    )


def _limit_of(message: pb.RangeRequest) -> int:
    """Without an order etcd cuts by key before it sorts by another target, one pair beyond the limit."""
    if not _needs_shaping(message) or message.limit <= 0:
        return message.limit
    if _is_filtered(message) or message.sort_order != pb.RangeRequest.NONE:
        return 0
    return message.limit + 1


def put_of(message: pb.PutRequest) -> Put:
    """A put."""
    return Put(
        message.key,
        message.value,
        message.lease,
        message.prev_kv,
        keep_value=message.ignore_value,
        keep_lease=message.ignore_lease,
    )


def delete_of(message: pb.DeleteRangeRequest) -> DeleteRange:
    """A deletion."""
    return DeleteRange(message.key, message.range_end or None, message.prev_kv)


def txn_of(message: pb.TxnRequest) -> Txn:
    """A transaction. Raises InvalidRequest."""
    return Txn(
        compare=[_compare_of(compare) for compare in message.compare],
        success=[_operation_of(operation) for operation in message.success],
        failure=[_operation_of(operation) for operation in message.failure],
    )


def _compare_of(message: pb.Compare) -> Compare:
    if message.target not in _TARGETS or message.result not in _OPS:
        raise InvalidRequest(
            f"the compare on key {message.key!r} has target {message.target} and result {message.result}, "
            "of which one is none of etcd's"
        )
    target, field = _TARGETS[message.target]
    return Compare(message.key, target, _OPS[message.result], getattr(message, field), message.range_end or None)


def _operation_of(message: pb.RequestOp) -> Operation:
    kind = message.WhichOneof("request")
    if kind == "request_range":
        return get_of(message.request_range)
    if kind == "request_put":
        return put_of(message.request_put)
    if kind == "request_delete_range":
        return delete_of(message.request_delete_range)
    return txn_of(message.request_txn)


# -- answers


def range_response(request: pb.RangeRequest, found: Range, header: pb.ResponseHeader) -> pb.RangeResponse:
    """What a range read found, sorted and filtered as asked."""
    kvs, more = shape(request, found)
    return pb.RangeResponse(header=header, kvs=[pair_message(pair) for pair in kvs], more=more, count=found.count)


def put_response(result: PutResult, header: pb.ResponseHeader) -> pb.PutResponse:
    """The answer to a put."""
    return pb.PutResponse(header=header, prev_kv=pair_message(result.prev) if result.prev is not None else None)


def delete_response(result: DeleteResult, header: pb.ResponseHeader) -> pb.DeleteRangeResponse:
    """The answer to a deletion."""
    prevs = [pair_message(pair) for pair in result.prevs]
    return pb.DeleteRangeResponse(header=header, deleted=result.deleted, prev_kvs=prevs)


def txn_response(request: pb.TxnRequest, result: TxnResult, header: pb.ResponseHeader) -> pb.TxnResponse:
    """The answer to a transaction."""
    responses = _TxnAnswers(result).of(request, result)
    return pb.TxnResponse(header=header, succeeded=result.succeeded, responses=responses)


class _TxnAnswers:
    """The answers inside a transaction's: their headers have a revision only, that of the state each has left."""

    def __init__(self, result: TxnResult) -> None:
        self._after = result.revision
        self._now = result.revision - 1 if _has_changed(result) else result.revision

    def of(self, request: pb.TxnRequest, result: TxnResult) -> list[pb.ResponseOp]:
        """The answers of the branch that was taken."""
        branch = request.success if result.succeeded else request.failure
        return [self._answer(operation, inner) for operation, inner in zip(branch, result.responses, strict=True)]

    def _answer(self, operation: pb.RequestOp, result: Result) -> pb.ResponseOp:
        if isinstance(result, TxnResult):
            responses = self.of(operation.request_txn, result)
            nested = pb.TxnResponse(header=pb.ResponseHeader(), succeeded=result.succeeded, responses=responses)
            return pb.ResponseOp(response_txn=nested)
        if _has_changed(result):
            self._now = self._after
        header = pb.ResponseHeader(revision=self._now)
        if isinstance(result, Range):
            return pb.ResponseOp(response_range=range_response(operation.request_range, result, header))
        if isinstance(result, PutResult):
            return pb.ResponseOp(response_put=put_response(result, header))
        return pb.ResponseOp(response_delete_range=delete_response(result, header))


def _has_changed(result: Result) -> bool:
    if isinstance(result, TxnResult):
        return any(_has_changed(inner) for inner in result.responses)
    return isinstance(result, PutResult) or (isinstance(result, DeleteResult) and result.deleted > 0)


_SORT_KEYS = {
    pb.RangeRequest.VERSION: lambda pair: pair.version,
    pb.RangeRequest.CREATE: lambda pair: pair.create_revision,
    pb.RangeRequest.MOD: lambda pair: pair.mod_revision,
    pb.RangeRequest.VALUE: lambda pair: pair.value,
}


def shape(request: pb.RangeRequest, found: Range) -> tuple[Sequence[KeyValue], bool]:
    """Filter by revisions, sort by another target than the key, then cut at the limit: the pairs, and are there more.

    An order that is not asked for is ascending, except by key, where it comes for nothing.
    """
    if not _needs_shaping(request):
        return found.kvs, found.more
    kvs = [pair for pair in found.kvs if _within_revisions(request, pair)]
    if request.sort_target in _SORT_KEYS:
        kvs.sort(key=_SORT_KEYS[request.sort_target], reverse=request.sort_order == pb.RangeRequest.DESCEND)
    more = 0 < request.limit < len(kvs)
    if more:
        kvs = kvs[: request.limit]
    if request.keys_only:
        kvs = [KeyValue(p.key, b"", p.create_revision, p.mod_revision, p.version, p.lease) for p in kvs]
    return kvs, more


def _needs_shaping(request: pb.RangeRequest) -> bool:
    return request.sort_target != pb.RangeRequest.KEY or _is_filtered(request)


def _is_filtered(request: pb.RangeRequest) -> bool:
    return bool(
        request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )


def _within_revisions(request: pb.RangeRequest, pair: KeyValue) -> bool:
    return (
        (not request.max_mod_revision or pair.mod_revision <= request.max_mod_revision)
        and (not request.min_mod_revision or pair.mod_revision >= request.min_mod_revision)
        and (not request.max_create_revision or pair.create_revision <= request.max_create_revision)
        and (not request.min_create_revision or pair.create_revision >= request.min_create_revision)
    )
