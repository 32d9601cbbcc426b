"""gRPC's own health service: the server serves as long as it answers."""

from __future__ import annotations

import asyncio

from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.v1.health_grpc import HealthBase
from grpclib.health.v1.health_pb2 import HealthCheckResponse

from hyperpy.store.etcd_server.unary import Stream


class HealthService(HealthBase):
    """Knows, as etcd's, the server as a whole only: the service with no name."""

    async def Check(self, stream: Stream) -> None:
        """How it is. Raises GRPCError for the name of a service."""
        request = await stream.recv_message()
        if request is None:
            return
        if request.service:
            raise GRPCError(Status.NOT_FOUND, "unknown service")
        await stream.send_message(HealthCheckResponse(status=HealthCheckResponse.SERVING))

    async def Watch(self, stream: Stream) -> None:
        """How it is, which never changes; the stream lasts until the client or the server ends it."""
        request = await stream.recv_message()
        if request is None:
            return
        status = HealthCheckResponse.SERVICE_UNKNOWN if request.service else HealthCheckResponse.SERVING
        await stream.send_message(HealthCheckResponse(status=status))
        await asyncio.Event().wait()
