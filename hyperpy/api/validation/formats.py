"""What is wrong with a text or number of some format: names, ports, keys, paths, addresses. Empty lists mean: nothing.

Source: the API server's message texts (apimachinery `util/validation`), v1.34. Label keys, label values and subdomains
are in `api.names`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from hyperpy.api import names

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_PART = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"({_SYSCTL_PART}[\./])*{_SYSCTL_PART}"

_LABEL_RE = re.compile(_LABEL)
_LABEL_1035_RE = re.compile(_LABEL_1035)
_CONFIG_KEY_RE = re.compile(_CONFIG_KEY)
_ENVIRONMENT_RE = re.compile("[ -<>-~]+")
_HEADER_RE = re.compile(_HEADER)
_PERCENT_RE = re.compile(_PERCENT)
_UNDERSCORED_RE = re.compile(rf"{_UNDERSCORED}(\.{_UNDERSCORED})*")
_SYSCTL_RE = re.compile(_SYSCTL)
_PORT_NAME_RE = re.compile("[-a-z0-9]+")
_LETTER_RE = re.compile("[a-z]")

MAX_ID = 2**32 - 1
FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def dns_label(text: str) -> list[str]:
    """A DNS label of RFC 1123: `my-name`, `123-abc`."""
    problems = _too_long(text, 63)
    if _LABEL_RE.fullmatch(text):
        return problems
    if not names.subdomain_errors(text):
        return [*problems, "must not contain dots"]
    rule = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character"
    )
    return [*problems, _regex(rule, _LABEL, ("my-name", "123-abc"))]


def dns_1035_label(text: str) -> list[str]:
    """A DNS label of RFC 1035, which begins with a letter: `my-name`, `abc-123`."""
    problems = _too_long(text, 63)
    if _LABEL_1035_RE.fullmatch(text):
        return problems
    rule = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character"
    )
    return [*problems, _regex(rule, _LABEL_1035, ("my-name", "abc-123"))]


def underscored_subdomain(text: str) -> list[str]:
    """A DNS subdomain whose labels may hold underscores, as search paths do."""
    problems = _too_long(text, 253)
    if _UNDERSCORED_RE.fullmatch(text):
        return problems
    rule = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
        "start and end with an alphanumeric character"
    )
    return [*problems, _regex(rule, rf"{_UNDERSCORED}(\.{_UNDERSCORED})*", ("example.com",))]


def wildcard_subdomain(text: str) -> list[str]:
    """A DNS subdomain after `*.`: `*.example.com`."""
    problems = _too_long(text, 253)
    if text.startswith("*.") and not names.subdomain_errors(text[2:]):
        return problems
    rule = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
        "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
    )
    return [*problems, _regex(rule, rf"\*\.{_LABEL}(\.{_LABEL})*", ("*.example.com",))]


def path_segment(text: str) -> list[str]:
    """A name that can stand in a URL path: all that RBAC asks of names."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in text]


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap or Secret: it may become a file's name."""
    problems = _too_long(text, 253)
    if not _CONFIG_KEY_RE.fullmatch(text):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(_regex(rule, _CONFIG_KEY, ("key.name", "KEY_NAME", "key-name")))
    if text in (".", ".."):
        problems.append(f"must not be '{text}'")
    elif text.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def environment_name(text: str) -> list[str]:
    """A name of an environment variable (or its prefix): printable ASCII without `=`."""
    if not text:
        return ["environment variable name must be non-empty"]
    if not _ENVIRONMENT_RE.fullmatch(text):
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    return []


def header_name(text: str) -> list[str]:
    """A name of an HTTP header."""
    if _HEADER_RE.fullmatch(text):
        return []
    return [_regex("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, ("X-Header-Name",))]


def percent(text: str) -> list[str]:
    """A percentage such as `25%`."""
    if _PERCENT_RE.fullmatch(text):
        return []
    rule = "a valid percent string must be a numeric string followed by an ending '%'"
    return [_regex(rule, _PERCENT, ("1%", "93%"))]


def sysctl_name(text: str) -> list[str]:
    """A kernel parameter, its parts divided by dots or slashes."""
    if len(text) <= 253 and _SYSCTL_RE.fullmatch(text):
        return []
    return [f"must have at most 253 characters and match regex ^{_SYSCTL}$"]


def port_number(number: int) -> list[str]:
    """1 to 65535."""
    return in_range(number, 1, 65535)


def port_name(text: str) -> list[str]:
    """A service name of RFC 6335: at most 15 characters, a letter among them."""
    problems = _too_long(text, 15)
    if not _PORT_NAME_RE.fullmatch(text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _LETTER_RE.search(text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def port(value: int | str) -> list[str]:
    """The number or the name of a port."""
    return port_name(value) if isinstance(value, str) else port_number(value)


def in_range(number: int, low: int, high: int) -> list[str]:
    """Both bounds belong to the range."""
    return [] if low <= number <= high else [f"must be between {low} and {high}, inclusive"]


def unix_id(number: int) -> list[str]:
    """A user or group number."""
    return in_range(number, 0, MAX_ID)


def relative_path(text: str) -> list[str]:
    """A path that stays below where it begins."""
    problems = ["must be a relative path"] if text.startswith("/") else []
    return problems + no_backsteps(text)


def file_path(text: str) -> list[str]:
    """A relative path whose names are not those that atomic writers use (`..data`)."""
    problems = relative_path(text)
    if text.startswith("..") and not text.startswith("../"):
        problems.append("must not start with '..'")
    return problems


def no_backsteps(text: str) -> list[str]:
    """A path without `..`."""
    return ["must not contain '..'"] if ".." in text.split("/") else []


def address(text: str) -> list[str]:
    """An IP address of either family."""
    if parsed_address(text) is not None:
        return []
    return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def cidr(text: str) -> list[str]:
    """A network in CIDR notation."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    return [] if "/" in text else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def canonical_address(text: str) -> list[str]:
    """An IP address in the one form that stands for it: what names of IPAddresses are."""
    ip = parsed_address(text)
    if ip is None:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return ["must not be an IPv4-mapped IPv6 address"]
    return [] if str(ip) == text else [f'must be in canonical form ("{ip}")']


def canonical_cidr(text: str) -> list[str]:
    """A network in CIDR notation, in the one form that stands for it: no bits beyond the prefix."""
    problems = cidr(text)
    if problems:
        return problems
    network = ipaddress.ip_network(text, strict=False)
    if text.partition("/")[0] != str(network.network_address):
        return [f'must be in canonical form ("{network}")']
    return [] if text == str(network) else [f'must be in canonical form ("{network}")']


def endpoint_address(text: str) -> list[str]:
    """An address that traffic may be sent to: neither unspecified, loopback nor link-local."""
    ip = parsed_address(text)
    if ip is None:
        return ["must be a valid IP address"]
    problems = []
    if ip.is_unspecified:
        problems.append(f"may not be unspecified ({text})")
    if ip.is_loopback:
        problems.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if ip.is_link_local:
        problems.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if any(ip in network for network in _LINK_LOCAL_MULTICAST if network.version == ip.version):
        problems.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return problems


_LINK_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def parsed_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or None when it is none."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if isinstance(ip, ipaddress.IPv6Address) and ip.scope_id else ip


def _too_long(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(text) > limit else []


def _regex(rule: str, pattern: str, examples: Sequence[str]) -> str:
    """The form of all such messages, doubled space included."""
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"
