"""Rules of Endpoints and EndpointSlices: addresses that traffic can go to, ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.rules import Problems

Obj = dict[str, Any]

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_HINTS = 8
_MAX_ENDPOINTS, _MAX_PORTS, _MAX_ADDRESSES = 1000, 20000, 100


def endpoints(obj: Obj) -> Iterator[Cause]:
    """Endpoints, new or changed."""
    for i, subset in enumerate(obj.get("subsets") or ()):
        path = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield cause.required(path, "must specify `addresses` or `notReadyAddresses`")
        for field in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(field) or ()):
                yield from _address(address, f"{path}.{field}[{j}]")
        ports = subset.get("ports") or ()
        for j, port in enumerate(ports):
            place = f"{path}.ports[{j}]"
            if len(ports) > 1 and not port.get("name"):
                yield cause.required(f"{place}.name")
            yield from rules.formed(f"{place}.port", port.get("port") or 0, formats.port_number)
            yield from _port(port, place)


def endpoint_slice(obj: Obj) -> Iterator[Cause]:
    """An EndpointSlice, new or changed."""
    kind = obj.get("addressType")
    yield from rules.one_of("addressType", kind, _ADDRESS_TYPES)
    given, ports = obj.get("endpoints") or (), obj.get("ports") or ()
    if len(given) > _MAX_ENDPOINTS:
        yield cause.too_many("endpoints", len(given), _MAX_ENDPOINTS)
    else:
        for i, endpoint in enumerate(given):
            yield from _endpoint(endpoint, f"endpoints[{i}]", kind=kind or "")
    if len(ports) > _MAX_PORTS:
        yield cause.too_many("ports", len(ports), _MAX_PORTS)
        return
    for i, port in enumerate(ports):
        if port.get("port") is not None:
            yield from rules.formed(f"ports[{i}].port", port["port"], formats.port_number)
        yield from _port(port, f"ports[{i}]")
    yield from _repeated_names(ports)


def endpoint_slice_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed EndpointSlice keeps its family."""
    yield from rules.immutable("addressType", new.get("addressType"), old.get("addressType"))


def _address(address: Obj, path: str) -> Iterator[Cause]:
    ip = address.get("ip") or ""
    problems = list(rules.formed(f"{path}.ip", ip, formats.address))
    yield from problems or rules.formed(f"{path}.ip", ip, formats.endpoint_address)
    yield from rules.optional(f"{path}.hostname", address.get("hostname"), formats.dns_label)
    yield from rules.optional(f"{path}.nodeName", address.get("nodeName"), names.subdomain_errors)


def _port(port: Obj, path: str) -> Iterator[Cause]:
    yield from rules.optional(f"{path}.name", port.get("name"), formats.dns_label)
    yield from rules.one_of(f"{path}.protocol", port.get("protocol"), rules.PROTOCOLS)
    yield from rules.optional(f"{path}.appProtocol", port.get("appProtocol"), names.qualified_errors)


def _repeated_names(ports: Sequence[Obj]) -> Iterator[Cause]:
    """A slice's ports differ by name, and the empty name is one."""
    seen = set()
    for i, port in enumerate(ports):
        name = port.get("name") or ""
        if name in seen:
            yield cause.duplicate(f"ports[{i}].name", name)
        seen.add(name)


def _endpoint(endpoint: Obj, path: str, *, kind: str) -> Iterator[Cause]:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield cause.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > _MAX_ADDRESSES:
        yield cause.too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES)
    for i, address in enumerate(addresses):
        place = f"{path}.addresses[{i}]"
        if kind == "FQDN":
            yield from _domain(address, place)
        elif kind in ("IPv4", "IPv6"):
            parsed = formats.parsed_address(address)
            wanted = ipaddress.IPv4Address if kind == "IPv4" else ipaddress.IPv6Address
            if not isinstance(parsed, wanted):
                yield cause.invalid(place, address, f"must be a valid {kind} address")
            else:
                yield from rules.formed(place, address, formats.endpoint_address)
    yield from rules.labels(f"{path}.deprecatedTopology", endpoint.get("deprecatedTopology"))
    yield from rules.optional(f"{path}.hostname", endpoint.get("hostname"), formats.dns_label)
    yield from rules.optional(f"{path}.nodeName", endpoint.get("nodeName"), names.subdomain_errors)
    hints = endpoint.get("hints") or {}
    yield from _hints(hints.get("forZones") or (), f"{path}.hints.forZones", names.label_value_errors)
    yield from _hints(hints.get("forNodes") or (), f"{path}.hints.forNodes", names.subdomain_errors)


def _hints(hints: Sequence[Obj], path: str, problems: Problems) -> Iterator[Cause]:
    """Zones or nodes that an endpoint is meant for: few, each once."""
    if len(hints) > _MAX_HINTS:
        yield cause.too_many(path, len(hints), _MAX_HINTS)
        return
    yield from rules.unique(path, [hint.get("name") or "" for hint in hints], field="name")
    for i, hint in enumerate(hints):
        yield from rules.formed(f"{path}[{i}].name", hint.get("name") or "", problems)


def _domain(name: str, path: str) -> Iterator[Cause]:
    plain = name.removesuffix(".")
    problems = names.subdomain_errors(plain)
    if problems:
        yield cause.invalid(path, plain, ",".join(problems))
    elif "." not in plain:
        yield cause.invalid(path, plain, "should be a domain with at least two segments separated by dots")
