"""Rules of what bounds a namespace: ResourceQuotas and LimitRanges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import resources, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_COUNTED_PODS = frozenset(("pods",))
_OF_PODS = _COUNTED_PODS | {
    "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory",
}  # fmt: skip
_OF_CLAIMS = frozenset(("persistentvolumeclaims", "requests.storage"))
#: scope -> the standard resources that it can be applied to.
_SCOPES: Mapping[str, frozenset[str]] = {
    "Terminating": _OF_PODS, "NotTerminating": _OF_PODS, "BestEffort": _COUNTED_PODS, "NotBestEffort": _OF_PODS,
    "PriorityClass": _OF_PODS, "CrossNamespacePodAffinity": _OF_PODS, "VolumeAttributesClass": _OF_CLAIMS,
}  # fmt: skip
_CONFLICTS = (frozenset(("BestEffort", "NotBestEffort")), frozenset(("Terminating", "NotTerminating")))
_ONLY_EXISTS = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_EXISTS_TEXT = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_LIMIT_FIELDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def resource_quota(obj: Obj) -> Iterator[Cause]:
    """A ResourceQuota, new or changed."""
    spec = obj.get("spec") or {}
    yield from _amounts(spec.get("hard"), "spec.hard")
    hard = sorted(spec.get("hard") or ())
    scopes = spec.get("scopes") or []
    for scope in scopes:
        yield from _scope(scope, scopes, "spec.scopes", hard)
    yield from _conflicts(set(scopes), scopes, "spec.scopes")
    if spec.get("scopeSelector") is not None:
        yield from _scope_selector(spec["scopeSelector"], "spec.scopeSelector.matchExpressions", hard)


def resource_quota_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ResourceQuota: its scopes stay."""
    now, before = ((each.get("spec") or {}).get("scopes") or [] for each in (new, old))
    if set(now) != set(before):
        yield cause.invalid("spec.scopes", now, rules.IMMUTABLE)


def resource_quota_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a ResourceQuota."""
    status = new.get("status") or {}
    for field in ("hard", "used"):
        yield from _amounts(status.get(field), f"status.{field}")


def limit_range(obj: Obj) -> Iterator[Cause]:
    """A LimitRange, new or changed."""
    seen = set()
    for i, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{i}]", item.get("type") or ""
        yield from _limit_type(kind, f"{path}.type")
        if kind in seen:
            yield cause.duplicate(f"{path}.type", kind)
        seen.add(kind)
        yield from _limit(item, kind, path)


def _amounts(given: Mapping[str, str] | None, path: str) -> Iterator[Cause]:
    for name, amount in (given or {}).items():
        yield from resources.quota_name(name, f"{path}[{name}]")
        yield from resources.value(name, amount, f"{path}[{name}]")


def _scope(scope: str, shown: Any, path: str, hard: Sequence[str]) -> Iterator[Cause]:
    if scope not in _SCOPES:
        yield cause.invalid(path, shown, "unsupported scope")
    for name in hard:
        if resources.is_standard_in_quotas(name) and name not in _SCOPES.get(scope, ()):
            yield cause.invalid(path, shown, "unsupported scope applied to resource")


def _conflicts(scopes: set[str], shown: Any, path: str) -> Iterator[Cause]:
    for pair in _CONFLICTS:
        if pair <= scopes:
            yield cause.invalid(path, shown, "conflicting scopes")


def _scope_selector(selector: Obj, path: str, hard: Sequence[str]) -> Iterator[Cause]:
    scopes = set()
    for requirement in selector.get("matchExpressions") or ():
        scope, operator = requirement.get("scopeName") or "", requirement.get("operator") or ""
        values = requirement.get("values") or []
        scopes.add(scope)
        if scope not in _SCOPES:
            yield cause.invalid(f"{path}.scopeName", scope, "unsupported scope")
        for name in hard:
            if resources.is_standard_in_quotas(name) and name not in _SCOPES.get(scope, ()):
                yield cause.invalid(path, selector, "unsupported scope applied to resource")
        if scope in _ONLY_EXISTS and operator != "Exists":
            yield cause.invalid(f"{path}.operator", operator, _EXISTS_TEXT)
        if operator in ("In", "NotIn"):
            if not values:
                text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                yield cause.required(f"{path}.values", text)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                yield cause.invalid(f"{path}.values", values, text)
        else:
            yield cause.invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from _conflicts(scopes, sorted(scopes), path)


def _limit_type(kind: str, path: str) -> Iterator[Cause]:
    problems = names.qualified_errors(kind)
    for problem in problems:
        yield cause.invalid(path, kind, problem)
    if not problems and "/" not in kind and kind not in _LIMIT_TYPES:
        yield cause.invalid(path, kind, "must be a standard limit type or fully qualified")


def _limit(item: Obj, kind: str, path: str) -> Iterator[Cause]:
    of_containers = kind in ("Pod", "Container")
    used = dict.fromkeys(_LIMIT_FIELDS, True)
    if kind == "Pod":
        for field in ("default", "defaultRequest"):
            used[field] = False
            if item.get(field):
                yield cause.forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
    given = {field: item.get(field) or {} if used[field] else {} for field in _LIMIT_FIELDS}
    check = resources.container_name if of_containers else resources.any_name
    for field, amounts in given.items():
        for name in amounts:
            yield from check(name, f"{path}.{field}[{name}]")
    if kind == "PersistentVolumeClaim" and not any("storage" in given[field] for field in ("min", "max")):
        text = "either minimum or maximum storage value is required, but neither was provided"
        yield cause.required(f"{path}.limits", text)
    for name in dict.fromkeys(name for amounts in given.values() for name in amounts):
        yield from _order(name, {field: amounts.get(name) for field, amounts in given.items()}, path)


#: (less, more, the field that is blamed, the value that is shown, the text)
_ORDER = (
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {0} is greater than default request value {1}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {0} is greater than max value {1}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {0} is greater than default limit value {1}"),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)  # fmt: skip


def _order(name: str, amounts: Mapping[str, str | None], path: str) -> Iterator[Cause]:
    """The amounts of one resource, from the least to the most."""
    for less, more, blamed, shown, text in _ORDER:
        low, high = amounts[less], amounts[more]
        if low is not None and high is not None and quantity.compare(low, high) > 0:
            yield cause.invalid(f"{path}.{blamed}[{name}]", amounts[shown], text.format(low, high))
    ratio, low, high = amounts["maxLimitRequestRatio"], amounts["min"], amounts["max"]
    if ratio is not None:
        place = f"{path}.maxLimitRequestRatio[{name}]"
        if quantity.compare(ratio, "1") < 0:
            yield cause.invalid(place, ratio, f"ratio {ratio} is less than 1")
        if low is not None and high is not None and quantity.parse(low) > 0:
            most = float(quantity.parse(high)) / float(quantity.parse(low))
            if float(quantity.parse(ratio)) > most:
                yield cause.invalid(place, ratio, f"ratio {ratio} is greater than max/min = {most:f}")
    limit, request = amounts["default"], amounts["defaultRequest"]
    fixed = limit is not None and request is not None and not resources.overcommits(name)
    if fixed and quantity.compare(limit or "0", request or "0"):
        text = f"default value {limit} must equal to defaultRequest value {request} in {name}"
        yield cause.invalid(f"{path}.defaultRequest[{name}]", request, text)


RULES = {
    ("", "ResourceQuota"): Rules(resource_quota, resource_quota_update, resource_quota_status),
    ("", "LimitRange"): Rules(limit_range),
}
