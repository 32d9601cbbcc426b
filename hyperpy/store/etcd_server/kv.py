"""etcd's KV service: keys."""

from __future__ import annotations

from dataclasses import replace

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import KVBase
from hyperpy.store.etcd_server.checks import check_key, check_put, check_txn
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.limits import Gate, put_cost, txn_cost
from hyperpy.store.etcd_server.messages import (
    delete_of,
    delete_response,
    get_of,
    put_of,
    put_response,
    range_response,
    txn_of,
    txn_response,
)
from hyperpy.store.etcd_server.unary import unary
from hyperpy.store.protocol import Compacted, Store, Sweeping


class KvService(KVBase):
    """Keys. A serializable read is answered like any other: there is no member that could lag behind."""

    def __init__(self, store: Store, identity: Identity, gate: Gate) -> None:
        self._store = store
        self._identity = identity
        self._gate = gate

    @unary
    async def Range(self, request: pb.RangeRequest) -> pb.RangeResponse:
        """Read. A revision below zero means the newest, as zero does."""
        check_key(request)
        asked = get_of(request)
        found = await self._store.get(replace(asked, revision=0) if asked.revision < 0 else asked)
        # Of the newest state the header tells the very revision that was read: who watches from there misses nothing.
        revision = await self._store.revision() if request.revision > 0 else found.revision
        return range_response(request, found, self._identity.header(revision))

    @unary
    async def Put(self, request: pb.PutRequest) -> pb.PutResponse:
        """Write."""
        check_put(request)
        self._gate.check_write(request, cost=put_cost(request))
        result = await self._store.put(put_of(request))
        return put_response(result, self._identity.header(result.revision))

    @unary
    async def DeleteRange(self, request: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        """Delete."""
        check_key(request)
        self._gate.check_write(request)
        result = await self._store.delete(delete_of(request))
        return delete_response(result, self._identity.header(result.revision))

    @unary
    async def Txn(self, request: pb.TxnRequest) -> pb.TxnResponse:
        """Compare and swap."""
        check_txn(request, max_ops=self._gate.limits.txn_ops)
        self._gate.check_write(request, cost=txn_cost(request))
        result = await self._store.txn(txn_of(request))
        return txn_response(request, result, self._identity.header(result.revision))

    @unary
    async def Compact(self, request: pb.CompactionRequest) -> pb.CompactionResponse:
        """Forget history; with `physical`, answer when it is gone from the disk too."""
        try:
            await self._store.compact(request.revision)
        except Compacted:
            await self._swept(request)
            raise
        await self._swept(request)
        return pb.CompactionResponse(header=self._identity.header(await self._store.revision()))

    async def _swept(self, request: pb.CompactionRequest) -> None:
        if request.physical and isinstance(self._store, Sweeping):
            await self._store.swept()
