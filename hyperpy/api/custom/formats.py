"""The formats of strings that custom kinds may ask for; any other name of a format is ignored.

Source: Kubernetes' documentation, "Validation" (Extend the Kubernetes API with CustomResourceDefinitions), and the
formats of kube-openapi's `strfmt`.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

from hyperpy.api.schema import forms


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


_HEX4 = "[0-9a-fA-F]{4}"
_UUID_HEAD, _UUID_TAIL = f"{_HEX4}{_HEX4}-?{_HEX4}-?", f"-?{_HEX4}{_HEX4}{_HEX4}"
_HOST = _like(
    r"(?=.{1,253}\.?$)([A-Za-z0-9]([-A-Za-z0-9_]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([-A-Za-z0-9_]{0,61}[A-Za-z0-9])?\.?"
)
_DURATION = _like(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*|[-+]?0")
_LONG_DURATION = _like(
    r"\d+\s*(nanoseconds?|ns|microseconds?|us|µs|milliseconds?|ms|milli|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)"
)
_EMAIL = _like(r"[^@\s<>()\[\]\\,;:\"]+@[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?")


def _uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _time(text: str) -> bool:
    try:
        return bool(forms.canonical_micro_time(text.replace("t", "T").replace("z", "Z")))
    except ValueError:
        return False


def _base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _cidr(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text


def _isbn10(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"\d{9}[\dX]", digits):
        return False
    return sum((10 - i) * (10 if char == "X" else int(char)) for i, char in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"\d{13}", digits):
        return False
    return sum(int(char) * (3 if i % 2 else 1) for i, char in enumerate(digits)) % 10 == 0


def _credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [int(char) * (1 + i % 2) for i, char in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _anything(text: str) -> bool:
    return True


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _like("[0-9a-f]{24}"),
    "uri": _uri,
    "email": _EMAIL,
    "hostname": lambda text: bool(_HOST(text)),
    "ipv4": _address(4),
    "ipv6": _address(6),
    "cidr": _cidr,
    "mac": _like(r"([0-9A-Fa-f]{2}[:-]){5,7}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2,3}[0-9A-Fa-f]{4}"),
    "uuid": _like(f"{_UUID_HEAD}{_HEX4}-?{_HEX4}{_UUID_TAIL}"),
    "uuid3": _like(f"{_UUID_HEAD}3[0-9a-fA-F]{{3}}-?{_HEX4}{_UUID_TAIL}"),
    "uuid4": _like(f"{_UUID_HEAD}4[0-9a-fA-F]{{3}}-?[89abAB][0-9a-fA-F]{{3}}{_UUID_TAIL}"),
    "uuid5": _like(f"{_UUID_HEAD}5[0-9a-fA-F]{{3}}-?[89abAB][0-9a-fA-F]{{3}}{_UUID_TAIL}"),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "ssn": _like(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _like("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _like(
        r"rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*(,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*){2}\)"
    ),
    "byte": _base64,
    "password": _anything,
    "date": _date,
    "duration": lambda text: _DURATION(text) or _LONG_DURATION(text),
    "date-time": _time,
    "datetime": _time,
}


def matches(name: str, text: str) -> bool:
    """Whether a text is of a format; true for a format that nobody knows."""
    check = FORMATS.get(name)
    return check is None or check(text)
