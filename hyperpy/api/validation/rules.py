"""Rules that many fields share, each yielding the causes of a value that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats
from hyperpy.api.validation.equality import same

Obj = Mapping[str, Any]
Problems = Callable[[Any], list[str]]

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
IMMUTABLE = "field is immutable"
PROTOCOLS = ("SCTP", "TCP", "UDP")


def formed(path: str, value: Any, problems: Problems) -> Iterator[Cause]:
    """The value has a format; see `formats`."""
    for problem in problems(value):
        yield cause.invalid(path, value, problem)


def required(path: str, value: Any, problems: Problems | None = None) -> Iterator[Cause]:
    """The value is there and, where `problems` is given, has that format."""
    if value is None or value == "":
        yield cause.required(path)
    elif problems is not None:
        yield from formed(path, value, problems)


def optional(path: str, value: Any, problems: Problems) -> Iterator[Cause]:
    """The value has a format if it is there."""
    if value is not None and value != "":
        yield from formed(path, value, problems)


def not_negative(obj: Obj, path: str, *fields: str) -> Iterator[Cause]:
    """Numbers of an object that are zero or more where they are given."""
    for field in fields:
        value = obj.get(field)
        if value is not None and value < 0:
            yield cause.invalid(f"{path}.{field}", value, NEGATIVE)


def one_of(path: str, value: str | None, supported: Collection[str]) -> Iterator[Cause]:
    """The value is there and one of those named."""
    if not value:
        yield cause.required(path)
    elif value not in supported:
        yield cause.not_supported(path, value, supported)


def labels(path: str, given: Mapping[str, str] | None) -> Iterator[Cause]:
    """Keys and values of labels."""
    for key, value in (given or {}).items():
        for problem in _key_problems(key):
            yield cause.invalid(path, key, problem)
        for problem in names.label_value_errors(value):
            yield cause.invalid(path, value, problem)


@lru_cache(maxsize=4096)
def _key_problems(key: str) -> tuple[str, ...]:
    """Kept, because a cluster has few label keys and every write shows them again."""
    return tuple(names.qualified_errors(key))


def label_selector(path: str, selector: Obj | None) -> Iterator[Cause]:
    """A LabelSelector's labels and expressions; None is fine."""
    if selector is None:
        return
    yield from labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for i, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _expression(f"{path}.matchExpressions[{i}]", expression)


def _expression(path: str, expression: Obj) -> Iterator[Cause]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield cause.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield cause.forbidden(
                f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
    else:
        yield cause.invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from formed(f"{path}.key", expression.get("key") or "", names.qualified_errors)
    for i, value in enumerate(values):
        yield from formed(f"{path}.values[{i}]", value, names.label_value_errors)


def immutable(path: str, new: Any, old: Any) -> Iterator[Cause]:
    """The value stays as it was."""
    if not same(new, old):
        yield cause.invalid(path, new, IMMUTABLE)


def file_mode(path: str, mode: int | None) -> Iterator[Cause]:
    """Permission bits of a file, where they are given."""
    if mode is not None and not 0 <= mode <= 0o777:
        yield cause.invalid(path, mode, formats.FILE_MODE)


def unique(path: str, values: Sequence[Any], *, field: str = "") -> Iterator[Cause]:
    """No value stands twice in a list; with `field`, the values are those of that field of the items."""
    seen = set()
    for i, value in enumerate(values):
        if value in seen:
            yield cause.duplicate(f"{path}[{i}].{field}" if field else f"{path}[{i}]", value)
        elif value:
            seen.add(value)


def counts(obj: Obj, path: str, *pairs: tuple[str, str, str]) -> Iterator[Cause]:
    """Counts that cannot exceed other counts: (smaller, larger, message)."""
    for smaller, larger, message in pairs:
        if (obj.get(smaller) or 0) > (obj.get(larger) or 0):
            yield cause.invalid(f"{path}.{smaller}", obj.get(smaller) or 0, message)
