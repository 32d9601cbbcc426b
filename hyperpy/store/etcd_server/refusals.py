"""What etcd serves and this server does not: refused by name."""

from __future__ import annotations

import functools

from google.protobuf import empty_pb2
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd_server.unary import Stream

_REFUSED = {
    "etcdserverpb.Cluster": "MemberAdd MemberRemove MemberUpdate MemberPromote",
    "etcdserverpb.Lease": "LeaseCheckpoint",
    "etcdserverpb.Maintenance": "MoveLeader Downgrade",
    "etcdserverpb.Auth": (
        "AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete UserChangePassword "
        "UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete RoleGrantPermission RoleRevokePermission"
    ),
    "v3lockpb.Lock": "Lock Unlock",
    "v3electionpb.Election": "Campaign Proclaim Leader Observe Resign",
}
_WHY = {
    "Cluster": "it is a cluster of one member",
    "Maintenance": "it is a cluster of one member",
    "Auth": "it knows its clients by their certificates",
}


class Refusals:
    """etcd's other methods."""

    def __mapping__(self) -> dict[str, Handler]:
        """Path of a method to its handler, as grpclib asks for it."""
        return {
            f"/{service}/{method}": Handler(
                functools.partial(_refuse, service.partition(".")[2], method),
                Cardinality.STREAM_STREAM,
                empty_pb2.Empty,
                empty_pb2.Empty,
            )
            for service, methods in _REFUSED.items()
            for method in methods.split()
        }


async def _refuse(service: str, method: str, stream: Stream) -> None:
    text = f"etcdserver: hyperpy etcd does not serve {service}.{method}"
    raise GRPCError(Status.UNIMPLEMENTED, f"{text}: {_WHY[service]}" if service in _WHY else text)
