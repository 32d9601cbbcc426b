"""etcd's v3 gRPC services over a store: KV, Lease, Cluster, Maintenance. What is not served is refused by name."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf import empty_pb2
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import ClusterBase, KVBase, LeaseBase, MaintenanceBase
from hyperpy.store.etcd.errors import grpc_error
from hyperpy.store.etcd.messages import (
    delete_of,
    delete_response,
    get_of,
    put_of,
    put_response,
    range_response,
    txn_of,
    txn_response,
)
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.watch import WatchService
from hyperpy.store.protocol import (
    Compare,
    Get,
    LeaseNotFound,
    Op,
    Put,
    PutResult,
    Store,
    StoreError,
    Target,
    Txn,
)

_MAX_REQUEST_BYTES = 1_572_864  # etcd's --max-request-bytes

_Stream = Any  # grpclib.server.Stream of the method's two messages


def services(store: Store, identity: Identity) -> list[Any]:
    """All services, ready for a `grpclib.server.Server`."""
    return [
        KvService(store, identity),
        WatchService(store, identity),
        LeaseService(store, identity),
        ClusterService(store, identity),
        MaintenanceService(store, identity),
        Refusals(),
    ]


def _unary(action: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, _Stream], Awaitable[None]]:
    """A handler from a function of request to response; store errors become etcd's."""

    @functools.wraps(action)
    async def handler(service: Any, stream: _Stream) -> None:
        request = await stream.recv_message()
        if request is None:
            return
        try:
            if request.ByteSize() > _MAX_REQUEST_BYTES:
                raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: request is too large")
            response = await action(service, request)
        except StoreError as error:
            raise grpc_error(error) from error
        await stream.send_message(response)

    return handler


class KvService(KVBase):
    """Keys."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    @_unary
    async def Range(self, request: pb.RangeRequest) -> pb.RangeResponse:
        found = await self._store.get(get_of(request))
        return range_response(request, found, self._identity.header(await self._store.revision()))

    @_unary
    async def Put(self, request: pb.PutRequest) -> pb.PutResponse:
        if request.ignore_value or request.ignore_lease:
            result = await self._put_keeping(request)
        else:
            result = await self._store.put(put_of(request))
        return put_response(result, self._identity.header(result.revision))

    @_unary
    async def DeleteRange(self, request: pb.DeleteRangeRequest) -> pb.DeleteRangeResponse:
        result = await self._store.delete(delete_of(request))
        return delete_response(result, self._identity.header(result.revision))

    @_unary
    async def Txn(self, request: pb.TxnRequest) -> pb.TxnResponse:
        result = await self._store.txn(txn_of(request))
        return txn_response(request, result, self._identity.header(result.revision))

    @_unary
    async def Compact(self, request: pb.CompactionRequest) -> pb.CompactionResponse:
        await self._store.compact(request.revision)
        return pb.CompactionResponse(header=self._identity.header(await self._store.revision()))

    async def _put_keeping(self, request: pb.PutRequest) -> PutResult:
        """A put that keeps the key's value or lease: read it, and write if nobody else has meanwhile."""
        if request.ignore_value and request.value:
            raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: value is provided")
        if request.ignore_lease and request.lease:
            raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: lease is provided")
        while True:
            found = await self._store.get(Get(request.key))
            if not found.kvs:
                raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: key not found")
            (pair,) = found.kvs
            put = Put(
                request.key,
                pair.value if request.ignore_value else request.value,
                pair.lease if request.ignore_lease else request.lease,
                request.prev_kv,
            )
            unchanged = Compare(request.key, Target.MOD, Op.EQUAL, pair.mod_revision)
            result = await self._store.txn(Txn([unchanged], [put]))
            if result.succeeded:
                (response,) = result.responses
                assert isinstance(response, PutResult)
                return response


