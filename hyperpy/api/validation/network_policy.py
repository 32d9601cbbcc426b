"""Rules of NetworkPolicies, IPAddresses and ServiceCIDRs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_POLICY_TYPES = ("Egress", "Ingress")
_ONE_PER_FAMILY = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def network_policy(obj: Obj) -> Iterator[Cause]:
    """A NetworkPolicy, new or changed."""
    spec = obj.get("spec") or {}
    yield from rules.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                yield from _port(port, f"{path}.ports[{j}]")
            for j, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(peer, f"{path}.{peers}[{j}]")
    types = spec.get("policyTypes") or ()
    if len(types) > len(_POLICY_TYPES):
        yield cause.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for i, each in enumerate(types):
        if each not in _POLICY_TYPES:
            yield cause.not_supported(f"spec.policyTypes[{i}]", each, _POLICY_TYPES)


def _port(port: Obj, path: str) -> Iterator[Cause]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in rules.PROTOCOLS:
        yield cause.not_supported(f"{path}.protocol", protocol, rules.PROTOCOLS)
    if number is None:
        if end is not None:
            yield cause.invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified")
        return
    if isinstance(number, str):
        if end is not None:
            yield cause.invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric")
        yield from rules.formed(f"{path}.port", number, formats.port_name)
        return
    yield from rules.formed(f"{path}.port", number, formats.port_number)
    if end is not None:
        if end < number:
            yield cause.invalid(f"{path}.endPort", end, "must be greater than or equal to `port`")
        yield from rules.formed(f"{path}.endPort", end, formats.port_number)


def _peer(peer: Obj, path: str) -> Iterator[Cause]:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        yield from rules.label_selector(f"{path}.{name}", peer[name])
    block = peer.get("ipBlock")
    if block is not None:
        yield from _block(block, f"{path}.ipBlock")
    if block is None and not selectors:
        yield cause.required(path, "must specify a peer")
    elif block is not None and selectors:
        yield cause.forbidden(path, "may not specify both ipBlock and another peer")


def _block(block: Obj, path: str) -> Iterator[Cause]:
    whole = block.get("cidr") or ""
    if not whole:
        yield cause.required(f"{path}.cidr")
        return
    problems = formats.cidr(whole)
    yield from rules.formed(f"{path}.cidr", whole, formats.cidr)
    for i, part in enumerate(() if problems else block.get("except") or ()):
        place = f"{path}.except[{i}]"
        if formats.cidr(part):
            yield from rules.formed(place, part, formats.cidr)
        elif not _strictly_within(part, whole):
            yield cause.invalid(place, part, "must be a strict subset of `cidr`")


def _strictly_within(part: str, whole: str) -> bool:
    inner, outer = ipaddress.ip_network(part, strict=False), ipaddress.ip_network(whole, strict=False)
    if inner.version != outer.version or inner.prefixlen <= outer.prefixlen:
        return False
    return inner.network_address in outer


def ip_address(obj: Obj) -> Iterator[Cause]:
    """A new IPAddress; its name is checked with the metadata."""
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        yield cause.required("spec.parentRef")
        return
    path = "spec.parentRef"
    yield from rules.optional(f"{path}.group", parent.get("group"), names.subdomain_errors)
    yield from rules.required(f"{path}.resource", parent.get("resource"), formats.path_segment)
    yield from rules.required(f"{path}.name", parent.get("name"), formats.path_segment)
    yield from rules.optional(f"{path}.namespace", parent.get("namespace"), formats.path_segment)


def ip_address_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed IPAddress stays with its parent."""
    now, before = ((each.get("spec") or {}).get("parentRef") for each in (new, old))
    yield from rules.immutable("spec.parentRef", now, before)


def service_cidr(obj: Obj) -> Iterator[Cause]:
    """A new ServiceCIDR: one network, or one of each family."""
    path, blocks = "spec.cidrs", (obj.get("spec") or {}).get("cidrs") or []
    if not blocks:
        yield cause.required(path, "at least one CIDR required")
    elif len(blocks) > 2:
        yield cause.invalid(path, obj["spec"], "may only hold up to 2 values")
    else:
        for i, block in enumerate(blocks):
            yield from rules.formed(f"{path}[{i}]", block, formats.canonical_cidr)
        if len(blocks) == 2 and (":" in blocks[0]) == (":" in blocks[1]):
            yield cause.invalid(path, blocks, _ONE_PER_FAMILY)


def service_cidr_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ServiceCIDR keeps its networks; one of the other family may be added."""
    now, before = ((each.get("spec") or {}).get("cidrs") or [] for each in (new, old))
    kept = now[: len(before)]
    if len(now) == len(before) or (len(before), len(now)) == (1, 2):
        for i, (block, was) in enumerate(zip(kept, before, strict=True)):
            yield from rules.immutable(f"spec.cidrs[{i}]", block, was)
        if len(now) != len(before):
            yield from service_cidr(new)
    else:
        yield cause.invalid("spec.cidrs", now, rules.IMMUTABLE)


RULES = {
    ("networking.k8s.io", "NetworkPolicy"): Rules(network_policy),
    ("networking.k8s.io", "IPAddress"): Rules(ip_address, ip_address_update, whole=False),
    ("networking.k8s.io", "ServiceCIDR"): Rules(service_cidr, service_cidr_update, whole=False),
}
