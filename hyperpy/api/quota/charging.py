"""Charging quotas for a new or changed object: the usage they have then, or why there is no room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import quantity
from hyperpy.api.quota import lists
from hyperpy.api.quota.evaluators import Evaluator
from hyperpy.api.quota.limited import LimitedResource, concerns, uncovered
from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]


class Exceeded(Exception):
    """There is no room, or what the object uses cannot be told. The text is for the user."""


@dataclass(frozen=True, slots=True)
class Change:
    """A quota by its place in the list it came from, and the usage it has with the object."""

    index: int
    used: ResourceList


def charge(
    quotas: Sequence[Obj],
    evaluator: Evaluator,
    new: Obj,
    old: Obj | None,
    *,
    now: float,
    limited: Sequence[LimitedResource] = (),
) -> list[Change]:
    """What an object does to the quotas of its namespace.

    Args:
        old: the object before the change; None for a new one.
        now: seconds since the epoch.
        limited: what objects of the kind may not use without a quota.
    Returns:
        The quotas whose usage grows.
    Raises:
        Exceeded: a quota has no room for it, or there is none and there has to be one.
    """
    concerned = [index for index, quota in enumerate(quotas) if concerns(quota, evaluator, new)]
    for index in concerned:
        _check_measurable(quotas[index], evaluator, new)
    if not concerned and not limited:
        return []
    used = evaluator.usage(new, now)
    negative = [name for name, amount in used.items() if quantity.parse(amount) < 0]
    if negative:
        raise Exceeded(f"quota usage is negative for resource(s): {lists.names_shown(negative)}")
    if limited:
        more = used if old is None else lists.increase(used, evaluator.usage(old, now))
        problem = uncovered(limited, evaluator, new, used, quotas) if lists.without_zeros(more) else ""
        if problem:
            raise Exceeded(problem)
    changes = []
    for index in concerned:
        more = lists.without_zeros(used)
        if old is not None and concerns(quotas[index], evaluator, old):
            more = lists.increase(used, evaluator.usage(old, now))
        change = _charged(index, quotas[index], more)
        if change is not None:
            changes.append(change)
    return changes


def _check_measurable(quota: Obj, evaluator: Evaluator, obj: Obj) -> None:
    name, limited = quota["metadata"]["name"], evaluator.measured(_hard(quota))
    missing = evaluator.missing(limited, obj)
    if missing:
        raise Exceeded(f"failed quota: {name}: {missing}")
    used = (quota.get("status") or {}).get("used") or {}
    if any(each not in used for each in limited):
        raise Exceeded(f"status unknown for quota: {name}, resources: {lists.names_shown(limited)}")


def _charged(index: int, quota: Obj, more: ResourceList) -> Change | None:
    hard, used = _hard(quota), quota["status"]["used"]
    requested = lists.mask(more, hard)
    if not requested:
        return None
    total = lists.add(used, requested)
    exceeded = lists.exceeding(lists.mask(total, requested), hard)
    if exceeded:
        raise Exceeded(
            f"exceeded quota: {quota['metadata']['name']}, requested: {lists.shown(lists.mask(requested, exceeded))}, "
            f"used: {lists.shown(lists.mask(used, exceeded))}, limited: {lists.shown(lists.mask(hard, exceeded))}"
        )
    return Change(index, total)


def _hard(quota: Obj) -> ResourceList:
    return (quota.get("status") or {}).get("hard") or {}
