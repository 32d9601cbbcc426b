"""The written forms of values: quantities, times, bytes, ints or strings; each with its canonical form.

An object is stored in canonical form, as Kubernetes answers it: `0.5` becomes `500m`, a time becomes UTC. A form's
`pattern` matches values that are canonical for sure, so that most values are done with one linear regular expression;
`canonical` decides about the others.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hyperpy.api import quantity
from hyperpy.api.schema import definitions

BYTES = "bytes"

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
_NOT_A_TIME = 'must be a time in RFC 3339 form, such as "2006-01-02T15:04:05Z"'
# Values below 1000 with any suffix that cannot overflow, and longer ones that no larger suffix divides.
_CERTAIN_QUANTITY = (
    "^(0|-?([1-9][0-9]{0,2}(Ki|Mi|Gi|Ti|Pi|n|u|m|k|M|G|T|P)?"
    "|[1-9][0-9]{0,11}([1-9][0-9]{2}|0[1-9][0-9]|00[1-9])[num]?"
    "|[1-9][0-9]{0,10}[13579]Ki))$"
)
_CERTAIN_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


@dataclass(frozen=True, slots=True)
class Form:
    """`canonical` returns the value as it is stored, or raises ValueError with the rule it breaks."""

    types: tuple[str, ...]
    pattern: str
    canonical: Callable[[Any], Any]
    empty: Any
    secret: bool = False


def canonical_quantity(value: Any) -> str:
    """`0.5` as `500m`. Raises ValueError."""
    return quantity.canonical(value.strip() if isinstance(value, str) else value)


def canonical_time(value: Any) -> str:
    """A time in UTC to the second. Raises ValueError."""
    return _instant(value).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def canonical_micro_time(value: Any) -> str:
    """A time in UTC to the microsecond. Raises ValueError."""
    return _instant(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def canonical_bytes(value: Any) -> str:
    """Base64 without line breaks. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("must be a string of base64")
    try:
        return base64.b64encode(base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)).decode()
    except (binascii.Error, ValueError) as err:
        raise ValueError(f"must be base64: {err}") from None


def canonical_int_or_string(value: Any) -> int | str:
    """An integer or a string. Raises ValueError."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise ValueError("must be an integer of 32 bits or a string")
    return value


def _instant(value: Any) -> datetime:
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_NOT_A_TIME)
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    fraction, sign, hours, minutes = match.group(7, 8, 9, 10)
    try:
        micros = int(((fraction or "") + "000000")[:6])
        moment = datetime(year, month, day, hour, minute, second, micros)
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return moment.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_NOT_A_TIME) from None


FORMS: dict[str, Form] = {
    definitions.QUANTITY: Form(
        ("string",),
        _CERTAIN_QUANTITY,
        canonical_quantity,
        "0",
    ),
    definitions.TIME: Form(("string",), f"^{_CERTAIN_DATE}Z$", canonical_time, None),
    definitions.MICRO_TIME: Form(("string",), rf"^{_CERTAIN_DATE}\.[0-9]{{6}}Z$", canonical_micro_time, None),
    definitions.INT_OR_STRING: Form(("integer", "string"), "", canonical_int_or_string, 0),
    BYTES: Form(
        ("string",),
        "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        canonical_bytes,
        "",
        secret=True,
    ),
}
