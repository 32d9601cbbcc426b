"""etcd's JSON gateway: its gRPC methods by POST with JSON bodies, as Patroni and etcd3gw ask for them.

Bytes are base64 and 64-bit numbers are strings, as protobuf's JSON form has them. A method that answers more than once
sends lines of `{"result": ...}`. Source: etcd, `rpc.proto` (paths), and grpc-gateway 1.9 (codes).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from grpclib.const import Handler, Status
from grpclib.exceptions import GRPCError

_PREFIXES = ("/v3/", "/v3beta/")
_METHODS = {
    "kv/range": "KV/Range",
    "kv/put": "KV/Put",
    "kv/deleterange": "KV/DeleteRange",
    "kv/txn": "KV/Txn",
    "kv/compaction": "KV/Compact",
    "watch": "Watch/Watch",
    "lease/grant": "Lease/LeaseGrant",
    "lease/revoke": "Lease/LeaseRevoke",
    "lease/keepalive": "Lease/LeaseKeepAlive",
    "lease/timetolive": "Lease/LeaseTimeToLive",
    "lease/leases": "Lease/LeaseLeases",
    "kv/lease/revoke": "Lease/LeaseRevoke",
    "kv/lease/timetolive": "Lease/LeaseTimeToLive",
    "kv/lease/leases": "Lease/LeaseLeases",
    "cluster/member/list": "Cluster/MemberList",
    "maintenance/alarm": "Maintenance/Alarm",
    "maintenance/status": "Maintenance/Status",
    "maintenance/defragment": "Maintenance/Defragment",
    "maintenance/hash": "Maintenance/HashKV",
    "maintenance/snapshot": "Maintenance/Snapshot",
}
_STAYS_OPEN = "watch"  # after its last request
_CODES = {
    Status.CANCELLED: 408,
    Status.INVALID_ARGUMENT: 400,
    Status.OUT_OF_RANGE: 400,
    Status.FAILED_PRECONDITION: 400,
    Status.NOT_FOUND: 404,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.UNIMPLEMENTED: 501,
    Status.UNAVAILABLE: 503,
}


class Gateway:
    """Answers what lies below /v3/ and /v3beta/.

    Args:
        services: objects with grpclib's `__mapping__`: path of a method to its handler.
        max_bytes: of a request's messages, which are a third longer in their JSON form.
    """

    def __init__(self, services: Sequence[Any], *, max_bytes: int) -> None:
        self._handlers = {path: handler for service in services for path, handler in service.__mapping__().items()}
        self._max_bytes = max_bytes * 4 // 3

    @staticmethod
    def serves(path: str) -> bool:
        """Is it a path of the gateway?"""
        return path.startswith(_PREFIXES)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Ask the method that a path stands for."""
        name = request.path.split("/", 2)[2]
        method = _METHODS.get(name)
        if method is None:
            return _error(GRPCError(Status.UNIMPLEMENTED, f"hyperpy etcd does not serve {request.path}"), http=404)
        if request.method != "POST":
            return _error(GRPCError(Status.UNIMPLEMENTED, f"{request.path} is asked by POST"), http=405)
        handler = self._handlers[f"/etcdserverpb.{method}"]
        try:
            messages = _parsed(await self._body(request), handler)
            if handler.cardinality.server_streaming:
                return await _stream(request, handler, messages, stays_open=name == _STAYS_OPEN)
            answers: list[Any] = []
            await handler.func(_Exchange(messages, _keep(answers), stays_open=False))
        except GRPCError as error:
            return _error(error)
        return web.Response(text=json.dumps(_plain(answers[0])), content_type="application/json")

    async def _body(self, request: web.BaseRequest) -> str:
        body = bytearray()
        async for part in request.content.iter_any():
            body += part
            if len(body) > self._max_bytes:
                raise GRPCError(Status.INVALID_ARGUMENT, "etcdserver: request is too large")
        return body.decode(errors="replace")


class _Exchange:
    """For a method's handler it is what grpclib's `Stream` is."""

    def __init__(self, requests: Sequence[Any], send: Callable[[Any], Awaitable[None]], *, stays_open: bool) -> None:
        self._requests = deque(requests)
        self._stays_open = stays_open
        self.send_message = send

    async def recv_message(self) -> Any:
        if not self._requests and self._stays_open:
            await asyncio.Event().wait()
        return self._requests.popleft() if self._requests else None

    def __aiter__(self) -> _Exchange:
        return self

    async def __anext__(self) -> Any:
        message = await self.recv_message()
        if message is None:
            raise StopAsyncIteration
        return message


async def _stream(
    request: web.BaseRequest, handler: Handler, messages: Sequence[Any], *, stays_open: bool
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)

    async def send(message: Any) -> None:
        await response.write(json.dumps({"result": _plain(message)}).encode() + b"\n")

    try:
        await handler.func(_Exchange(messages, send, stays_open=stays_open))
    except GRPCError as error:
        told = {"grpc_code": error.status.value, "http_code": _CODES.get(error.status, 500), "message": error.message}
        await response.write(json.dumps({"error": told}).encode() + b"\n")
    return response


def _keep(answers: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def send(message: Any) -> None:
        answers.append(message)

    return send


def _parsed(text: str, handler: Handler) -> list[Any]:
    """The messages of a body: one, or any number one after another. Raises GRPCError."""
    from google.protobuf import json_format

    decoder, at, messages = json.JSONDecoder(), 0, []
    text = text.strip() or "{}"
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            messages.append(json_format.ParseDict(value, handler.request_type()))
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, json_format.ParseError) as error:
        raise GRPCError(Status.INVALID_ARGUMENT, f"the request cannot be read: {error}") from error
    return messages


def _plain(message: Any) -> Any:
    from google.protobuf import json_format

    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _error(error: GRPCError, *, http: int = 0) -> web.Response:
    told = {"error": error.message, "message": error.message, "code": error.status.value}
    status = http or _CODES.get(error.status, 500)
    return web.Response(status=status, text=json.dumps(told), content_type="application/json")
