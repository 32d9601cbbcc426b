"""etcd's Maintenance service: how the server is, its hashes and snapshots."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import MaintenanceBase
from hyperpy.store.etcd.errors import grpc_error
from hyperpy.store.etcd_server.hashes import hash_all, hash_keys
from hyperpy.store.etcd_server.identity import ETCD_VERSION, TERM, Identity
from hyperpy.store.etcd_server.limits import Gate
from hyperpy.store.etcd_server.snapshot import snapshot_parts
from hyperpy.store.etcd_server.unary import Stream, unary
from hyperpy.store.protocol import Exporting, Filed, Size, Store, StoreError, Unavailable

_NO_FILE = "this store has no file of its own"


class MaintenanceService(MaintenanceBase):
    """State of the server."""

    def __init__(self, store: Store, identity: Identity, gate: Gate, *, scratch: Path | None) -> None:
        self._store = store
        self._identity = identity
        self._gate = gate
        self._scratch = scratch

    @unary
    async def Alarm(self, request: pb.AlarmRequest) -> pb.AlarmResponse:
        """The one alarm there is, NOSPACE: tell it, raise it, disarm it. A broken disk is an error of its write."""
        if request.alarm == pb.CORRUPT and request.action != pb.AlarmRequest.GET:
            raise GRPCError(Status.UNIMPLEMENTED, "etcdserver: hyperpy etcd does not serve the alarm CORRUPT")
        told = self._alarms() if request.alarm in (pb.NONE, pb.NOSPACE) else []
        if request.action == pb.AlarmRequest.ACTIVATE and request.alarm == pb.NOSPACE:
            self._gate.full = True
            told = self._alarms()
        elif request.action == pb.AlarmRequest.DEACTIVATE:
            self._gate.full = False
        return pb.AlarmResponse(alarms=told)

    @unary
    async def Status(self, request: pb.StatusRequest) -> pb.StatusResponse:
        """How it goes. There is no Raft; the revision stands in for its index."""
        revision = await self._store.revision()
        size = await self._store.size() if isinstance(self._store, Filed) else Size(0, 0)
        return pb.StatusResponse(
            header=self._identity.header(revision),
            version=ETCD_VERSION,
            dbSize=size.total,
            dbSizeInUse=size.used,
            leader=self._identity.member_id,
            raftIndex=revision,
            raftAppliedIndex=revision,
            raftTerm=TERM,
            errors=[f"memberID:{alarm.memberID} alarm:{pb.AlarmType.Name(alarm.alarm)} " for alarm in self._alarms()],
        )

    @unary
    async def Defragment(self, request: pb.DefragmentRequest) -> pb.DefragmentResponse:
        """Give free space back to the disk."""
        if not isinstance(self._store, Filed):
            raise Unavailable(_NO_FILE)
        await self._store.defragment()
        return pb.DefragmentResponse()

    @unary
    async def Hash(self, request: pb.HashRequest) -> pb.HashResponse:
        """Of all there is."""
        async with self._exporting().export() as export:
            value = await hash_all(export, self._identity)
            return pb.HashResponse(header=self._identity.header(export.revision), hash=value)

    @unary
    async def HashKV(self, request: pb.HashKVRequest) -> pb.HashKVResponse:
        """Of the keys at a revision."""
        async with self._exporting().export() as export:
            found = await hash_keys(export, request.revision)
        header = self._identity.header(found.revision)
        return pb.HashKVResponse(header=header, hash=found.value, compact_revision=found.floor)

    async def Snapshot(self, stream: Stream) -> None:
        """All there is, in etcd's file format."""
        await stream.recv_message()
        try:
            async with aclosing(snapshot_parts(self._exporting(), self._identity, directory=self._scratch)) as parts:
                async for part in parts:
                    await stream.send_message(part)
        except StoreError as error:
            raise grpc_error(error) from error

    def _exporting(self) -> Exporting:
        if not isinstance(self._store, Exporting):
            raise Unavailable(_NO_FILE)
        return self._store

    def _alarms(self) -> list[pb.AlarmMember]:
        return [pb.AlarmMember(memberID=self._identity.member_id, alarm=pb.NOSPACE)] if self._gate.full else []
