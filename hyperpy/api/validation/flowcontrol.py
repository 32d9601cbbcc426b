"""Rules of FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import flowcontrol, names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_EXEMPT = "exempt"
_MAX_PRECEDENCE = 10000
_METHODS = ("ByNamespace", "ByUser")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_MAX_QUEUES, _MAX_HASH_BITS = 10_000_000, 60
_NAMESPACE_RULE = "each member of this list must be '*' or a DNS-1123 label; "


def flow_schema(obj: Obj) -> Iterator[Cause]:
    """A FlowSchema, new or changed."""
    spec, path = obj.get("spec") or {}, "spec"
    precedence = spec.get("matchingPrecedence") or 0
    if precedence <= 0:
        yield cause.invalid(f"{path}.matchingPrecedence", precedence, "must be a positive value")
    if precedence > _MAX_PRECEDENCE:
        text = f"must not be greater than {_MAX_PRECEDENCE}"
        yield cause.invalid(f"{path}.matchingPrecedence", precedence, text)
    if precedence == 1 and obj["metadata"].get("name") != _EXEMPT:
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        yield cause.invalid(f"{path}.matchingPrecedence", precedence, text)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        yield cause.not_supported(f"{path}.distinguisherMethod.type", method.get("type") or "", _METHODS)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    if level:
        yield from rules.formed(f"{path}.priorityLevelConfiguration.name", level, names.subdomain_errors)
    else:
        yield cause.required(f"{path}.priorityLevelConfiguration.name", "must reference a priority level")
    for i, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(rule, f"{path}.rules[{i}]")
    yield from _fixed(obj, flowcontrol.MANDATORY_SCHEMAS)
    yield from conditions(obj, obj)


def priority_level(obj: Obj) -> Iterator[Cause]:
    """A PriorityLevelConfiguration, new or changed."""
    spec, kind = obj.get("spec") or {}, (obj.get("spec") or {}).get("type") or ""
    if (obj["metadata"].get("name") == _EXEMPT) != (kind == "Exempt"):
        yield cause.invalid("spec.type", kind, "type must be 'Exempt' if and only if name is 'exempt'")
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if kind == "Exempt":
        if limited is not None:
            yield cause.forbidden("spec.limited", "must be nil if the type is not Limited")
        yield from _shares(exempt or {}, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            yield cause.forbidden("spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            yield cause.required("spec.limited", "must not be empty when type is Limited")
        else:
            yield from _limited(limited, "spec.limited")
    else:
        yield cause.not_supported("spec.type", kind, ("Exempt", "Limited"))
    yield from _fixed(obj, flowcontrol.MANDATORY_LEVELS, but="exempt")
    yield from conditions(obj, obj)


def _fixed(obj: Obj, mandatory: Mapping[str, Obj], *, but: str = "") -> Iterator[Cause]:
    """A mandatory object is as it is, but for one field of its spec."""
    name, spec = obj["metadata"].get("name"), obj.get("spec") or {}
    wanted = mandatory.get(name)
    if wanted is not None and not same({**spec, but: None}, {**wanted, but: None}):
        yield cause.invalid("spec", spec, f"spec of '{name}' must equal the fixed value")


def conditions(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of either kind."""
    seen = set()
    for i, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        path, kind = f"status.conditions[{i}].type", condition.get("type") or ""
        if kind in seen:
            yield cause.duplicate(path, kind)
        seen.add(kind)
        if not kind:
            yield cause.required(path, "must not be empty")


def _rule(rule: Obj, path: str) -> Iterator[Cause]:
    subjects = rule.get("subjects") or ()
    if not subjects:
        yield cause.required(f"{path}.subjects", "subjects must contain at least one value")
    for i, subject in enumerate(subjects):
        yield from _subject(subject, f"{path}.subjects[{i}]")
    resources, urls = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not urls:
        yield cause.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for i, each in enumerate(resources):
        yield from _resource_rule(each, f"{path}.resourceRules[{i}]")
    for i, each in enumerate(urls):
        yield from _url_rule(each, f"{path}.nonResourceRules[{i}]")


def _subject(subject: Obj, path: str) -> Iterator[Cause]:
    kind = subject.get("kind") or ""
    own = _SUBJECTS.get(kind)
    if own is None:
        yield cause.not_supported(f"{path}.kind", kind, tuple(_SUBJECTS))
        return
    chosen = subject.get(own)
    if chosen is None:
        yield cause.required(f"{path}.{own}", f"{own} is required when subject kind is '{kind}'")
    else:
        yield from _named_subject(chosen, f"{path}.{own}", account=kind == "ServiceAccount")
    for other_kind, field in _SUBJECTS.items():
        if field != own and subject.get(field) is not None:
            text = f"{field} is forbidden when subject kind is not '{other_kind}'"
            yield cause.forbidden(f"{path}.{field}", text)


def _named_subject(subject: Obj, path: str, *, account: bool) -> Iterator[Cause]:
    name = subject.get("name") or ""
    if not name:
        yield cause.required(f"{path}.name")
    if not account:
        return
    if name and name != "*":
        yield from rules.formed(f"{path}.name", name, names.subdomain_errors)
    namespace = subject.get("namespace") or ""
    if namespace:
        yield from rules.formed(f"{path}.namespace", namespace, formats.dns_label)
    else:
        yield cause.required(f"{path}.namespace", "must specify namespace for service account")


