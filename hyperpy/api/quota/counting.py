"""Counting anew: the status a quota should have, from all the objects there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hyperpy.api import quantity
from hyperpy.api.quota import lists, selectors
from hyperpy.api.quota.evaluators import evaluator_of
from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]


def recount(
    quota: Obj, kinds: Iterable[tuple[str, str]], objects: Callable[[str, str], Sequence[Obj]], *, now: float
) -> Obj:
    """The status of a quota: its limits, and what is used of them.

    Args:
        kinds: group and plural of every kind there is.
        objects: the objects of a kind in the quota's namespace; asked only about kinds that the quota limits.
        now: seconds since the epoch.
    """
    hard: ResourceList = (quota.get("spec") or {}).get("hard") or {}
    used: ResourceList = dict.fromkeys(hard, "0")
    scopes = selectors.scopes(quota)
    for group, plural in sorted(kinds):
        evaluator = evaluator_of(group, plural)
        measured = evaluator.measured(hard) if evaluator is not None else []
        if evaluator is None or not measured:
            continue
        for obj in objects(group, plural):
            if all(evaluator.in_scope(selector, obj) for selector in scopes):
                used = lists.add(used, lists.mask(evaluator.usage(obj, now), measured))
    return {"hard": dict(hard), "used": {name: quantity.canonical(amount) for name, amount in used.items()}}
