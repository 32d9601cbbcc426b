"""Addresses and networks: ip, isIP, ip.isCanonical, cidr, isCIDR and what both can be asked."""

from __future__ import annotations

import ipaddress
from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.types import Type

IP = Type("kubernetes.net.IP")
CIDR = Type("kubernetes.net.CIDR")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
_Value = dict[str, str]


def _parse_address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(
            f"IP Address {_quoted(text)} parse error during conversion from string: ParseAddr({_quoted(text)}): "
            "unable to parse IP"
        ) from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            raise ValueError(f"IP address {_quoted(text)} with zone value is not allowed")
        if address.ipv4_mapped:
            raise ValueError(f"IPv4-mapped IPv6 address {_quoted(text)} is not allowed")
    return address


def _parse_network(text: str) -> Interface:
    address, slash, length = text.partition("/")
    if not slash or not length.isdecimal() or (length != "0" and length.startswith("0")):
        raise ValueError(f"network address parse error during conversion from string: invalid CIDR {_quoted(text)}")
    _parse_address(address)
    try:
        return ipaddress.ip_interface(text)
    except ValueError as error:
        raise ValueError(
            f"network address parse error during conversion from string: invalid CIDR {_quoted(text)}"
        ) from error


def _quoted(text: str) -> str:
    return f'"{text}"'


def _ip(text: str) -> _Value:
    return {TYPE: IP.name, "ip": str(_parse_address(text))}


def _cidr(text: str) -> _Value:
    return {TYPE: CIDR.name, "cidr": str(_parse_network(text))}


def _holds(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _of(value: _Value) -> Address:
    return ipaddress.ip_address(value["ip"])


def _network(value: _Value) -> Interface:
    return ipaddress.ip_interface(value["cidr"])


def _family(value: _Value) -> int:
    return _of(value).version


def _multicast(value: _Value) -> bool:
    address = _of(value)
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.ip_network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02


def _global_unicast(value: _Value) -> bool:
    address = _of(value)
    broadcast = address == ipaddress.ip_address("255.255.255.255")
    return not (
        broadcast or address.is_unspecified or address.is_loopback or address.is_multicast or (address.is_link_local)
    )


def _contains_ip(value: _Value, inner: _Value | str) -> bool:
    address = _parse_address(inner) if isinstance(inner, str) else _of(inner)
    return address in _network(value).network


def _contains_cidr(value: _Value, inner: _Value | str) -> bool:
    network = _network(value).network
    other = _parse_network(inner) if isinstance(inner, str) else _network(inner)
    return other.version == network.version and other.ip in network and other.network.prefixlen >= network.prefixlen


def _masked(value: _Value) -> _Value:
    return {TYPE: CIDR.name, "cidr": str(_network(value).network)}


def _inner_ip(value: _Value) -> _Value:
    return {TYPE: IP.name, "ip": str(_network(value).ip)}


_STRING, _BOOL, _INT = types.STRING, types.BOOL, types.INT
OVERLOADS = (
    Overload("ip", "string_to_ip", (_STRING,), IP, _ip, member=False),
    Overload("isIP", "is_ip", (_STRING,), _BOOL, lambda text: _holds(_parse_address, text), member=False),
    Overload(
        "ip.isCanonical", "ip_is_canonical", (_STRING,), _BOOL,
        lambda text: str(_parse_address(text)) == text, member=False,
    ),
    Overload("string", "ip_to_string", (IP,), _STRING, lambda value: value["ip"], member=False),
    Overload("family", "ip_family", (IP,), _INT, _family),
    Overload("isUnspecified", "ip_is_unspecified", (IP,), _BOOL, lambda value: _of(value).is_unspecified),
    Overload("isLoopback", "ip_is_loopback", (IP,), _BOOL, lambda value: _of(value).is_loopback),
    Overload("isLinkLocalMulticast", "ip_is_link_local_multicast", (IP,), _BOOL, _multicast),
    Overload("isLinkLocalUnicast", "ip_is_link_local_unicast", (IP,), _BOOL, lambda value: _of(value).is_link_local),
    Overload("isGlobalUnicast", "ip_is_global_unicast", (IP,), _BOOL, _global_unicast),
    Overload("cidr", "string_to_cidr", (_STRING,), CIDR, _cidr, member=False),
    Overload("isCIDR", "is_cidr", (_STRING,), _BOOL, lambda text: _holds(_parse_network, text), member=False),
    Overload("string", "cidr_to_string", (CIDR,), _STRING, lambda value: value["cidr"], member=False),
    Overload("containsIP", "cidr_contains_ip_string", (CIDR, _STRING), _BOOL, _contains_ip),
    Overload("containsIP", "cidr_contains_ip_ip", (CIDR, IP), _BOOL, _contains_ip),
    Overload("containsCIDR", "cidr_contains_cidr_string", (CIDR, _STRING), _BOOL, _contains_cidr),
    Overload("containsCIDR", "cidr_contains_cidr", (CIDR, CIDR), _BOOL, _contains_cidr),
    Overload("ip", "cidr_ip", (CIDR,), IP, _inner_ip),
    Overload("masked", "cidr_masked", (CIDR,), CIDR, _masked),
    Overload("prefixLength", "cidr_prefix_length", (CIDR,), _INT, lambda value: _network(value).network.prefixlen),
)  # fmt: skip
