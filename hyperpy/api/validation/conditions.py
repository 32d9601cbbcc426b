"""Rules of conditions of the form `meta/v1 Condition`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import rules

Obj = dict[str, Any]

_STATES = ("False", "True", "Unknown")
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_RE = re.compile(_REASON)
_MAX_REASON, _MAX_MESSAGE = 1024, 32 * 1024
_REASON_TEXT = (
    f"a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    f"characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or "
    f"'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{_REASON}')"
)


def check(given: Sequence[Obj], path: str) -> Iterator[Cause]:
    """A list of conditions, one of each type."""
    for i, condition in enumerate(given):
        yield from _one(condition, f"{path}[{i}]")
    types = [condition.get("type") for condition in given]
    for i, name in enumerate(types):
        if name in types[:i]:
            yield cause.duplicate(f"{path}[{i}].type", name)


def _one(condition: Obj, path: str) -> Iterator[Cause]:
    if not condition.get("type"):
        yield cause.required(f"{path}.type", "must be set")
    else:
        yield from rules.formed(f"{path}.type", condition["type"], names.qualified_errors)
    if condition.get("status") not in _STATES:
        yield cause.not_supported(f"{path}.status", condition.get("status") or "", _STATES)
    yield from rules.not_negative(condition, path, "observedGeneration")
    if not condition.get("lastTransitionTime"):
        yield cause.required(f"{path}.lastTransitionTime", "must be set")
    reason = condition.get("reason") or ""
    if not reason:
        yield cause.required(f"{path}.reason", "must be set")
    elif not _REASON_RE.fullmatch(reason):
        yield cause.invalid(f"{path}.reason", reason, _REASON_TEXT)
    if len(reason) > _MAX_REASON:
        yield cause.too_long(f"{path}.reason", _MAX_REASON)
    if len(condition.get("message") or "") > _MAX_MESSAGE:
        yield cause.too_long(f"{path}.message", _MAX_MESSAGE)