def _resource_rule(rule: Obj, path: str) -> Iterator[Cause]:
    yield from _verbs(rule.get("verbs") or (), path)
    yield from _wild(rule.get("apiGroups") or (), f"{path}.apiGroups", "api group", "api groups")
    yield from _wild(rule.get("resources") or (), f"{path}.resources", "resource", "resources")
    namespaces = rule.get("namespaces") or ()
    if not namespaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        yield cause.required(f"{path}.namespaces", text)
    elif "*" in namespaces:
        if len(namespaces) > 1:
            text = "if '*' is present, must not specify other namespaces"
            yield cause.invalid(f"{path}.namespaces", namespaces, text)
    else:
        for i, namespace in enumerate(namespaces):
            for problem in formats.dns_label(namespace):
                yield cause.invalid(f"{path}.namespaces[{i}]", namespace, _NAMESPACE_RULE + problem)


def _wild(values: Sequence[str], path: str, one: str, many: str) -> Iterator[Cause]:
    if not values:
        yield cause.required(path, f"resource rules must supply at least one {one}")
    elif len(values) > 1 and "*" in values:
        yield cause.invalid(path, values, f"if '*' is present, must not specify other {many}")


def _url_rule(rule: Obj, path: str) -> Iterator[Cause]:
    yield from _verbs(rule.get("verbs") or (), path)
    urls, place = rule.get("nonResourceURLs") or (), f"{path}.nonResourceURLs"
    if not urls:
        yield cause.required(place, "nonResourceURLs must contain at least one value")
    elif "*" in urls:
        if len(urls) > 1:
            yield cause.invalid(place, urls, "if '*' is present, must not specify other non-resource URLs")
    else:
        for i, url in enumerate(urls):
            problem = _url_problem(url)
            if problem:
                yield cause.invalid(f"{place}[{i}]", url, problem)


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    wild = url.count("*")
    return "wildcard can only do suffix matching" if wild > 1 or (wild and not url.endswith("/*")) else ""


def _verbs(verbs: Collection[str], path: str) -> Iterator[Cause]:
    if not verbs:
        yield cause.required(f"{path}.verbs", "verbs must contain at least one value")
    elif "*" in verbs:
        if len(verbs) > 1:
            yield cause.invalid(f"{path}.verbs", verbs, "if '*' is present, must not specify other verbs")
    elif not set(verbs) <= set(_VERBS):
        yield cause.not_supported(f"{path}.verbs", verbs, _VERBS)


def _shares(level: Obj, path: str) -> Iterator[Cause]:
    shares, lendable = level.get("nominalConcurrencyShares"), level.get("lendablePercent")
    if shares is not None and shares < 0:
        yield cause.invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")
    if lendable is not None and not 0 <= lendable <= 100:
        yield cause.invalid(f"{path}.lendablePercent", lendable, "must be between 0 and 100, inclusive")


def _limited(level: Obj, path: str) -> Iterator[Cause]:
    yield from _shares(level, path)
    borrowing = level.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        text = "if specified, must be a non-negative integer"
        yield cause.invalid(f"{path}.borrowingLimitPercent", borrowing, text)
    response = level.get("limitResponse") or {}
    kind, queuing, place = response.get("type") or "", response.get("queuing"), f"{path}.limitResponse"
    if kind == "Reject":
        if queuing is not None:
            text = "must be nil if limited.limitResponse.type is not Limited"
            yield cause.forbidden(f"{place}.queuing", text)
    elif kind != "Queue":
        yield cause.not_supported(f"{place}.type", kind, ("Queue", "Reject"))
    elif queuing is None:
        text = "must not be empty if limited.limitResponse.type is Limited"
        yield cause.required(f"{place}.queuing", text)
    else:
        yield from _queuing(queuing, f"{place}.queuing")


def _queuing(queuing: Obj, path: str) -> Iterator[Cause]:
    length, queues, hand = (queuing.get(name) or 0 for name in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        yield cause.invalid(f"{path}.queueLengthLimit", length, "must be positive")
    if queues <= 0:
        yield cause.invalid(f"{path}.queues", queues, "must be positive")
    elif queues > _MAX_QUEUES:
        yield cause.invalid(f"{path}.queues", queues, f"must not be greater than {_MAX_QUEUES}")
    if hand <= 0:
        yield cause.invalid(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        yield cause.invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})")
    elif math.ceil(math.log2(queues) * hand) > _MAX_HASH_BITS:
        text = (
            f"required entropy bits of deckSize {queues} and handSize {hand} "
            f"should not be greater than {_MAX_HASH_BITS}"
        )
        yield cause.invalid(f"{path}.handSize", hand, text)


_GROUP = "flowcontrol.apiserver.k8s.io"
RULES = {
    (_GROUP, "FlowSchema"): Rules(flow_schema, status=conditions),
    (_GROUP, "PriorityLevelConfiguration"): Rules(priority_level, status=conditions),
}
