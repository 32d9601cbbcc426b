"""Resources that nobody has without a quota: configured for the whole cluster.

Source: Concepts, "Resource Quotas", "Limit Priority Class consumption by default"; ResourceQuotaConfiguration of
`apiserver.config.k8s.io/v1`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import quantity
from hyperpy.api.quota import selectors
from hyperpy.api.quota.evaluators import Evaluator
from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LimitedResource:
    """What a kind may not use without a quota that covers it.

    Args:
        contains: parts of resource names.
        scopes: scope selectors.
    """

    group: str
    plural: str
    contains: tuple[str, ...] = ()
    scopes: tuple[Obj, ...] = ()


def uncovered(
    limited: Sequence[LimitedResource], evaluator: Evaluator, obj: Obj, used: ResourceList, quotas: Sequence[Obj]
) -> str:
    """Why an object may not be, as a message, or "".

    Args:
        limited: those about the object's kind.
        used: what the object uses.
        quotas: of its namespace.
    """
    concerned = [quota for quota in quotas if concerns(quota, evaluator, obj)]
    covered = {name for quota in concerned for name in evaluator.measured(_hard(quota))}
    missing = sorted(_consumed(limited, used) - covered)
    if missing:
        return f"insufficient quota to consume: {','.join(missing)}"
    asked = [scope for each in limited for scope in each.scopes if evaluator.in_scope(scope, obj)]
    there = {
        scope.get("scopeName")
        for quota in quotas
        for scope in selectors.scopes(quota)
        if evaluator.in_scope(scope, obj)
    }
    lacking = [scope for scope in asked if scope.get("scopeName") not in there]
    if lacking:
        return f"insufficient quota to match these scopes: [{' '.join(map(_shown, lacking))}]"
    return ""


def concerns(quota: Obj, evaluator: Evaluator, obj: Obj) -> bool:
    """Whether an object counts against a quota: by its resources, and by every scope."""
    if not evaluator.measured(_hard(quota)):
        return False
    return all(evaluator.in_scope(selector, obj) for selector in selectors.scopes(quota))


def _consumed(limited: Sequence[LimitedResource], used: ResourceList) -> set[str]:
    parts = [part for each in limited for part in each.contains]
    return {name for name, amount in used.items() if quantity.parse(amount) > 0 and _has_any(name, parts)}


def _has_any(name: str, parts: Collection[str]) -> bool:
    return any(part in name for part in parts)


def _shown(scope: Obj) -> str:
    """`{PriorityClass In [cluster-services]}`."""
    return f"{{{scope.get('scopeName')} {scope.get('operator')} [{' '.join(scope.get('values') or ())}]}}"


def _hard(quota: Obj) -> ResourceList:
    return (quota.get("status") or {}).get("hard") or {}
