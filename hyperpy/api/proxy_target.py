"""Which address a proxy request to a pod or service means. Pure.

Source: Kubernetes' `SplitSchemeNamePort`, and the ResourceLocation rules of pods and services.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import errors

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """`[scheme:]name[:port]` of a proxy URL; `port` may be a port's name."""

    scheme: str
    name: str
    port: str


def parse(text: str) -> Reference:
    """Take a reference apart. Raises BadRequest."""
    parts = text.split(":")
    scheme, name, port = "", text, ""
    if len(parts) == 2:
        name, port = parts
    elif len(parts) == 3:
        scheme, name, port = parts
    if not name or len(parts) > 3 or scheme not in ("", "http", "https"):
        raise errors.BadRequest(f'invalid request "{text}": use NAME, NAME:PORT or http|https:NAME:PORT')
    return Reference(scheme or "http", name, port)


def pod_address(pod: Obj, port: str) -> tuple[str, int]:
    """Host and port of a pod; without a port the first one that its containers declare.

    Raises:
        BadRequest: no such port.
        ServiceUnavailable: the pod has no address yet.
    """
    name = pod["metadata"]["name"]
    declared = [entry for container in pod["spec"]["containers"] for entry in container.get("ports") or ()]
    number = _number(port)
    if number is None:
        entry = next((entry for entry in declared if not port or entry.get("name") == port), None)
        if entry is None:
            raise errors.BadRequest(f'pod "{name}" has no port "{port}"' if port else f'pod "{name}" declares no port')
        number = entry["containerPort"]
    host = (pod.get("status") or {}).get("podIP")
    if not host:
        raise errors.ServiceUnavailable(f'pod "{name}" has no address: it is not running yet, or no more')
    _check(host, node=(pod.get("status") or {}).get("hostIP") if pod["spec"].get("hostNetwork") else None)
    return host, number


def service_address(service: Obj, slices: Sequence[Obj], port: str, *, rng: random.Random) -> tuple[str, int]:
    """Host and port of a ready endpoint of a service, any one of them.

    Args:
        slices: the EndpointSlices of the service.
        port: name or number of one of its ports; may be empty when it has only one.
    Raises:
        BadRequest: no such port.
        ServiceUnavailable: no endpoint is ready.
    """
    name = service["metadata"]["name"]
    wanted = _service_port(service, port)
    found: list[tuple[str, int]] = []
    for piece in slices:
        numbers = [entry["port"] for entry in piece.get("ports") or () if (entry.get("name") or "") == wanted]
        for endpoint in piece.get("endpoints") or ():
            if numbers and (endpoint.get("conditions") or {}).get("ready") is not False:
                found += [(address, numbers[0]) for address in endpoint.get("addresses") or ()]
    if not found:
        raise errors.ServiceUnavailable(f'no endpoints available for service "{name}"')
    host, number = rng.choice(found)
    _check(host, node=None)
    return host, number


def _service_port(service: Obj, port: str) -> str:
    """The name of the port that is meant ("" for the nameless port of a service that has one)."""
    ports = service["spec"].get("ports") or []
    if not port and len(ports) == 1:
        return str(ports[0].get("name") or "")
    number = _number(port)
    for entry in ports:
        if (entry.get("name") or "") == port or (number is not None and entry["port"] == number):
            return str(entry.get("name") or "")
    raise errors.BadRequest(f'service "{service["metadata"]["name"]}" has no port "{port}"')


def _number(port: str) -> int | None:
    return int(port) if port.isdecimal() and 0 < int(port) < 65536 else None


def _check(host: str, *, node: str | None) -> None:
    """Refuse addresses by which an object could point this server at itself or at the machine's link."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise errors.BadRequest(f"address not allowed: {host} is not an IP address") from None
    if (address.is_loopback or address.is_link_local or address.is_unspecified) and host != node:
        raise errors.BadRequest(f"address not allowed: {host}")
