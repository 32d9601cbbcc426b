"""The store in a real etcd cluster, spoken to over gRPC: for more than one API server on the same state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd import failures, progress, watch
from hyperpy.store.etcd.address import Tls, endpoint_of
from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.call import Lost
from hyperpy.store.etcd.connection import PATIENCE_S, Action, Connection, T
from hyperpy.store.etcd.errors import is_compacted
from hyperpy.store.etcd.failures import Misconfigured
from hyperpy.store.etcd.http2 import Http2
from hyperpy.store.etcd.member import Member
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

_ALL = b"\0"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
_SIZE_S = 2.0


@dataclass(frozen=True, slots=True)
class _Method:
    """A gRPC method, and whether it may be carried out twice."""

    path: str
    answer: type[Message]
    repeatable: bool = False


_RANGE = _Method("/etcdserverpb.KV/Range", pb.RangeResponse, repeatable=True)
_PUT = _Method("/etcdserverpb.KV/Put", pb.PutResponse)
_DELETE = _Method("/etcdserverpb.KV/DeleteRange", pb.DeleteRangeResponse)
_TXN = _Method("/etcdserverpb.KV/Txn", pb.TxnResponse)
_COMPACT = _Method("/etcdserverpb.KV/Compact", pb.CompactionResponse)
_GRANT = _Method("/etcdserverpb.Lease/LeaseGrant", pb.LeaseGrantResponse)
_REVOKE = _Method("/etcdserverpb.Lease/LeaseRevoke", pb.LeaseRevokeResponse)
_TIME_TO_LIVE = _Method("/etcdserverpb.Lease/LeaseTimeToLive", pb.LeaseTimeToLiveResponse, repeatable=True)
_LEASES = _Method("/etcdserverpb.Lease/LeaseLeases", pb.LeaseLeasesResponse, repeatable=True)
_STATUS = _Method("/etcdserverpb.Maintenance/Status", pb.StatusResponse, repeatable=True)
_KEEP_ALIVE = "/etcdserverpb.Lease/LeaseKeepAlive"


async def open_etcd(
    endpoints: Sequence[str],
    *,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    probe: bytes = _ALL,
    wait_s: float = 0.0,
) -> EtcdStore:
    """Connect to an etcd cluster. The caller closes the store.

    Args:
        endpoints: client addresses of its members, `http://HOST:PORT` or `https://HOST:PORT`.
        ca: file with the certificates that vouch for the members'; None: the system's.
        cert: file with a client certificate, and `key` the file with its key.
        probe: a key, there or not, that this client may read; it is asked for where only the revision matters.
        wait_s: for how long to wait for a cluster that does not answer yet.
    Raises:
        Misconfigured: no address, one that is malformed, TLS files that cannot be read, certificates that one side
            does not accept, a user without permission.
        Unavailable: nobody answers.
    """
    if not endpoints:
        raise Misconfigured("no etcd address was given")
    store = EtcdStore(Connection([endpoint_of(address) for address in endpoints], Tls(ca, cert, key)), probe)
    try:
        await _wait_for(store, wait_s)
    except BaseException:
        await store.aclose()
        raise
    return store


async def _wait_for(store: EtcdStore, wait_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline, pause_s = loop.time() + wait_s, _FIRST_PAUSE_S
    while True:
        try:
            return await store.check()
        except Misconfigured:
            raise
        except Unavailable as error:
            left_s = deadline - loop.time()
            if left_s <= 0:
                raise
            log.warning("waiting up to %.0f s more for etcd: %s", left_s, error)
        await asyncio.sleep(min(pause_s, left_s))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class EtcdStore:
    """See `protocol.Store`. Reads are linearizable; an answer that got lost makes a write Unavailable, not repeated."""

    def __init__(self, connection: Connection, probe: bytes) -> None:
        self._connection = connection
        self._probe = probe
        self._watches: set[EtcdWatch] = set()
        self._settle_s = 0.0

    async def check(self) -> None:
        """Reach the cluster once, and warn of a version with a bug that matters here. Raises Unavailable."""
        await self._ask(_RANGE, pb.RangeRequest(key=self._probe, count_only=True), patience_s=0)
        status = await self._ask(_STATUS, pb.StatusRequest(), patience_s=0)
        if progress.runs_ahead(status.version):
            self._settle_s = progress.SETTLE_S
            log.warning(
                "etcd %s may send progress marks too early, so each waits for another; update it", status.version
            )

    async def sizes(self) -> Sequence[int | None]:
        """Bytes of each member's database, in the order of the addresses; None for one that does not answer."""

        async def ask(http: Http2) -> int:
            message = await http.unary(_STATUS.path, b"")
            return int(pb.StatusResponse.FromString(message).dbSize)

        async def size(member: Member) -> int | None:
            try:
                async with asyncio.timeout(_SIZE_S):
                    return await self._connection.ask(member, ask)
            except (GRPCError, Lost, TimeoutError) as error:
                log.debug("its size is not known: %s", failures.text(error, member.endpoint))
                return None

        return await asyncio.gather(*map(size, self._connection.members))

    async def get(self, request: Get) -> Range:
        """Read."""
        response = await self._ask(_RANGE, range_request(request))
        return range_of(response, revision=request.revision)

    async def put(self, request: Put) -> PutResult:
        """Write one key."""
        return put_result(await self._ask(_PUT, put_request(request)))

    async def delete(self, request: DeleteRange) -> DeleteResult:
        """Delete a key or a range."""
        return delete_result(await self._ask(_DELETE, delete_request(request)))

    async def txn(self, request: Txn) -> TxnResult:
        """Compare and swap."""
        return txn_result(request, await self._ask(_TXN, txn_request(request)))

    async def watch(
        self, key: bytes, end: bytes | None = None, *, start_revision: int = 0, prev_kv: bool = False
    ) -> EtcdWatch:
        """Changes of a key or range; see `protocol.Store.watch`."""
        # The member that the watch is set up at may be behind: "after now" is what the cluster says it is.
        first = start_revision or await self.revision() + 1
        self._watches = {known for known in self._watches if not known.ended}
        marks = progress.Marks(self._settle_s)
        opened = EtcdWatch(self._connection, key, end, start_revision=first, prev_kv=prev_kv, marks=marks)
        await opened.opened()
        self._watches.add(opened)
        return opened

    async def compact(self, revision: int) -> None:
        """Forget history below `revision`."""
        await self._ask(_COMPACT, pb.CompactionRequest(revision=revision))

    async def revision(self) -> int:
        """The newest committed revision."""
        response = await self._ask(_RANGE, pb.RangeRequest(key=self._probe, count_only=True))
        return int(response.header.revision)

    async def lease_grant(self, ttl_s: int, *, lease_id: int = 0) -> Lease:
        """Make a lease; etcd raises a very short time to its minimum."""
        request = pb.LeaseGrantRequest(TTL=ttl_s, ID=lease_id)
        response = await self._ask(_GRANT, request)
        return Lease(response.ID, response.TTL, response.TTL)

    async def lease_keep_alive(self, lease_id: int) -> Lease:
        """Start its time anew."""
        request = pb.LeaseKeepAliveRequest(ID=lease_id).SerializeToString()

        async def renew(http: Http2) -> int:
            async with http.stream(_KEEP_ALIVE) as stream:
                await stream.send(request)
                message = await stream.receive()
                return int(pb.LeaseKeepAliveResponse.FromString(message or b"").TTL)

        left_s = await self._call(renew, repeatable=True)
        if left_s <= 0:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        return Lease(lease_id, left_s, left_s)

    async def lease_revoke(self, lease_id: int) -> None:
        """End it now and delete its keys."""
        await self._ask(_REVOKE, pb.LeaseRevokeRequest(ID=lease_id))

    async def lease_info(self, lease_id: int, *, keys: bool = False) -> Lease:
        """What is left of it."""
        request = pb.LeaseTimeToLiveRequest(ID=lease_id, keys=keys)
        response = await self._ask(_TIME_TO_LIVE, request)
        if response.TTL < 0:
            raise LeaseNotFound(f"requested lease not found: {lease_id:x}")
        return Lease(lease_id, response.grantedTTL, response.TTL, sorted(response.keys))

    async def leases(self) -> Sequence[int]:
        """Ids of all live leases."""
        response = await self._ask(_LEASES, pb.LeaseLeasesRequest())
        return sorted(lease.ID for lease in response.leases)

    async def aclose(self) -> None:
        """End the watches, close the connections."""
        for opened in self._watches:
            await opened.abort(Unavailable("the store was closed"))
        self._watches.clear()
        self._connection.close()

    async def _ask(self, method: _Method, request: Message, *, patience_s: float = PATIENCE_S) -> Any:
        message = request.SerializeToString()
        answer = await self._call(
            lambda http: http.unary(method.path, message), repeatable=method.repeatable, patience_s=patience_s
        )
        return method.answer.FromString(answer)

    async def _call(self, action: Action[T], *, repeatable: bool, patience_s: float = PATIENCE_S) -> T:
        try:
            return await self._connection.call(action, repeatable=repeatable, patience_s=patience_s)
        except GRPCError as error:
            if is_compacted(error):
                raise Compacted(await self._floor()) from error
            raise failures.answered(error, self._connection.member.endpoint) from error

    async def _floor(self) -> int:
        """The compaction floor, which etcd tells nobody but a watch of the farthest past."""
        create = pb.WatchCreateRequest(key=self._probe, start_revision=1)
        request = pb.WatchRequest(create_request=create).SerializeToString()

        async def ask(http: Http2) -> int:
            async with http.stream(watch.PATH) as stream:
                await stream.send(request)
                while (message := await stream.receive()) is not None:
                    response = pb.WatchResponse.FromString(message)
                    if not response.created or response.canceled:
                        return int(response.compact_revision)
            return 0

        return await self._connection.call(ask, repeatable=True)
