"""Semantic versions: semver, isSemver, major, minor, patch, comparisons. Source: semver.org, 2.0.0."""

from __future__ import annotations

import re
from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import TYPE, Overload
from hyperpy.api.cel.types import Type

SEMVER = Type("kubernetes.Semver")

_NUMBER = r"(0|[1-9]\d*)"
_PRE = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PRE}(?:\.{_PRE})*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?", re.ASCII
)
_LARGEST = 2**63

_Value = dict[str, Any]


def _parse(text: str, *, normalize: bool) -> _Value:
    if normalize:
        text = _normalized(text)
    found = _VERSION.fullmatch(text)
    if found is None or any(int(part) >= _LARGEST for part in found.groups()[:3]):
        raise ValueError(_why_not(text))
    numbers = {name: int(part) for name, part in zip(("major", "minor", "patch"), found.groups(), strict=False)}
    return {TYPE: SEMVER.name, **numbers, "pre": found[4] or "", "build": found[5] or ""}


def _why_not(text: str) -> str:
    if not text:
        return "Version string empty"
    if text.count(".") < 2:
        return "No Major.Minor.Patch elements found"
    return f'Invalid character(s) found in version "{text}"'


def _normalized(text: str) -> str:
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and any(char in parts[-1] for char in "+-"):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][: max(3, len(parts))])


def _without_zeros(part: str) -> str:
    stripped = part.lstrip("0") if len(part) > 1 else part
    return stripped if stripped[:1].isdecimal() else f"0{stripped}" if len(part) > 1 else part


def _is(text: str, *, normalize: bool) -> bool:
    try:
        _parse(text, normalize=normalize)
    except ValueError:
        return False
    return True


def _order(value: _Value) -> tuple[Any, ...]:
    """Numbers come before words, fewer identifiers before more, and a release after its pre-releases."""
    identifiers = value["pre"].split(".") if value["pre"] else []
    keys = tuple((0, int(each), "") if each.isdecimal() else (1, 0, each) for each in identifiers)
    return value["major"], value["minor"], value["patch"], not identifiers, keys


def _compare(a: _Value, b: _Value) -> int:
    left, right = _order(a), _order(b)
    return (left > right) - (left < right)


_S, _STRING, _BOOL, _INT = SEMVER, types.STRING, types.BOOL, types.INT
OVERLOADS = (
    Overload("semver", "string_to_semver", (_STRING,), _S, lambda t: _parse(t, normalize=False), member=False),
    Overload(
        "semver", "string_bool_to_semver", (_STRING, _BOOL), _S, lambda t, n: _parse(t, normalize=n), member=False
    ),
    Overload("isSemver", "is_semver_string", (_STRING,), _BOOL, lambda t: _is(t, normalize=False), member=False),
    Overload(
        "isSemver", "is_semver_string_bool", (_STRING, _BOOL), _BOOL, lambda t, n: _is(t, normalize=n), member=False
    ),
    Overload("isGreaterThan", "semver_is_greater_than", (_S, _S), _BOOL, lambda a, b: _compare(a, b) > 0),
    Overload("isLessThan", "semver_is_less_than", (_S, _S), _BOOL, lambda a, b: _compare(a, b) < 0),
    Overload("compareTo", "semver_compare_to", (_S, _S), _INT, _compare),
    Overload("major", "semver_major", (_S,), _INT, lambda value: value["major"]),
    Overload("minor", "semver_minor", (_S,), _INT, lambda value: value["minor"]),
    Overload("patch", "semver_patch", (_S,), _INT, lambda value: value["patch"]),
)
