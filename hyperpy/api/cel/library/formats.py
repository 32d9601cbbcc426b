"""Named formats: format.named, format.dns1123Label(), ..., and validate."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Callable
from typing import Any

from hyperpy.api import names
from hyperpy.api.cel import types
from hyperpy.api.cel.library import url
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.types import Type
from hyperpy.api.validation import formats

FORMAT = Type("kubernetes.NamedFormat")
_OPTIONAL = "optional"

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([zZ]|[+-]\d{2}:\d{2})", re.ASCII)

Check = Callable[[str], list[str]]


def _prefix(check: Check) -> Check:
    """A name that something is to be appended to may end in a dash."""
    return lambda text: check(f"{text[:-1]}a" if len(text) > 1 and text.endswith("-") else text)


def _uri(text: str) -> list[str]:
    wrong = url.problem(text)
    return [wrong] if wrong else []


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ["invalid base64"]
    return [] if text else ["invalid base64"]


def _date(text: str) -> list[str]:
    try:
        datetime.datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return ["invalid date"]
    return [] if len(text) == 10 else ["invalid date"]


def _datetime(text: str) -> list[str]:
    try:
        datetime.datetime.fromisoformat(text.upper())
    except ValueError:
        return ["invalid datetime"]
    return [] if _TIME.fullmatch(text) else ["invalid datetime"]


def _uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


_CHECKS: dict[str, Check] = {
    "dns1123Label": formats.dns_label,
    "dns1123Subdomain": names.subdomain_errors,
    "dns1035Label": formats.dns_1035_label,
    "qualifiedName": names.qualified_errors,
    "dns1123LabelPrefix": _prefix(formats.dns_label),
    "dns1123SubdomainPrefix": _prefix(names.subdomain_errors),
    "dns1035LabelPrefix": _prefix(formats.dns_1035_label),
    "labelValue": names.label_value_errors,
    "uri": _uri,
    "uuid": _uuid,
    "byte": _byte,
    "date": _date,
    "datetime": _datetime,
}


def _format(name: str) -> dict[str, Any]:
    return {TYPE: FORMAT.name, "name": name}


def _named(name: str) -> dict[str, Any]:
    return {TYPE: _OPTIONAL, "value": _format(name)} if name in _CHECKS else {TYPE: _OPTIONAL}


def _validate(value: dict[str, Any], text: str) -> dict[str, Any]:
    problems = _CHECKS[value["name"]](text)
    return {TYPE: _OPTIONAL, "value": problems} if problems else {TYPE: _OPTIONAL}


def _value(optional: dict[str, Any]) -> Any:
    if "value" not in optional:
        raise ValueError("optional.none() dereference")
    return optional["value"]


def _constant(name: str) -> Overload:
    return Overload(f"format.{name}", f"format.{name}", (), FORMAT, lambda: _format(name), member=False)


_MAP, _LIST = types.map_of(types.DYN), types.list_of(types.STRING)
OVERLOADS = (
    *(_constant(name) for name in _CHECKS),
    Overload("format.named", "format-named", (types.STRING,), types.optional(FORMAT), _named, member=False),
    Overload("validate", "format-validate", (FORMAT, types.STRING), types.optional(_LIST), _validate),
    # Functions cannot make optional values: these stand for the runtime's, on what `named` and `validate` return.
    # (`orValue` is no function to the runtime and so cannot be given code.)
    Overload("hasValue", "map_has_value", (_MAP,), types.BOOL, lambda optional: "value" in optional, checked=False),
    Overload("value", "map_value", (_MAP,), types.DYN, _value, checked=False),
)
