"""Quantities such as `100m`, `1.5Gi` or `1e3`: parse, round, compare and write them in Kubernetes' canonical form.

Source: the API reference, "Quantity". Values are kept to nano precision (rounded away from zero) and capped at 2^63-1.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from functools import lru_cache

Value = str | int | float

_WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_WRONG_NUMBER = "unable to parse numeric part of quantity"
_WRONG_SUFFIX = "unable to parse quantity's suffix"

_SHAPE = re.compile(r"([+-]?)([0-9]*)(\.[0-9]*)?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[eE][+-]?[0-9]+", re.ASCII)
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BY_EXPONENT = {exponent: suffix for suffix, exponent in _DECIMAL_SUFFIXES.items()}
_BY_POWER = {power: suffix for suffix, power in _BINARY_SUFFIXES.items()}

_CAP = Decimal(2**63 - 1)
_NANO = Decimal("1e-9")
_EXACT = decimal.Context(prec=400, rounding=decimal.ROUND_UP, Emax=100_000, Emin=-100_000)
_LARGEST_EXPONENT = 400


def parse(value: Value) -> Decimal:
    """The exact number a quantity stands for.

    Args:
        value: the quantity as objects carry it: a string, or a JSON number.
    Raises:
        ValueError: with the API server's own message.
    """
    return _parse(_text(value))[0]


def to_millis(value: Value) -> int:
    """Thousandths, rounded up: `0.5` is 500. The unit of CPU arithmetic."""
    return _to_millis(_text(value))


def to_int(value: Value) -> int:
    """Whole units, rounded up: `1Ki` is 1024. The unit of memory and counts."""
    return _to_int(_text(value))


def canonical(value: Value) -> str:
    """The form the API server answers with: `0.5` is `500m`, `1024Ki` is `1Mi`, `1000` is `1k`."""
    return _canonical(_text(value))


def compare(left: Value, right: Value) -> int:
    """-1, 0 or 1, as left is below, equal to or above right."""
    a, b = parse(left), parse(right)
    return (a > b) - (a < b)


def add(left: Value, right: Value) -> str:
    """The canonical sum, in the format of `left` (of `right` when left is zero)."""
    a, b = _parse(_text(left)), _parse(_text(right))
    return _write(_EXACT.add(a[0], b[0]), b[1] if not a[0] else a[1])


def from_millis(millis: int) -> str:
    """The canonical decimal quantity of so many thousandths: 1500 is `1500m`, 2000 is `2`."""
    return _write(Decimal(millis).scaleb(-3, _EXACT), "decimal")


def from_int(units: int, *, binary: bool = False) -> str:
    """The canonical quantity of so many units; with `binary` in powers of 1024 where that is exact."""
    return _write(Decimal(units), "binary" if binary else "decimal")


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_WRONG_FORMAT)
    return str(value)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Decimal, str]:
    """The number and the format it was written in: decimal, binary or exponent."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or not text:
        raise ValueError(_WRONG_FORMAT)
    sign, whole, fraction, suffix = shape.groups()
    digits = whole + (fraction or "")
    if digits in ("", "."):
        raise ValueError(_WRONG_NUMBER)
    exponent, power, style = _scale_of(suffix)
    number = _EXACT.create_decimal(sign + digits).scaleb(exponent, _EXACT)
    return _bounded(_EXACT.multiply(number, Decimal(2**power))), style


def _scale_of(suffix: str) -> tuple[int, int, str]:
    """A suffix as (power of ten, power of two, format)."""
    if suffix in _DECIMAL_SUFFIXES:
        return _DECIMAL_SUFFIXES[suffix], 0, "decimal"
    if suffix in _BINARY_SUFFIXES:
        return 0, _BINARY_SUFFIXES[suffix], "binary"
    if _EXPONENT.fullmatch(suffix):
        exponent = int(suffix[1:])
        return max(-_LARGEST_EXPONENT, min(_LARGEST_EXPONENT, exponent)), 0, "exponent"
    raise ValueError(_WRONG_SUFFIX)


def _bounded(number: Decimal) -> Decimal:
    """Nano precision, rounded away from zero; never beyond 64 bits."""
    if abs(number) >= _CAP:
        return _CAP if number > 0 else -_CAP
    return number.quantize(_NANO, decimal.ROUND_UP, _EXACT)


@lru_cache(maxsize=4096)
def _to_millis(text: str) -> int:
    return int(_parse(text)[0].scaleb(3, _EXACT).to_integral_value(decimal.ROUND_CEILING))


@lru_cache(maxsize=4096)
def _to_int(text: str) -> int:
    return int(_parse(text)[0].to_integral_value(decimal.ROUND_CEILING))


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    return _write(*_parse(text))


def _write(number: Decimal, style: str) -> str:
    if not number:
        return "0"
    whole = int(number)
    if style == "binary" and whole == number and abs(whole) >= 1024:
        return _write_binary(whole)
    return _write_decimal(number, style)


def _write_binary(whole: int) -> str:
    power = 0
    while power < 60 and whole % 1024 == 0:
        whole, power = whole // 1024, power + 10
    return f"{whole}{_BY_POWER.get(power, '')}"


def _write_decimal(number: Decimal, style: str) -> str:
    """The largest exponent, in steps of three, that leaves no fraction."""
    units, exponent = int(number.scaleb(9, _EXACT)), -9
    while exponent < 18 and units % 1000 == 0:
        units, exponent = units // 1000, exponent + 3
    if style == "exponent":
        return f"{units}e{exponent}" if exponent else str(units)
    return f"{units}{_BY_EXPONENT[exponent]}"
