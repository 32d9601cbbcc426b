"""Connections go through admission first, with the operation CONNECT and the options of the request as the object.

Source: the API reference, PodExecOptions, PodAttachOptions, PodPortForwardOptions and the options of proxies.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.admission.chain import CONNECT, Attributes, Chain

Obj = dict[str, Any]


class StreamHandler(Protocol):
    def __call__(self, request: Request, *, namespace: str, name: str) -> Awaitable[Response]: ...


class Connecting:
    """A stream handler that asks admission before it connects.

    Args:
        kind: of the object that is connected to.
        serve: makes the connection.
    """

    def __init__(self, kind: Kind, subresource: str, serve: StreamHandler, admission: Chain) -> None:
        self._kind = kind
        self._subresource = subresource
        self._serve = serve
        self._admission = admission

    async def __call__(self, request: Request, *, namespace: str, name: str) -> Response:
        obj = options(self._kind, self._subresource, request)
        asked = Attributes(CONNECT, self._kind, namespace or None, name, self._subresource, request.user, obj)
        await self._admission.admit(asked)
        await self._admission.validate(asked)
        return await self._serve(request, namespace=namespace, name=name)


def options(kind: Kind, subresource: str, request: Request) -> Obj:
    """The options that a request's query stands for, as an object."""
    if subresource == "proxy":
        path = request.path.partition("/proxy")[2]
        return _obj(f"{kind.kind}ProxyOptions", {"path": path} if path else {})
    if subresource == "portforward":
        ports = [int(port) for text in request.query.get("ports", ()) for port in text.split(",") if port.isdecimal()]
        return _obj("PodPortForwardOptions", {"ports": ports} if ports else {})
    given: Obj = {name: True for name in ("stdin", "stdout", "stderr", "tty") if request.flag(name)}
    if request.param("container"):
        given["container"] = request.param("container")
    if subresource == "exec":
        given["command"] = list(request.query.get("command", ()))
        return _obj("PodExecOptions", given)
    return _obj("PodAttachOptions", given)


def _obj(kind: str, given: Obj) -> Obj:
    return {"apiVersion": "v1", "kind": kind, "metadata": {}, **given}
