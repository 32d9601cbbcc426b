"""Between the store's own types and etcd's messages, both ways; the client and the server share it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.protocol import (
    Compare,
    DeleteRange,
    DeleteResult,
    Event,
    EventType,
    Get,
    InvalidRequest,
    KeyValue,
    Op,
    Order,
    Put,
    PutResult,
    Range,
    Target,
    Txn,
    TxnResult,
)

_OPS = {
    Op.EQUAL: pb.Compare.EQUAL,
    Op.GREATER: pb.Compare.GREATER,
    Op.LESS: pb.Compare.LESS,
    Op.NOT_EQUAL: pb.Compare.NOT_EQUAL,
}
_OPS_BACK = {number: op for op, number in _OPS.items()}
_TARGETS = {
    Target.VERSION: (pb.Compare.VERSION, "version"),
    Target.CREATE: (pb.Compare.CREATE, "create_revision"),
    Target.MOD: (pb.Compare.MOD, "mod_revision"),
    Target.VALUE: (pb.Compare.VALUE, "value"),
    Target.LEASE: (pb.Compare.LEASE, "lease"),
}
_TARGETS_BACK = {number: (target, field) for target, (number, field) in _TARGETS.items()}

Operation = Put | DeleteRange | Get | Txn
Result = PutResult | DeleteResult | Range | TxnResult


# -- pairs and events


def pair_message(pair: KeyValue) -> pb.KeyValue:
    """A key with its value."""
    return pb.KeyValue(
        key=pair.key,
        value=pair.value,
        create_revision=pair.create_revision,
        mod_revision=pair.mod_revision,
        version=pair.version,
        lease=pair.lease,
    )


def pair_of(message: pb.KeyValue) -> KeyValue:
    """The other way."""
    return KeyValue(
        message.key, message.value, message.create_revision, message.mod_revision, message.version, message.lease
    )


def event_message(event: Event) -> pb.Event:
    """A change."""
    return pb.Event(
        type=pb.Event.PUT if event.type is EventType.PUT else pb.Event.DELETE,
        kv=pair_message(event.kv),
        prev_kv=pair_message(event.prev) if event.prev is not None else None,
    )


def event_of(message: pb.Event) -> Event:
    """The other way."""
    kind = EventType.PUT if message.type == pb.Event.PUT else EventType.DELETE
    return Event(kind, pair_of(message.kv), pair_of(message.prev_kv) if message.HasField("prev_kv") else None)


# -- requests, as the client writes them


def range_request(request: Get) -> pb.RangeRequest:
    """A range read."""
    return pb.RangeRequest(
        key=request.key,
        range_end=request.end or b"",
        limit=request.limit,
        revision=request.revision,
        sort_order=pb.RangeRequest.DESCEND if request.order is Order.DESCENDING else pb.RangeRequest.NONE,
        keys_only=request.keys_only,
        count_only=request.count_only,
    )


def put_request(request: Put) -> pb.PutRequest:
    """A put. Raises InvalidRequest when a revision is to be written into the value, which etcd cannot do."""
    if request.stamp is not None:
        raise InvalidRequest("etcd cannot write the revision of a change into its value")
    return pb.PutRequest(key=request.key, value=request.value, lease=request.lease, prev_kv=request.prev_kv)


def delete_request(request: DeleteRange) -> pb.DeleteRangeRequest:
    """A deletion."""
    return pb.DeleteRangeRequest(key=request.key, range_end=request.end or b"", prev_kv=request.prev_kv)


def txn_request(request: Txn) -> pb.TxnRequest:
    """A transaction."""
    return pb.TxnRequest(
        compare=[_compare_message(compare) for compare in request.compare],
        success=[_request_op(operation) for operation in request.success],
        failure=[_request_op(operation) for operation in request.failure],
    )


def _compare_message(compare: Compare) -> pb.Compare:
    target, field = _TARGETS[compare.target]
    message = pb.Compare(result=_OPS[compare.op], target=target, key=compare.key, range_end=compare.end or b"")
    setattr(message, field, compare.value)
    return message


def _request_op(operation: Operation) -> pb.RequestOp:
    if isinstance(operation, Get):
        return pb.RequestOp(request_range=range_request(operation))
    if isinstance(operation, Put):
        return pb.RequestOp(request_put=put_request(operation))
    if isinstance(operation, DeleteRange):
        return pb.RequestOp(request_delete_range=delete_request(operation))
    return pb.RequestOp(request_txn=txn_request(operation))


# -- requests, as the server reads them


def get_of(message: pb.RangeRequest) -> Get:
    """A range read by key order; what `shape` does afterwards needs all pairs, and values to sort by them."""
    whole = _needs_shaping(message)
    descending = message.sort_order == pb.RangeRequest.DESCEND and message.sort_target == pb.RangeRequest.KEY
    return Get(
        message.key,
        message.range_end or None,
        limit=0 if whole else message.limit,
        revision=message.revision,
        order=Order.DESCENDING if descending else Order.ASCENDING,
        keys_only=message.keys_only and message.sort_target != pb.RangeRequest.VALUE,
        count_only=message.count_only,
    )


def put_of(message: pb.PutRequest) -> Put:
    """A put. Raises InvalidRequest for the two fields that need a read first."""
    if message.ignore_value or message.ignore_lease:
        raise InvalidRequest("ignore_value and ignore_lease are not served inside a transaction")
    return Put(message.key, message.value, message.lease, message.prev_kv)


def delete_of(message: pb.DeleteRangeRequest) -> DeleteRange:
    """A deletion."""
    return DeleteRange(message.key, message.range_end or None, message.prev_kv)


def txn_of(message: pb.TxnRequest) -> Txn:
    """A transaction."""
    return Txn(
        compare=[_compare_of(compare) for compare in message.compare],
        success=[_operation_of(operation) for operation in message.success],
        failure=[_operation_of(operation) for operation in message.failure],
    )


def _compare_of(message: pb.Compare) -> Compare:
    target, field = _TARGETS_BACK[message.target]
    return Compare(message.key, target, _OPS_BACK[message.result], getattr(message, field), message.range_end or None)


def _operation_of(message: pb.RequestOp) -> Operation:
    kind = message.WhichOneof("request")
    if kind == "request_range":
        return get_of(message.request_range)
    if kind == "request_put":
        return put_of(message.request_put)
    if kind == "request_delete_range":
        return delete_of(message.request_delete_range)
    if kind == "request_txn":
        return txn_of(message.request_txn)
    raise InvalidRequest("an operation of the transaction is empty")


# -- answers, as the server writes them


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
    branch = request.success if result.succeeded else request.failure
    responses = [
        _response_op(operation, response, header) for operation, response in zip(branch, result.responses, strict=True)
    ]
    return pb.TxnResponse(header=header, succeeded=result.succeeded, responses=responses)


def _response_op(operation: pb.RequestOp, result: Result, header: pb.ResponseHeader) -> pb.ResponseOp:
    if isinstance(result, Range):
        return pb.ResponseOp(response_range=range_response(operation.request_range, result, header))
    if isinstance(result, PutResult):
        return pb.ResponseOp(response_put=put_response(result, header))
    if isinstance(result, DeleteResult):
        return pb.ResponseOp(response_delete_range=delete_response(result, header))
    return pb.ResponseOp(response_txn=txn_response(operation.request_txn, result, header))


_SORT_KEYS = {
    pb.RangeRequest.VERSION: lambda pair: pair.version,
    pb.RangeRequest.CREATE: lambda pair: pair.create_revision,
    pb.RangeRequest.MOD: lambda pair: pair.mod_revision,
    pb.RangeRequest.VALUE: lambda pair: pair.value,
}


def shape(request: pb.RangeRequest, found: Range) -> tuple[Sequence[KeyValue], bool]:
    """Filter by revisions, sort by another target than the key, then cut at the limit: the pairs, and are there more.

    An order that is not asked for is ascending, except by key, where it comes for nothing (etcd's v3 applier).
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
    filters = (
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    )
    return request.sort_target != pb.RangeRequest.KEY or any(filters)


def _within_revisions(request: pb.RangeRequest, pair: KeyValue) -> bool:
    return (
        (not request.max_mod_revision or pair.mod_revision <= request.max_mod_revision)
        and pair.mod_revision >= request.min_mod_revision
        and (not request.max_create_revision or pair.create_revision <= request.max_create_revision)
        and pair.create_revision >= request.min_create_revision
    )


# -- answers, as the client reads them


def range_of(message: pb.RangeResponse, *, revision: int) -> Range:
    """What a range read found at `revision` (0: the newest)."""
    kvs = [pair_of(pair) for pair in message.kvs]
    return Range(kvs=kvs, count=message.count, more=message.more, revision=revision or message.header.revision)


def put_result(message: pb.PutResponse) -> PutResult:
    """The answer to a put."""
    return PutResult(message.header.revision, pair_of(message.prev_kv) if message.HasField("prev_kv") else None)


def delete_result(message: pb.DeleteRangeResponse) -> DeleteResult:
    """The answer to a deletion."""
    return DeleteResult(message.header.revision, message.deleted, [pair_of(pair) for pair in message.prev_kvs])


def txn_result(request: Txn, message: pb.TxnResponse) -> TxnResult:
    """The answer to a transaction. Only its outermost header names a revision."""
    return _txn_result(request, message, message.header.revision)


def _txn_result(request: Txn, message: pb.TxnResponse, revision: int) -> TxnResult:
    branch = request.success if message.succeeded else request.failure
    responses = [
        _result_of(operation, response, revision) for operation, response in zip(branch, message.responses, strict=True)
    ]
    return TxnResult(message.succeeded, revision, responses)


def _result_of(operation: Operation, message: pb.ResponseOp, revision: int) -> Result:
    if isinstance(operation, Get):
        return range_of(message.response_range, revision=operation.revision or revision)
    if isinstance(operation, Put):
        prev = message.response_put
        return PutResult(revision, pair_of(prev.prev_kv) if prev.HasField("prev_kv") else None)
    if isinstance(operation, DeleteRange):
        deletion = message.response_delete_range
        return DeleteResult(revision, deletion.deleted, [pair_of(pair) for pair in deletion.prev_kvs])
    return _txn_result(operation, message.response_txn, revision)
