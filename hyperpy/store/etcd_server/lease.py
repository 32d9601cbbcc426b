"""etcd's Lease service."""

from __future__ import annotations

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import LeaseBase
from hyperpy.store.etcd.errors import grpc_error
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.limits import LEASE_COST, Gate
from hyperpy.store.etcd_server.unary import Stream, unary
from hyperpy.store.protocol import LeaseNotFound, Store, StoreError

_MAX_TTL_S = 9_000_000_000  # etcd, `lease/lessor.go`
_MIN_TTL_S = 2  # what etcd makes of its default election timeout


class LeaseService(LeaseBase):
    """Leases."""

    def __init__(self, store: Store, identity: Identity, gate: Gate) -> None:
        self._store = store
        self._identity = identity
        self._gate = gate

    @unary
    async def LeaseGrant(self, request: pb.LeaseGrantRequest) -> pb.LeaseGrantResponse:
        """Make one; a time that is too short becomes the shortest there is."""
        self._gate.check_write(request, cost=LEASE_COST)
        if request.TTL > _MAX_TTL_S:
            raise GRPCError(Status.OUT_OF_RANGE, "etcdserver: too large lease TTL")
        lease = await self._store.lease_grant(max(_MIN_TTL_S, request.TTL), lease_id=request.ID)
        return pb.LeaseGrantResponse(header=await self._header(), ID=lease.id, TTL=lease.ttl_s)

    @unary
    async def LeaseRevoke(self, request: pb.LeaseRevokeRequest) -> pb.LeaseRevokeResponse:
        """End one, and delete its keys."""
        await self._store.lease_revoke(request.ID)
        return pb.LeaseRevokeResponse(header=await self._header())

    async def LeaseKeepAlive(self, stream: Stream) -> None:
        """Answer each request; one for a lease that has ended gets a time of 0.

        The header is made first: a client that is told of revision R knows that the lease lived at R.
        """
        async for request in stream:
            try:
                header = await self._header()
                ttl_s = (await self._store.lease_keep_alive(request.ID)).ttl_s
            except LeaseNotFound:
                ttl_s = 0
            except StoreError as error:
                raise grpc_error(error) from error
            await stream.send_message(pb.LeaseKeepAliveResponse(header=header, ID=request.ID, TTL=ttl_s))

    @unary
    async def LeaseTimeToLive(self, request: pb.LeaseTimeToLiveRequest) -> pb.LeaseTimeToLiveResponse:
        """What is left of one; a time of -1 says that there is none."""
        header = await self._header()
        try:
            lease = await self._store.lease_info(request.ID, keys=request.keys)
        except LeaseNotFound:
            return pb.LeaseTimeToLiveResponse(header=header, ID=request.ID, TTL=-1)
        return pb.LeaseTimeToLiveResponse(
            header=header, ID=lease.id, TTL=lease.remaining_s, grantedTTL=lease.ttl_s, keys=lease.keys
        )

    @unary
    async def LeaseLeases(self, request: pb.LeaseLeasesRequest) -> pb.LeaseLeasesResponse:
        """All there are, by id."""
        leases = [pb.LeaseStatus(ID=lease_id) for lease_id in await self._store.leases()]
        return pb.LeaseLeasesResponse(header=await self._header(), leases=leases)

    async def _header(self) -> pb.ResponseHeader:
        return self._identity.header(await self._store.revision())
