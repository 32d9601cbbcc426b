"""How objects of a kind are measured: which resource names they use, how much of each, and which scopes they are in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hyperpy.api.quota import claims, pods, services
from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]

#: Kinds that stood in quotas by their plain names before `count/` did.
_BY_PLAIN_NAME = frozenset(("configmaps", "replicationcontrollers", "resourcequotas", "secrets"))
#: Kinds that are not counted: not stored, or too many.
_NOT_COUNTED = frozenset(
    (
        ("", "bindings"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    )
)


def _no_scope(selector: Obj, obj: Obj) -> bool:
    return False


def _nothing_missing(required: Collection[str], obj: Obj) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """How a kind is measured.

    Args:
        measures: whether a resource name of a quota is about this kind.
        usage: what an object uses at a time (seconds since the epoch).
        in_scope: whether an object is in the scope that a selector of a quota names.
        missing: what an object must specify when these resources are limited, as a message, or "".
        on_update: whether a change may use more.
    """

    measures: Callable[[str], bool]
    usage: Callable[[Obj, float], ResourceList]
    in_scope: Callable[[Obj, Obj], bool] = _no_scope
    missing: Callable[[Collection[str], Obj], str] = _nothing_missing
    on_update: bool = False

    def measured(self, names: Iterable[str]) -> list[str]:
        """Those of a quota's resource names that are about this kind."""
        return [name for name in names if self.measures(name)]


def count_name(group: str, plural: str) -> str:
    """The resource that counts objects: `count/deployments.apps`."""
    return f"count/{plural}.{group}" if group else f"count/{plural}"


@lru_cache(maxsize=512)
def evaluator_of(group: str, plural: str) -> Evaluator | None:
    """How a kind is measured; None: not at all."""
    known = _KNOWN.get((group, plural))
    if known is not None:
        return known
    return None if (group, plural) in _NOT_COUNTED else _counted(group, plural)


def _counted(group: str, plural: str) -> Evaluator:
    names = {count_name(group, plural)}
    if not group and plural in _BY_PLAIN_NAME:
        names.add(plural)
    one = dict.fromkeys(names, "1")
    return Evaluator(names.__contains__, lambda obj, now: one)


_KNOWN = {
    ("", "pods"): Evaluator(pods.measures, pods.usage, pods.in_scope, pods.missing),
    ("", "services"): Evaluator(services.measures, services.usage, on_update=True),
    ("", "persistentvolumeclaims"): Evaluator(claims.measures, claims.usage, claims.in_scope, on_update=True),
}