class LeaseService(LeaseBase):
    """Leases."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    @_unary
    async def LeaseGrant(self, request: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        lease = await self._store.lease_grant(request.TTL, lease_id=request.ID)
        return pb.LeaseGrantResponse(header=await self._header(), ID=lease.id, TTL=lease.ttl_s)

    @_unary
    async def LeaseRevoke(self, request: pb.LeaseRevokeRequest) -> pb.LeaseRevokeResponse:
        await self._store.lease_revoke(request.ID)
        return pb.LeaseRevokeResponse(header=await self._header())

    async def LeaseKeepAlive(self, stream: _Stream) -> None:
        """Answers each request; one for a lease that has ended gets a time of 0."""
        async for request in stream:
            try:
                ttl_s = (await self._store.lease_keep_alive(request.ID)).ttl_s
            except LeaseNotFound:
                ttl_s = 0
            except StoreError as error:
                raise grpc_error(error) from error
            header = await self._header()
            await stream.send_message(pb.LeaseKeepAliveResponse(header=header, ID=request.ID, TTL=ttl_s))

    @_unary
    async def LeaseTimeToLive(self, request: pb.LeaseTimeToLiveRequest) -> pb.LeaseTimeToLiveResponse:
        header = await self._header()
        try:
            lease = await self._store.lease_info(request.ID, keys=request.keys)
        except LeaseNotFound:
            return pb.LeaseTimeToLiveResponse(header=header, ID=request.ID, TTL=-1)
        return pb.LeaseTimeToLiveResponse(
            header=header, ID=lease.id, TTL=lease.remaining_s, grantedTTL=lease.ttl_s, keys=lease.keys
        )

    @_unary
    async def LeaseLeases(self, request: pb.LeaseLeasesRequest) -> pb.LeaseLeasesResponse:
        leases = [pb.LeaseStatus(ID=lease_id) for lease_id in await self._store.leases()]
        return pb.LeaseLeasesResponse(header=await self._header(), leases=leases)

    async def _header(self) -> pb.ResponseHeader:
        return self._identity.header(await self._store.revision())


class ClusterService(ClusterBase):
    """The members: this one."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    @_unary
    async def MemberList(self, request: pb.MemberListRequest) -> pb.MemberListResponse:
        header = self._identity.header(await self._store.revision())
        return pb.MemberListResponse(header=header, members=[self._identity.member()])


class MaintenanceService(MaintenanceBase):
    """State of the server."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store = store
        self._identity = identity

    @_unary
    async def Alarm(self, request: pb.AlarmRequest) -> pb.AlarmResponse:
        """There are none: a full or broken disk is an error of the write that met it."""
        if request.action != pb.AlarmRequest.GET:
            raise GRPCError(Status.UNIMPLEMENTED, "etcdserver: hyperpy etcd has no alarms to set or clear")
        return pb.AlarmResponse(header=self._identity.header(await self._store.revision()))

    @_unary
    async def Status(self, request: pb.StatusRequest) -> pb.StatusResponse:
        return self._identity.status(await self._store.revision())


_REFUSED = {
    "etcdserverpb.Cluster": "MemberAdd MemberRemove MemberUpdate MemberPromote",
    "etcdserverpb.Maintenance": "Defragment Hash HashKV Snapshot MoveLeader Downgrade",
    "etcdserverpb.Auth": (
        "AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete UserChangePassword "
        "UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete RoleGrantPermission RoleRevokePermission"
    ),
    "v3lockpb.Lock": "Lock Unlock",
    "v3electionpb.Election": "Campaign Proclaim Leader Observe Resign",
}


class Refusals:
    """etcd's other methods."""

    def __mapping__(self) -> dict[str, Handler]:
        """Path of a method to its handler, as grpclib asks for it."""
        return {
            f"/{service}/{method}": Handler(
                functools.partial(_refuse, f"{service.partition('.')[2]}.{method}"),
                Cardinality.STREAM_STREAM,
                empty_pb2.Empty,
                empty_pb2.Empty,
            )
            for service, methods in _REFUSED.items()
            for method in methods.split()
        }


async def _refuse(method: str, stream: _Stream) -> None:
    raise GRPCError(Status.UNIMPLEMENTED, f"etcdserver: hyperpy etcd does not serve {method}")
