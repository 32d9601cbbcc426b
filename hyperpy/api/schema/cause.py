"""A Cause: one thing that is wrong with an object, at one field.

Source of the reasons and message forms: apimachinery's field errors, as `Status.details.causes` carries them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REQUIRED = "FieldValueRequired"
INVALID = "FieldValueInvalid"
TYPE_INVALID = "FieldValueTypeInvalid"
NOT_SUPPORTED = "FieldValueNotSupported"
DUPLICATE = "FieldValueDuplicate"
FORBIDDEN = "FieldValueForbidden"
NOT_FOUND = "FieldValueNotFound"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"


@dataclass(frozen=True, slots=True)
class Cause:
    """`field` is a path such as `spec.containers[0].name`; `message` does not repeat it."""

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def detail(self) -> dict[str, str]:
        """As an entry of `Status.details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def required(field: str, detail: str = "") -> Cause:
    """The field must have a value."""
    return Cause(field, REQUIRED, _with("Required value", detail))


def invalid(field: str, value: Any, detail: str) -> Cause:
    """The value breaks a rule that `detail` states."""
    return Cause(field, INVALID, _with(f"Invalid value: {shown(value)}", detail))


def wrong(field: str, detail: str) -> Cause:
    """As `invalid`, for a rule about more than one value: none is shown."""
    return Cause(field, INVALID, f"Invalid value: {detail}")


def type_invalid(field: str, value: Any, detail: str) -> Cause:
    """The value is of another JSON type than the field's."""
    return Cause(field, TYPE_INVALID, _with(f"Invalid value: {shown(value)}", detail))


def not_supported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """The value is none of the ones that are named; a sequence keeps its order, sets are sorted."""
    ordered = supported if isinstance(supported, tuple | list) else sorted(supported)
    names = ", ".join(map(json.dumps, ordered))
    return Cause(field, NOT_SUPPORTED, f"Unsupported value: {shown(value)}: supported values: {names}")


def duplicate(field: str, value: Any) -> Cause:
    """The value must be unique in its list and is not."""
    return Cause(field, DUPLICATE, f"Duplicate value: {shown(value)}")


def forbidden(field: str, detail: str) -> Cause:
    """The field may not be set, or not be changed, here."""
    return Cause(field, FORBIDDEN, _with("Forbidden", detail))


def not_found(field: str, value: Any) -> Cause:
    """The value names something that is not there."""
    return Cause(field, NOT_FOUND, f"Not found: {shown(value)}")


def too_long(field: str, limit: int) -> Cause:
    """More bytes than allowed."""
    return Cause(field, TOO_LONG, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> Cause:
    """More items than allowed."""
    return Cause(field, TOO_MANY, f"Too many: {count}: must have at most {limit} items")


def shown(value: Any) -> str:
    """A value as messages quote it: JSON, which is also how Go writes plain strings and numbers."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _with(message: str, detail: str) -> str:
    return f"{message}: {detail}" if detail else message
