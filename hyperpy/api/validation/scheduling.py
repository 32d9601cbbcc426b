"""Rules of what steers scheduling: affinities, tolerations, taints, spread constraints, gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity(given: Obj, path: str) -> Iterator[Cause]:
    """Node affinity, pod affinity and pod anti-affinity."""
    if given.get("nodeAffinity") is not None:
        yield from _node_affinity(given["nodeAffinity"], f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        own = given.get(name) or {}
        for i, term in enumerate(own.get(_REQUIRED) or ()):
            yield from _pod_term(term, f"{path}.{name}.{_REQUIRED}[{i}]")
        for i, weighted in enumerate(own.get(_PREFERRED) or ()):
            place = f"{path}.{name}.{_PREFERRED}[{i}]"
            yield from _weight(weighted, place)
            yield from _pod_term(weighted.get("podAffinityTerm") or {}, f"{place}.podAffinityTerm")


def tolerations(given: Sequence[Obj], path: str) -> Iterator[Cause]:
    """The list of tolerations."""
    for i, toleration in enumerate(given):
        place = f"{path}[{i}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        yield from rules.optional(f"{place}.key", key, names.qualified_errors)
        if not key and operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            yield cause.invalid(f"{place}.operator", operator, text)
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            yield cause.invalid(f"{place}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator in ("Equal", ""):
            problems = names.label_value_errors(value)
            if problems:
                yield cause.invalid(f"{place}.operator", value, ";".join(problems))
        elif operator == "Exists":
            if value:
                yield cause.invalid(f"{place}.operator", value, "value must be empty when `operator` is 'Exists'")
        else:
            yield cause.not_supported(f"{place}.operator", operator, ("Equal", "Exists"))
        if effect and effect not in EFFECTS:
            yield cause.not_supported(f"{place}.effect", effect, EFFECTS)


def taints(given: Sequence[Obj], path: str) -> Iterator[Cause]:
    """A node's taints."""
    seen = set()
    for i, taint in enumerate(given):
        place, value = f"{path}[{i}]", taint.get("value") or ""
        yield from rules.formed(f"{place}.key", taint.get("key") or "", names.qualified_errors)
        problems = names.label_value_errors(value)
        if problems:
            yield cause.invalid(f"{place}.value", value, ";".join(problems))
        yield from rules.one_of(f"{place}.effect", taint.get("effect"), EFFECTS)
        pair = (taint.get("key"), taint.get("effect"))
        if pair in seen:
            text = f"Duplicate value: {cause.shown(taint)}: taints must be unique by key and effect pair"
            yield Cause(place, cause.DUPLICATE, text)
        seen.add(pair)


