"""Rules of what webhooks and admission policies match: resources, operations, selectors, conditions in CEL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.cel import CelError, admission
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = Mapping[str, Any]

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_MAX_CONDITIONS = 64


def match_resources(path: str, match: Obj | None) -> Iterator[Cause]:
    """`matchConstraints` of a policy, `matchResources` of a binding."""
    if match is None:
        return
    yield from rules.one_of(f"{path}.matchPolicy", match.get("matchPolicy"), MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        if match.get(name) is None:
            yield cause.required(f"{path}.{name}")
        yield from rules.label_selector(f"{path}.{name}", match.get(name))
    for name in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(match.get(name) or ()):
            yield from _named_rule(f"{path}.{name}[{i}]", rule)


def _named_rule(path: str, rule: Obj) -> Iterator[Cause]:
    resource_names = rule.get("resourceNames") or ()
    for i, name in enumerate(resource_names):
        yield from rules.formed(f"{path}.resourceNames[{i}]", name, formats.path_segment)
    yield from rules.unique(f"{path}.resourceNames", resource_names)
    yield from resource_rule(path, rule)


def resource_rule(path: str, rule: Obj) -> Iterator[Cause]:
    """A rule with operations: what it names must make sense together."""
    operations = rule.get("operations") or ()
    if not operations:
        yield cause.required(f"{path}.operations")
    if len(operations) > 1 and "*" in operations:
        yield cause.invalid(f"{path}.operations", operations, "if '*' is present, must not specify other operations")
    for i, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield cause.not_supported(f"{path}.operations[{i}]", operation, _OPERATIONS)
    yield from _names(f"{path}.apiGroups", rule.get("apiGroups") or (), "API groups")
    versions = rule.get("apiVersions") or ()
    yield from _names(f"{path}.apiVersions", versions, "API versions")
    yield from (cause.required(f"{path}.apiVersions[{i}]") for i, version in enumerate(versions) if not version)
    yield from _resources(f"{path}.resources", rule.get("resources") or ())
    if rule.get("scope") is not None and rule["scope"] not in _SCOPES:
        yield cause.not_supported(f"{path}.scope", rule["scope"], _SCOPES)


def _names(path: str, given: Sequence[str], what: str) -> Iterator[Cause]:
    if not given:
        yield cause.required(path)
    if len(given) > 1 and "*" in given:
        yield cause.invalid(path, given, f"if '*' is present, must not specify other {what}")


def _resources(path: str, given: Sequence[str]) -> Iterator[Cause]:
    if not given:
        yield cause.required(path)
    all_subresources: set[str] = set()
    of_all_resources: set[str] = set()
    for i, text in enumerate(given):
        if not text:
            yield cause.required(f"{path}[{i}]")
            continue
        resource, slash, subresource = text.partition("/")
        if not slash:
            continue
        if resource in all_subresources:
            yield cause.invalid(f"{path}[{i}]", text, f"if '{resource}/*' is present, must not specify {text}")
        if subresource in of_all_resources:
            yield cause.invalid(f"{path}[{i}]", text, f"if '*/{subresource}' is present, must not specify {text}")
        if subresource == "*":
            all_subresources.add(resource)
        if resource == "*":
            of_all_resources.add(subresource)
    if len(given) > 1 and "*/*" in given:
        yield cause.invalid(path, given, "if '*/*' is present, must not specify other resources")
    if "*" in given and any(text and "/" not in text and text != "*" for text in given):
        yield cause.invalid(path, given, "if '*' is present, must not specify other resources without subresources")


def match_conditions(path: str, conditions: Sequence[Obj], *, params: bool = False) -> Iterator[Cause]:
    """`matchConditions`: named expressions that are true or false."""
    if len(conditions) > _MAX_CONDITIONS:
        yield cause.too_many(path, len(conditions), _MAX_CONDITIONS)
    for i, condition in enumerate(conditions):
        at = f"{path}[{i}]"
        expression = (condition.get("expression") or "").strip()
        if not expression:
            yield cause.required(f"{at}.expression")
        else:
            scope = admission.Scope(params=params)
            try:
                admission.compiled(expression, scope, (admission.BOOL,))
            except CelError as error:
                yield cause.invalid(f"{at}.expression", expression, str(error))
        yield from rules.required(f"{at}.name", condition.get("name"), names.qualified_errors)
    yield from rules.unique(path, [condition.get("name") for condition in conditions], field="name")
