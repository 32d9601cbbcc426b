"""Quantities: quantity, isQuantity, sign, isInteger, asInteger, asApproximateFloat, add, sub, comparisons."""

from __future__ import annotations

from decimal import Decimal

from hyperpy.api import quantity
from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.types import Type

QUANTITY = Type("kubernetes.Quantity")
_LARGEST = 2**63 - 1

_Value = dict[str, str]


def _quantity(text: str) -> _Value:
    number = quantity.parse(text)
    return _value(number)


def _value(number: Decimal) -> _Value:
    """Kept as the plain number, so that two ways to write one amount are equal."""
    text = format(number, "f")
    return {TYPE: QUANTITY.name, "number": text.rstrip("0").rstrip(".") if "." in text else text}


def _number(value: _Value) -> Decimal:
    return Decimal(value["number"])


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except ValueError:
        return False
    return True


def _sign(value: _Value) -> int:
    number = _number(value)
    return (number > 0) - (number < 0)


def _is_integer(value: _Value) -> bool:
    number = _number(value)
    return number == number.to_integral_value() and abs(number) <= _LARGEST


def _as_integer(value: _Value) -> int:
    if not _is_integer(value):
        raise ValueError("cannot convert value to integer")
    return int(_number(value))


def _compare(a: _Value, b: _Value) -> int:
    left, right = _number(a), _number(b)
    return (left > right) - (left < right)


def _add(a: _Value, b: _Value | int) -> _Value:
    return _value(_number(a) + (b if isinstance(b, int) else _number(b)))


def _sub(a: _Value, b: _Value | int) -> _Value:
    return _value(_number(a) - (b if isinstance(b, int) else _number(b)))


_Q = QUANTITY
OVERLOADS = (
    Overload("quantity", "string_to_quantity", (types.STRING,), _Q, _quantity, member=False),
    Overload("isQuantity", "is_quantity_string", (types.STRING,), types.BOOL, _is_quantity, member=False),
    Overload("sign", "quantity_sign", (_Q,), types.INT, _sign),
    Overload("isInteger", "quantity_is_integer", (_Q,), types.BOOL, _is_integer),
    Overload("asInteger", "quantity_as_integer", (_Q,), types.INT, _as_integer),
    Overload("asApproximateFloat", "quantity_as_float", (_Q,), types.DOUBLE, lambda value: float(_number(value))),
    Overload("isGreaterThan", "quantity_is_greater_than", (_Q, _Q), types.BOOL, lambda a, b: _compare(a, b) > 0),
    Overload("isLessThan", "quantity_is_less_than", (_Q, _Q), types.BOOL, lambda a, b: _compare(a, b) < 0),
    Overload("compareTo", "quantity_compare_to", (_Q, _Q), types.INT, _compare),
    Overload("add", "quantity_add", (_Q, _Q), _Q, _add),
    Overload("add", "quantity_add_int", (_Q, types.INT), _Q, _add),
    Overload("sub", "quantity_sub", (_Q, _Q), _Q, _sub),
    Overload("sub", "quantity_sub_int", (_Q, types.INT), _Q, _sub),
)
