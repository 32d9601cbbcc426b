"""Which operations each subresource has, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperpy.api.schema.openapi import parameters
from hyperpy.api.schema.openapi.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Subresource:
    """`kind` is (group, version, kind) of what is sent and answered; None means the parent's own.

    `connect` marks a stream: no object goes in, text comes out. Its operations are of the kind `options` (the parent's
    kind is put before it), so that nobody takes the PATCH of a proxy for that of the parent.
    """

    methods: tuple[str, ...]
    kind: tuple[str, str, str] | None = None
    connect: bool = False
    options: str = ""
    query: tuple[Parameter, ...] = ()


_EDIT = ("get", "put", "patch")
_EVERY = ("get", "put", "post", "delete", "options", "head", "patch")

SUBRESOURCES: Mapping[str, Subresource] = {
    "status": Subresource(_EDIT),
    "scale": Subresource(_EDIT, ("autoscaling", "v1", "Scale")),
    "resize": Subresource(_EDIT),
    "ephemeralcontainers": Subresource(_EDIT),
    "approval": Subresource(_EDIT),
    "finalize": Subresource(("put",)),
    "binding": Subresource(("post",), ("", "v1", "Binding")),
    "eviction": Subresource(("post",), ("policy", "v1", "Eviction")),
    "token": Subresource(("post",), ("authentication.k8s.io", "v1", "TokenRequest")),
    "log": Subresource(("get",), connect=True, query=parameters.LOG),
    "exec": Subresource(("get", "post"), connect=True, options="ExecOptions", query=parameters.EXEC),
    "attach": Subresource(("get", "post"), connect=True, options="AttachOptions", query=parameters.ATTACH),
    "portforward": Subresource(
        ("get", "post"), connect=True, options="PortForwardOptions", query=parameters.PORT_FORWARD
    ),
    "proxy": Subresource(_EVERY, connect=True, options="ProxyOptions", query=parameters.PROXY),
}
