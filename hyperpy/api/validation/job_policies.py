"""Rules of a Job's policies: when a failed pod counts, and when the Job has succeeded early. Lists of indexes too."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import rules

Obj = dict[str, Any]

_MOST_RULES = 20
_MOST_EXIT_CODES = 255
_MOST_PATTERNS = 20
_MOST_INDEX_BYTES = 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATES = ("False", "True", "Unknown")


def failure(spec: Obj, path: str) -> Iterator[Cause]:
    """`podFailurePolicy`."""
    given = spec["podFailurePolicy"].get("rules") or ()
    if len(given) > _MOST_RULES:
        yield cause.too_many(f"{path}.rules", len(given), _MOST_RULES)
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {one.get("name") for field in ("containers", "initContainers") for one in pod.get(field) or ()}
    for i, rule in enumerate(given):
        yield from _failure_rule(rule, f"{path}.rules[{i}]", spec=spec, containers=containers)


def success(spec: Obj, path: str) -> Iterator[Cause]:
    """`successPolicy` of an Indexed Job."""
    given = spec["successPolicy"].get("rules") or ()
    if not given:
        text = "at least one rules must be specified when the successPolicy is specified"
        yield cause.required(f"{path}.rules", text)
    if len(given) > _MOST_RULES:
        yield cause.too_many(f"{path}.rules", len(given), _MOST_RULES)
    for i, rule in enumerate(given):
        yield from _success_rule(rule, f"{path}.rules[{i}]", completions=spec.get("completions") or 0)


def intervals(text: str, completions: int) -> list[tuple[int, int]]:
    """The intervals of a list of indexes such as `0,2-4`, both ends included.

    Raises:
        ValueError: in the API server's words.
    """
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, last = _interval(part, completions)
        if found and found[-1][1] >= first:
            raise ValueError(f"non-increasing order, previous: {found[-1][1]}, current: {first}")
        found.append((first, last))
    return found


def _interval(part: str, completions: int) -> tuple[int, int]:
    ends = part.split("-")
    if len(ends) > 2:
        raise ValueError(
            f"the fragment {cause.shown(part)} violates the requirement that an index interval can have at most two "
            "parts separated by '-'"
        )
    first, last = _index(ends[0], completions), _index(ends[-1], completions)
    if len(ends) == 2 and first >= last:
        raise ValueError(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _index(text: str, completions: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"cannot convert string to integer for index: {cause.shown(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {cause.shown(text)}")
    return int(text)


def _failure_rule(rule: Obj, path: str, *, spec: Obj, containers: Collection[str]) -> Iterator[Cause]:
    action, codes, patterns = rule.get("action"), rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if not action:
        yield cause.required(f"{path}.action", _valid(_ACTIONS))
    elif action == "FailIndex":
        if spec.get("backoffLimitPerIndex") is None:
            yield cause.invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    elif action not in _ACTIONS:
        yield cause.not_supported(f"{path}.action", action, _ACTIONS)
    if codes is not None:
        yield from _exit_codes(codes, f"{path}.onExitCodes", containers)
    if len(patterns) > _MOST_PATTERNS:
        yield cause.too_many(f"{path}.onPodConditions", len(patterns), _MOST_PATTERNS)
    for i, pattern in enumerate(patterns):
        place, status = f"{path}.onPodConditions[{i}]", pattern.get("status")
        yield from rules.formed(f"{place}.type", pattern.get("type") or "", names.qualified_errors)
        if not status:
            yield cause.required(f"{place}.status", _valid(_STATES))
        elif status not in _STATES:
            yield cause.not_supported(f"{place}.status", status, _STATES)
    if codes is not None and patterns:
        yield cause.wrong(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not patterns:
        yield cause.wrong(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(given: Obj, path: str, containers: Collection[str]) -> Iterator[Cause]:
    operator, name, values = given.get("operator"), given.get("containerName"), given.get("values") or []
    if not operator:
        yield cause.required(f"{path}.operator", _valid(_OPERATORS))
    elif operator not in _OPERATORS:
        yield cause.not_supported(f"{path}.operator", operator, _OPERATORS)
    if name is not None and name not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        yield cause.invalid(f"{path}.containerName", name, text)
    if not values:
        yield cause.invalid(f"{path}.values", values, "at least one value is required")
    elif len(values) > _MOST_EXIT_CODES:
        yield cause.too_many(f"{path}.values", len(values), _MOST_EXIT_CODES)
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            yield cause.invalid(f"{path}.values[{i}]", value, "must not be 0 for the In operator")
        if value in values[:i]:
            yield cause.duplicate(f"{path}.values[{i}]", value)
    if values != sorted(values):
        yield cause.invalid(f"{path}.values", values, "must be ordered")


def _success_rule(rule: Obj, path: str, *, completions: int) -> Iterator[Cause]:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and text is None:
        yield cause.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if text is not None:
        if len(text) > _MOST_INDEX_BYTES:
            yield cause.too_long(f"{path}.succeededIndexes", _MOST_INDEX_BYTES)
        try:
            total = sum(last - first + 1 for first, last in intervals(text, completions))
        except ValueError as error:
            yield cause.invalid(f"{path}.succeededIndexes", text, f"error parsing succeededIndexes: {error}")
    if count is None:
        return
    yield from rules.not_negative(rule, path, "succeededCount")
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        yield cause.invalid(f"{path}.succeededCount", count, detail)
    if text is not None and count > total:
        detail = (
            f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        )
        yield cause.invalid(f"{path}.succeededCount", count, detail)


def _valid(names_given: Collection[str]) -> str:
    listed = " ".join(f'"{name}"' for name in names_given)
    return f"valid values: [{listed}]"
