"""Pairs, events and what an etcd client writes and reads, between the store's own types and etcd's messages. Pure."""

from __future__ import annotations

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

OPS = {
    Op.EQUAL: pb.Compare.EQUAL,
    Op.GREATER: pb.Compare.GREATER,
    Op.LESS: pb.Compare.LESS,
    Op.NOT_EQUAL: pb.Compare.NOT_EQUAL,
}
TARGETS = {
    Target.VERSION: (pb.Compare.VERSION, "version"),
    Target.CREATE: (pb.Compare.CREATE, "create_revision"),
    Target.MOD: (pb.Compare.MOD, "mod_revision"),
    Target.VALUE: (pb.Compare.VALUE, "value"),
    Target.LEASE: (pb.Compare.LEASE, "lease"),
}

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
    return pb.PutRequest(
        key=request.key,
        value=b"" if request.keep_value else request.value,
        lease=0 if request.keep_lease else request.lease,
        prev_kv=request.prev_kv,
        ignore_value=request.keep_value,
        ignore_lease=request.keep_lease,
    )


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
    target, field = TARGETS[compare.target]
    message = pb.Compare(result=OPS[compare.op], target=target, key=compare.key, range_end=compare.end or b"")
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
