"""etcd's Cluster service: the list of members, which has one."""

from __future__ import annotations

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd.api.rpc_grpc import ClusterBase
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.unary import unary


class ClusterService(ClusterBase):
    """The members: this one."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    @unary
    async def MemberList(self, request: pb.MemberListRequest) -> pb.MemberListResponse:
        """The members; the header has no revision, as etcd's has none here."""
        return pb.MemberListResponse(header=self._identity.header(0), members=[self._identity.member()])
