"""The gRPC part of a listener: its methods, its connections, and the calls under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hyperpy.store.etcd_server.grpc.connection import GrpcConnection


class GrpcServer:
    """Makes connections; ended by `aclose`.

    Args:
        services: objects with grpclib's `__mapping__`: path of a method to its handler.
        max_bytes: of a request's message.
    """

    def __init__(self, services: Sequence[Any], *, max_bytes: int) -> None:
        self._handlers = {path: handler for service in services for path, handler in service.__mapping__().items()}
        self._max_bytes = max_bytes
        self._connections: set[GrpcConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection(self) -> GrpcConnection:
        """A protocol for a connection that was accepted."""
        connection = GrpcConnection(
            self._handlers, max_bytes=self._max_bytes, tasks=self._tasks, lost=self._connections.discard
        )
        self._connections.add(connection)
        return connection

    async def aclose(self) -> None:
        """Cancel the calls, drop the connections."""
        for connection in list(self._connections):
            connection.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
