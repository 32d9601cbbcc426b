"""The store in a real etcd cluster, spoken to over gRPC: for more than one API server on the same state."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from grpclib.client import Channel
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import KVStub, LeaseStub, MaintenanceStub, WatchStub
from hyperpy.store.etcd.connection import Connection, Tls, endpoint_of
from hyperpy.store.etcd.errors import is_compacted, store_error
from hyperpy.store.etcd.messages import (
    delete_request,
    delete_result,
    put_request,
    put_result,
    range_of,
    range_request,
    txn_request,
    txn_result,
)
from hyperpy.store.etcd.watch import EtcdWatch
from hyperpy.store.protocol import (
    Compacted,
    DeleteRange,
    DeleteResult,
    Get,
    Lease,
    LeaseNotFound,
    Put,
    PutResult,
    Range,
    Txn,
    TxnResult,
    Unavailable,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

_ALL = b"\0"
# Older ones may send a progress mark ahead of the events it vouches for (etcd's changelogs of 3.4.25 and 3.5.8).
_PROGRESS_FIXED = {(3, 4): 25, (3, 5): 8}


async def open_etcd(
    endpoints: Sequence[str], *, ca: str | None = None, cert: str | None = None, key: str | None = None
) -> EtcdStore:
    """Connect to an etcd cluster. The caller closes the store.

    Args:
        endpoints: client addresses of its members, `http://HOST:PORT` or `https://HOST:PORT`.
        ca: file with the certificates that vouch for the members'; None: the system's.
        cert: file with a client certificate, and `key` the file with its key.
    Raises:
        Unavailable: no address, one that is malformed, TLS files that cannot be read, or nobody answers.
    """
    if not endpoints:
        raise Unavailable("no etcd address was given")
    store = EtcdStore(Connection([endpoint_of(address) for address in endpoints], Tls(ca, cert, key)))
    try:
        await store.check_version()
    except BaseException:
        await store.aclose()
        raise
    return store


class EtcdStore:
    """See `protocol.Store`. Reads are linearizable; an answer that got lost makes a write Unavailable, not repeated."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watches: set[EtcdWatch] = set()

    async def check_version(self) -> None:
        """Reach the cluster once, and warn of a version with a bug that matters here. Raises Unavailable."""
        status = await self._read(lambda channel: MaintenanceStub(channel).Status(pb.StatusRequest()))
        numbers = [int(part) for part in status.version.split(".")[:3] if part.isdigit()]
        if len(numbers) == 3 and numbers[2] < _PROGRESS_FIXED.get((numbers[0], numbers[1]), 0):
            log.warning("etcd %s may send progress marks too early; update it", status.version)

    async def get(self, request: Get) -> Range:
        """Read."""
        response = await self._read(lambda channel: KVStub(channel).Range(range_request(request)))
        return range_of(response, revision=request.revision)

    async def put(self, request: Put) -> PutResult:
        """Write one key."""
        return put_result(await self._write(lambda channel: KVStub(channel).Put(put_request(request))))

    async def delete(self, request: DeleteRange) -> DeleteResult:
        """Delete a key or a range."""
        return delete_result(await self._write(lambda channel: KVStub(channel).DeleteRange(delete_request(request))))

    async def txn(self, request: Txn) -> TxnResult:
        """Compare and swap."""
        return txn_result(request, await self._write(lambda channel: KVStub(channel).Txn(txn_request(request))))

    async def watch(
        self, key: bytes, end: bytes | None = None, *, start_revision: int = 0, prev_kv: bool = False
    ) -> EtcdWatch:
        """Changes of a key or range; see `protocol.Store.watch`."""
        self._watches = {watch for watch in self._watches if not watch.ended}
        watch = EtcdWatch(self._connection, key, end, start_revision=start_revision, prev_kv=prev_kv)
        await watch.opened()
        self._watches.add(watch)
        return watch

    async def compact(self, revision: int) -> None:
        """Forget history below `revision`."""
        await self._write(lambda channel: KVStub(channel).Compact(pb.CompactionRequest(revision=revision)))

    async def revision(self) -> int:
        """The newest committed revision."""
        request = pb.RangeRequest(key=_ALL, count_only=True)
        response = await self._read(lambda channel: KVStub(channel).Range(request))
        return int(response.header.revision)

    async def lease_grant(self, ttl_s: int, *, lease_id: int = 0) -> Lease:
        """Make a lease; etcd raises a very short time to its minimum."""
        request = pb.LeaseGrantRequest(TTL=ttl_s, ID=lease_id)
        response = await self._write(lambda channel: LeaseStub(channel).LeaseGrant(request))
        return Lease(response.ID, response.TTL, response.TTL)

    async def lease_keep_alive(self, lease_id: int) -> Lease:
        """Start its time anew."""
        request = pb.LeaseKeepAliveRequest(ID=lease_id)

        async def renew(channel: Channel) -> list[pb.LeaseKeepAliveResponse]:
            async with LeaseStub(channel).LeaseKeepAlive.open() as stream:
                await stream.send_message(request, end=True)
                return [response async for response in stream]

        responses = await self._read(renew)
        if not responses or responses[0].TTL <= 0:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        return Lease(lease_id, responses[0].TTL, responses[0].TTL)

    async def lease_revoke(self, lease_id: int) -> None:
        """End it now and delete its keys."""
        await self._write(lambda channel: LeaseStub(channel).LeaseRevoke(pb.LeaseRevokeRequest(ID=lease_id)))

    async def lease_info(self, lease_id: int, *, keys: bool = False) -> Lease:
        """What is left of it."""
        request = pb.LeaseTimeToLiveRequest(ID=lease_id, keys=keys)
        response = await self._read(lambda channel: LeaseStub(channel).LeaseTimeToLive(request))
        if response.TTL < 0:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        return Lease(lease_id, response.grantedTTL, response.TTL, sorted(response.keys))

    async def leases(self) -> Sequence[int]:
        """Ids of all live leases."""
        response = await self._read(lambda channel: LeaseStub(channel).LeaseLeases(pb.LeaseLeasesRequest()))
        return sorted(lease.ID for lease in response.leases)

    async def aclose(self) -> None:
        """End the watches, close the connections."""
        for watch in self._watches:
            await watch.abort(Unavailable("the store was closed"))
        self._watches.clear()
        self._connection.close()

    async def _read(self, action: Callable[[Channel], Awaitable[T]]) -> T:
        return await self._call(action, repeatable=True)

    async def _write(self, action: Callable[[Channel], Awaitable[T]]) -> T:
        return await self._call(action, repeatable=False)

    async def _call(self, action: Callable[[Channel], Awaitable[T]], *, repeatable: bool) -> T:
        try:
            return await self._connection.call(action, repeatable=repeatable)
        except GRPCError as error:
            if is_compacted(error):
                raise Compacted(await self._floor()) from error
            raise store_error(error, self._connection.endpoint) from error

    async def _floor(self) -> int:
        """The compaction floor, which etcd tells nobody but a watch of the farthest past."""

        async def ask(channel: Channel) -> int:
            async with WatchStub(channel).Watch.open() as stream:
                create = pb.WatchCreateRequest(key=_ALL, start_revision=1)
                await stream.send_message(pb.WatchRequest(create_request=create))
                floor = 0
                async for response in stream:
                    if not response.created or response.canceled:
                        floor = int(response.compact_revision)
                        break
                await stream.cancel()
                return floor

        return await self._connection.call(ask, repeatable=True)
