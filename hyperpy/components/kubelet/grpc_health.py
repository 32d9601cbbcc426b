"""gRPC probes: one call of the standard health service. The one place of grpclib in the kubelet.

Source: "Define a gRPC liveness probe" and the gRPC health checking protocol (`grpc.health.v1`). Its two messages have
one field each, so they are read and written here by hand.
"""

from __future__ import annotations

from typing import Any

_METHOD = "/grpc.health.v1.Health/Check"
_STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVING = 1


async def check(host: str, port: int, *, service: str) -> str:
    """Ask a server how a service does; the caller sets the deadline.

    Returns:
        `""` when it serves, else what is wrong.
    """
    from grpclib.client import Channel, UnaryUnaryMethod
    from grpclib.const import Status
    from grpclib.encoding.base import CodecBase
    from grpclib.exceptions import GRPCError, StreamTerminatedError

    class Bytes(CodecBase):
        __content_subtype__ = "proto"

        def encode(self, message: Any, message_type: Any) -> bytes:
            return bytes(message)

        def decode(self, data: bytes, message_type: Any) -> Any:
            return data

    channel = Channel(host, port, codec=Bytes())
    try:
        answer = await UnaryUnaryMethod(channel, _METHOD, bytes, bytes)(request(service))
    except GRPCError as error:
        if error.status is Status.UNIMPLEMENTED:
            return "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return f"error: health rpc probe failed: {error.message or error.status.name}"
    except (OSError, StreamTerminatedError) as error:
        return f'error: failed to connect service "{host}:{port}": {error}'
    finally:
        channel.close()
    state = state_of(answer)
    return "" if state == _SERVING else f'service unhealthy (responded with "{_STATES.get(state, state)}")'


def request(service: str) -> bytes:
    """A HealthCheckRequest: field 1, the service's name (`""`: the server as a whole)."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def state_of(response: bytes) -> int:
    """The status of a HealthCheckResponse: field 1, a number; absent means 0."""
    return response[1] if len(response) >= 2 and response[0] == 0x08 else 0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
