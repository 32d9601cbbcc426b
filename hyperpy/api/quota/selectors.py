"""Scope selectors of quotas, matched against the classes that an object names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

Obj = dict[str, Any]


def scopes(quota: Obj) -> list[Obj]:
    """Every scope that a quota names, as selectors; a plain scope only has to be there."""
    spec = quota.get("spec") or {}
    plain = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return [*plain, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ())]


def selects(selector: Obj, classes: Collection[str]) -> bool:
    """Whether a selector matches an object that names these classes; one match is enough."""
    operator, values = selector.get("operator"), selector.get("values") or ()
    if operator == "Exists":
        return bool(classes)
    if operator == "DoesNotExist":
        return not classes
    if operator == "In":
        return any(name in values for name in classes)
    return not classes or any(name not in values for name in classes)
