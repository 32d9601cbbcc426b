"""Passes requests on to the server behind an APIService, and its answers back, streams and upgrades too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from hyperpy.api import errors
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver.aggregation import directory
from hyperpy.components.apiserver.aggregation.backing import Backing, headers_for
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.streams import backend
from hyperpy.components.apiserver.streams.backend import Backends
from hyperpy.components.apiserver.streams.proxy import HOP_HEADERS
from hyperpy.components.apiserver.streams.takeover import Takeover

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

Obj = dict[str, Any]

#: Answers of a known length up to this are passed on whole, others as they come.
WHOLE_BYTES = 128 * 1024 - 1

_NOBODY = UserInfo("system:anonymous")


class Proxying:
    """Asks other servers."""

    def __init__(self, backing: Backing, backends: Backends) -> None:
        self._backing = backing
        self._backends = backends

    async def answer(self, request: Request, service: Obj) -> Response:
        """The other server's answer to a request whose user may ask.

        Args:
            request: its body, where it has one, has been read.
            service: the APIService.
        """
        if not directory.available(service):
            return unavailable("service unavailable")
        try:
            target = self._backing.target(service, request.uri())
        except errors.ServiceUnavailable:
            return unavailable("service unavailable")
        headers = headers_for(request.user or _NOBODY, _headers(request))
        if backend.upgrades(request.headers):

            async def serve(raw: web.BaseRequest) -> web.StreamResponse:
                return await backend.upgrade(raw, target, headers)

            return Takeover(serve)
        try:
            found = await self._backends.request(request.method, target, headers=headers, data=request.body or None)
        except errors.InternalError as error:
            return unavailable(f"error trying to reach service: {error}")
        return await _passed_on(found)


def unavailable(text: str) -> Response:
    """503 as kube-apiserver words it: plain text, from which clients make their own message."""
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(503, f"{text}\n".encode(), "text/plain; charset=utf-8", headers)


async def _passed_on(found: aiohttp.ClientResponse) -> Response:
    headers: dict[str, str] = {}
    for name, value in found.headers.items():
        if name.lower() not in HOP_HEADERS and name.lower() not in ("content-length", "content-type", "date"):
            title = "-".join(part.capitalize() for part in name.split("-"))
            headers[title] = f"{headers[title]}, {value}" if title in headers else value
    media_type = found.headers.get("Content-Type", "application/octet-stream")
    length = found.content_length
    if length is not None and length <= WHOLE_BYTES:
        async with found:
            return Response(found.status, await found.content.read(), media_type, headers)
    return Response(found.status, _chunks(found), media_type, headers)


async def _chunks(found: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with found:
        async for chunk in found.content.iter_any():
            yield chunk


def _headers(request: Request) -> list[tuple[str, str]]:
    given = list(request.headers.items())
    audit_id = remarks.audit_id()
    if audit_id:
        given = [(name, value) for name, value in given if name.lower() != "audit-id"]
        given.append(("Audit-Id", audit_id))
    peer = getattr(request, "peer", "")
    if peer:
        before = request.headers.get("x-forwarded-for")
        given = [(name, value) for name, value in given if name.lower() != "x-forwarded-for"]
        given.append(("X-Forwarded-For", f"{before}, {peer}" if before else peer))
    return given
