"""What the API server's decoder does with findings: mend what is only written differently, blame the rest.

Source: apimachinery's JSON serializer: null is the zero value, unknown fields are dropped and named, quantities, times
and bytes are read and later written in their canonical form, everything else of a wrong type is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hyperpy.api.schema import cause, path
from hyperpy.api.schema.cause import Cause
from hyperpy.api.schema.checker import Finding
from hyperpy.api.schema.forms import FORMS

_ZERO: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the last step of a path out of the object."""

    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Replace:
    """Put a value at a path."""

    path: tuple[str | int, ...]
    value: Any


Mend = Drop | Replace


@dataclass(frozen=True, slots=True)
class Decoded:
    """`causes`: what cannot be read. `unknown`: paths of fields that the kind does not have. `mends`: for `apply`.
    `mistyped`: where the causes are that a value is of another JSON type, and the values.
    """

    causes: tuple[Cause, ...] = ()
    unknown: tuple[str, ...] = ()
    mends: tuple[Mend, ...] = ()
    mistyped: tuple[tuple[tuple[str | int, ...], Any], ...] = ()


CLEAN = Decoded()


def judge(obj: Any, findings: Iterable[Finding]) -> Decoded:
    """Sort findings into errors, unknown fields and mends; `obj` is not changed."""
    causes: list[Cause] = []
    unknown: list[str] = []
    mends: list[Mend] = []
    mistyped: list[tuple[tuple[str | int, ...], Any]] = []
    for finding in findings:
        if finding.rule == "additionalProperties":
            unknown += [path.dotted((*finding.path, name)) for name in finding.detail]
            mends += [Drop((*finding.path, name)) for name in finding.detail]
            continue
        value = _value_at(obj, finding.path)
        verdict = _judge_null(finding) if value is None and finding.path else _judge_value(finding, value)
        if isinstance(verdict, Cause):
            causes.append(verdict)
            if verdict.reason == cause.TYPE_INVALID:
                mistyped.append((finding.path, value))
        elif verdict is not None:
            mends.append(verdict)
    return Decoded(tuple(causes), tuple(unknown), tuple(mends), tuple(mistyped))


def apply(obj: Any, mends: Iterable[Mend]) -> None:
    """Carry out mends, in place."""
    for mend in mends:
        parent = _value_at(obj, mend.path[:-1])
        if isinstance(mend, Replace):
            parent[mend.path[-1]] = mend.value
        else:
            del parent[mend.path[-1]]


def _judge_null(finding: Finding) -> Mend | Cause:
    """A null member is an absent one; in a list or a map it stands for the zero value of its kind."""
    if not (isinstance(finding.path[-1], int) or _is_map_value(finding)):
        return Drop(finding.path)
    form = FORMS.get(finding.owner)
    if form is not None and form.empty is None:
        return cause.required(path.text(finding.path))
    wanted = finding.detail[0]
    zero = form.empty if form else {} if wanted == "object" else [] if wanted == "array" else _ZERO[wanted]
    return Replace(finding.path, zero)


def _is_map_value(finding: Finding) -> bool:
    """The schema was reached by `additionalProperties`, directly or through one reference."""
    steps = finding.schema[:-1]
    return bool(steps) and (steps[-1] == "additionalProperties" or steps[-2:] == ("additionalProperties", "$ref"))


def _judge_value(finding: Finding, value: Any) -> Mend | Cause | None:
    field = path.text(finding.path)
    form = FORMS.get(finding.owner)
    if form is not None:
        try:
            canonical = form.canonical(value)
        except ValueError as err:
            return (
                Cause(field, cause.INVALID, f"Invalid value: {err}")
                if form.secret
                else cause.invalid(field, value, str(err))
            )
        return Replace(finding.path, canonical) if canonical != value or type(canonical) is not type(value) else None
    return _blame(finding, field or "<root>", value)


def _blame(finding: Finding, field: str, value: Any) -> Cause:
    """The cause in the words of Kubernetes' schema validation."""
    if finding.rule == "type":
        wanted = " or ".join(finding.detail)
        return cause.type_invalid(
            field, _type_of(value), f"{field} in body must be of type {wanted}: {cause.shown(_type_of(value))}"
        )
    word = "greater" if finding.rule == "minimum" else "less"
    return cause.invalid(field, value, f"{field} in body should be {word} than or equal to {finding.detail}")


def _type_of(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _value_at(obj: Any, steps: Iterable[str | int]) -> Any:
    for step in steps:
        obj = obj[step]
    return obj
