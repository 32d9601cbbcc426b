"""The frame of a call with one request and one answer: what the store raises becomes etcd's error."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hyperpy.store.etcd.errors import grpc_error
from hyperpy.store.protocol import StoreError

#: grpclib.server.Stream of a method's two messages, or whatever reads and answers like one.
Stream = Any


S = TypeVar("S")


def unary(action: Callable[[S, Any], Awaitable[Any]]) -> Callable[[S, Stream], Awaitable[None]]:
    """A handler for gRPC from a method of request to response."""

    @functools.wraps(action)
    async def handler(service: S, stream: Stream) -> None:
        request = await stream.recv_message()
        if request is None:
            return
        try:
            response = await action(service, request)
        except StoreError as error:
            raise grpc_error(error) from error
        await stream.send_message(response)

    return handler
