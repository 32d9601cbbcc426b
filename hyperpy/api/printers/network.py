"""Rows of Services, Endpoints and EndpointSlices."""

from __future__ import annotations

from typing import Any

from hyperpy.api.printers.columns import AGE, NAME, NONE, UNSET, Column, Obj, Printer, labels_text, listed, wide
from hyperpy.api.printers.durations import age

_SERVICE = (
    NAME,
    Column("Type", "How the service is exposed."),
    Column("Cluster-IP", "Its address within the cluster."),
    Column("External-IP", "Its addresses from outside."),
    Column("Port(s)", "Its ports; after a colon the port on every node."),
    AGE,
    wide("Selector", "The pods it sends traffic to."),
)
_ENDPOINTS = (NAME, Column("Endpoints", "Addresses and ports that are ready."), AGE)
_SLICE = (
    NAME,
    Column("AddressType", "IPv4, IPv6 or FQDN."),
    Column("Ports", "Ports of every endpoint."),
    Column("Endpoints", "Addresses."),
    AGE,
)
_SHOWN = 3


def _service(service: Obj, now: float) -> list[Any]:
    spec, meta = service.get("spec") or {}, service["metadata"]
    kind = spec.get("type") or "ClusterIP"
    return [
        meta.get("name", ""),
        kind,
        (spec.get("clusterIPs") or [spec.get("clusterIP")])[0] or NONE,
        _external(kind, spec, service.get("status") or {}),
        ",".join(map(_service_port, spec.get("ports") or ())) or NONE,
        age(meta.get("creationTimestamp"), now=now),
        labels_text(spec.get("selector")),
    ]


def _external(kind: str, spec: Obj, status: Obj) -> str:
    if kind == "ExternalName":
        return spec.get("externalName") or NONE
    addresses = list(spec.get("externalIPs") or ())
    if kind != "LoadBalancer":
        return ",".join(addresses) or NONE
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join([entry.get("ip") or entry.get("hostname") or "" for entry in ingress] + addresses) or "<pending>"


def _service_port(port: Obj) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol') or 'TCP'}"


def _endpoints(endpoints: Obj, now: float) -> list[Any]:
    meta = endpoints["metadata"]
    return [
        meta.get("name", ""),
        endpoints_text(endpoints.get("subsets") or ()),
        age(meta.get("creationTimestamp"), now=now),
    ]


def endpoints_text(subsets: Any) -> str:
    """The first ready addresses of the subsets of an Endpoints object, with their ports."""
    found: list[str] = []
    for subset in subsets:
        addresses = [_host(address["ip"]) for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        found += addresses if not ports else [f"{ip}:{port['port']}" for port in ports for ip in addresses]
    return listed(found, limit=_SHOWN) or NONE


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _slice(slice_: Obj, now: float) -> list[Any]:
    meta = slice_["metadata"]
    ports = [str(port.get("port") or "*") for port in slice_.get("ports") or ()]
    addresses = [address for endpoint in slice_.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [
        meta.get("name", ""),
        slice_.get("addressType", ""),
        listed(ports, limit=_SHOWN) or UNSET,
        listed(addresses, limit=_SHOWN) or UNSET,
        age(meta.get("creationTimestamp"), now=now),
    ]


PRINTERS = {
    ("", "services"): Printer(_SERVICE, _service),
    ("", "endpoints"): Printer(_ENDPOINTS, _endpoints),
    ("discovery.k8s.io", "endpointslices"): Printer(_SLICE, _slice),
}
