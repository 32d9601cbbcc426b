"""Service and EndpointSlices -> listeners with their endpoints. Pure.

Source of the rules: the API reference of Service and EndpointSlice, and "Virtual IPs and Service Proxies" (endpoints
that are ready come first; when there is none, those that still serve while they terminate).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.netproxy.balance import Endpoint

Obj = Mapping[str, Any]

DEFAULT_AFFINITY_S = 10800
_PROTOCOLS = ("TCP", "UDP")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `in_cluster`: inside the node's router namespace; else on the node itself."""

    in_cluster: bool
    protocol: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where connections go, and for how many seconds a client keeps its endpoint (None: no affinity)."""

    endpoints: tuple[Endpoint, ...]
    affinity_s: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of the Service that this proxy does not do: an event's reason and message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one Service needs. An address without endpoints is left out: connecting to it is refused at once."""

    listeners: Mapping[Address, Target]
    refusals: Sequence[Refusal] = ()


def plan(service: Obj, slices: Iterable[Obj], *, node: str, node_addresses: Sequence[str]) -> Plan:
    """The listeners of a Service on a node.

    Args:
        service: the Service.
        slices: its EndpointSlices.
        node: the name of this node, for the Local traffic policies.
        node_addresses: where NodePorts listen.
    """
    spec = service.get("spec") or {}
    listeners: dict[Address, Target] = {}
    refusals: list[Refusal] = []
    if spec.get("type") == "ExternalName":
        return Plan({})
    slices = list(slices)
    affinity_s = _affinity(spec)
    cluster_ip = spec.get("clusterIP") or "None"
    if spec.get("externalIPs"):
        refusals.append(Refusal("UnsupportedField", "spec.externalIPs is not supported by this service proxy"))
    for port in spec.get("ports") or ():
        protocol = port.get("protocol") or "TCP"
        if protocol not in _PROTOCOLS:
            refusals.append(
                Refusal("UnsupportedProtocol", f"protocol {protocol} of port {port['port']} is not supported")
            )
            continue
        endpoints = _endpoints(slices, port_name=port.get("name") or "", protocol=protocol)
        if cluster_ip != "None":
            inner = _allowed(endpoints, spec.get("internalTrafficPolicy"), node)
            if inner:
                listeners[Address(True, protocol, cluster_ip, port["port"])] = Target(inner, affinity_s)
        if port.get("nodePort"):
            outer = _allowed(endpoints, spec.get("externalTrafficPolicy"), node)
            for host in node_addresses if outer else ():
                listeners[Address(False, protocol, host, port["nodePort"])] = Target(outer, affinity_s)
    return Plan(listeners, refusals)


@dataclass(frozen=True, slots=True)
class _Backend:
    endpoint: Endpoint
    node: str | None
    ready: bool


def _affinity(spec: Obj) -> int | None:
    if spec.get("sessionAffinity") != "ClientIP":
        return None
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds") or DEFAULT_AFFINITY_S)


def _endpoints(slices: Iterable[Obj], *, port_name: str, protocol: str) -> list[_Backend]:
    found: dict[Endpoint, _Backend] = {}
    for part in slices:
        if part.get("addressType") == "FQDN":
            continue
        for port in part.get("ports") or ():
            if (port.get("name") or "") != port_name or (port.get("protocol") or "TCP") != protocol:
                continue
            if not port.get("port"):
                continue
            for endpoint in part.get("endpoints") or ():
                conditions = endpoint.get("conditions") or {}
                ready = conditions.get("ready") is not False
                if not ready and not conditions.get("serving"):
                    continue
                where = Endpoint(endpoint["addresses"][0], port["port"])
                found[where] = _Backend(where, endpoint.get("nodeName"), ready)
    return [found[where] for where in sorted(found)]


def _allowed(backends: Sequence[_Backend], policy: str | None, node: str) -> tuple[Endpoint, ...]:
    near = [backend for backend in backends if policy != "Local" or backend.node == node]
    ready = [backend for backend in near if backend.ready]
    return tuple(backend.endpoint for backend in ready or near)