def spread_constraints(given: Sequence[Obj], path: str) -> Iterator[Cause]:
    """The list of topology spread constraints."""
    pairs = [(each.get("topologyKey") or "", each.get("whenUnsatisfiable") or "") for each in given]
    for i, constraint in enumerate(given):
        place, (key, action) = f"{path}[{i}]", pairs[i]
        if (constraint.get("maxSkew") or 0) <= 0:
            yield cause.invalid(f"{place}.maxSkew", constraint.get("maxSkew") or 0, rules.NOT_POSITIVE)
        if not key:
            yield cause.required(f"{place}.topologyKey", "can not be empty")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            yield cause.not_supported(f"{place}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        if pairs[i] in pairs[i + 1 :]:
            yield cause.duplicate(f"{place}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        yield from _spread_details(constraint, place, action)
        yield from rules.label_selector(f"{place}.labelSelector", constraint.get("labelSelector"))


def scheduling_gates(given: Sequence[Obj], path: str) -> Iterator[Cause]:
    """What holds a pod back from the scheduler."""
    for i, gate in enumerate(given):
        yield from rules.formed(f"{path}[{i}]", gate.get("name") or "", names.qualified_errors)
    yield from rules.unique(path, [gate.get("name") for gate in given])


def node_selector(given: Obj, path: str) -> Iterator[Cause]:
    """A node selector: any of its terms."""
    if not given.get("nodeSelectorTerms"):
        yield cause.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for i, term in enumerate(given.get("nodeSelectorTerms") or ()):
        yield from _node_term(term, f"{path}.nodeSelectorTerms[{i}]", check_values=True)


def _node_affinity(given: Obj, path: str) -> Iterator[Cause]:
    if given.get(_REQUIRED) is not None:
        yield from node_selector(given[_REQUIRED], f"{path}.{_REQUIRED}")
    for i, term in enumerate(given.get(_PREFERRED) or ()):
        place = f"{path}.{_PREFERRED}[{i}]"
        yield from _weight(term, place)
        yield from _node_term(term.get("preference") or {}, f"{place}.preference", check_values=False)


def _weight(given: Obj, path: str) -> Iterator[Cause]:
    weight = given.get("weight") or 0
    if not 1 <= weight <= 100:
        yield cause.invalid(f"{path}.weight", weight, "must be in the range 1-100")


def _node_term(term: Obj, path: str, *, check_values: bool) -> Iterator[Cause]:
    for i, one in enumerate(term.get("matchExpressions") or ()):
        yield from _node_expression(one, f"{path}.matchExpressions[{i}]", check_values=check_values)
    for i, one in enumerate(term.get("matchFields") or ()):
        place, operator, values = f"{path}.matchFields[{i}]", one.get("operator") or "", one.get("values") or ()
        if operator not in ("In", "NotIn"):
            yield cause.invalid(f"{place}.operator", operator, "not a valid selector operator")
        elif len(values) != 1:
            text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            yield cause.required(f"{place}.values", text)
        if one.get("key") != "metadata.name":
            yield cause.invalid(f"{place}.key", one.get("key") or "", "not a valid field selector key")
            continue
        for j, value in enumerate(values):
            yield from rules.formed(f"{place}.values[{j}]", value, names.subdomain_errors)


def _node_expression(one: Obj, path: str, *, check_values: bool) -> Iterator[Cause]:
    operator, values = one.get("operator") or "", one.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield cause.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield cause.forbidden(
                f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield cause.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield cause.invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from rules.formed(f"{path}.key", one.get("key") or "", names.qualified_errors)
    if check_values:
        for i, value in enumerate(values):
            yield from rules.formed(f"{path}.values[{i}]", value, names.label_value_errors)


def _pod_term(term: Obj, path: str) -> Iterator[Cause]:
    for name in ("labelSelector", "namespaceSelector"):
        yield from rules.label_selector(f"{path}.{name}", term.get(name))
    for namespace in term.get("namespaces") or ():
        yield from rules.formed(f"{path}.namespace", namespace, formats.dns_label)
    matched, mismatched = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    for name, keys in (("matchLabelKeys", matched), ("mismatchLabelKeys", mismatched)):
        yield from _label_keys(keys, f"{path}.{name}", selector=term.get("labelSelector"))
    for i, key in enumerate(matched):
        if key in mismatched:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield cause.invalid(f"{path}.matchLabelKeys[{i}]", key, text)
    if not term.get("topologyKey"):
        yield cause.required(f"{path}.topologyKey", "can not be empty")
    yield from rules.formed(f"{path}.topologyKey", term.get("topologyKey") or "", names.qualified_errors)


def _label_keys(keys: Sequence[str], path: str, *, selector: Obj | None) -> Iterator[Cause]:
    if keys and selector is None:
        yield cause.forbidden(path, "must not be specified when labelSelector is not set")
    for i, key in enumerate(keys):
        yield from rules.formed(f"{path}[{i}]", key, names.qualified_errors)


def _spread_details(constraint: Obj, path: str, action: str) -> Iterator[Cause]:
    domains = constraint.get("minDomains")
    if domains is not None:
        if domains <= 0:
            yield cause.invalid(f"{path}.minDomains", domains, rules.NOT_POSITIVE)
        if action != "DoNotSchedule":
            text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            yield cause.invalid(f"{path}.minDomains", domains, text)
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(name)
        if policy is not None and policy not in ("Honor", "Ignore"):
            yield cause.not_supported(f"{path}.{name}", policy, ("Honor", "Ignore"))
    keys, selector = constraint.get("matchLabelKeys") or (), constraint.get("labelSelector")
    yield from _label_keys(keys, f"{path}.matchLabelKeys", selector=selector)
    used = {*((selector or {}).get("matchLabels") or ())}
    used |= {each.get("key") for each in (selector or {}).get("matchExpressions") or ()}
    for i, key in enumerate(keys):
        if key in used:
            yield cause.invalid(f"{path}.matchLabelKeys[{i}]", key, "exists in both matchLabelKeys and labelSelector")
