"""Type checking of policies: what their expressions make of the fields of the kinds that they match.

Policies are evaluated without types, as they may match many kinds; a check tells their author about misspelt fields.
Source: Validating Admission Policy, "Type checking".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import schema
from hyperpy.api.cel import admission, types
from hyperpy.api.cel.protocol import CelError
from hyperpy.api.cel.types import Type
from hyperpy.api.kinds import Kind, Registry

#: Kinds that one policy is checked against, as in Kubernetes.
MAX_KINDS = 10

Obj = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Warning:
    """`field` is the place of an expression, `text` what is wrong with it, kind by kind."""

    field: str
    text: str


def check(policy: Obj, registry: Registry) -> list[Warning]:
    """What is wrong with the expressions of a policy for the kinds it names; custom kinds are not looked into."""
    spec = policy.get("spec") or {}
    scopes = [(kind, _scope(kind, spec, registry)) for kind in kinds(spec, registry)]
    found = []
    for path, expression in _expressions(spec):
        texts = [text for kind, scope in scopes if (text := _problem(kind, scope, spec, expression))]
        if texts:
            found.append(Warning(path, "\n".join(texts)))
    return found


def kinds(spec: Obj, registry: Registry) -> list[Kind]:
    """The built-in kinds that the rules of a policy name without wildcards, in order."""
    named: dict[tuple[str, str, str], Kind] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for group, version, resource in _resources(rule):
            kind = registry.resource(group, version, resource)
            if kind is not None and kind.definition is None and len(named) < MAX_KINDS:
                named[kind.group, kind.version, kind.kind] = kind
    return [named[key] for key in sorted(named)]


def _resources(rule: Obj) -> Iterator[tuple[str, str, str]]:
    groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
    if any("*" in each for each in (*groups, *versions)):
        return
    for group in sorted(groups):
        for version in sorted(versions):
            for resource in sorted(rule.get("resources") or ()):
                if "*" not in resource and "/" not in resource:
                    yield group, version, resource


def _expressions(spec: Obj) -> Iterator[tuple[str, str]]:
    for i, validation in enumerate(spec.get("validations") or ()):
        for name in ("expression", "messageExpression"):
            if validation.get(name):
                yield f"spec.validations[{i}].{name}", validation[name]


def _scope(kind: Kind, spec: Obj, registry: Registry) -> admission.Scope:
    wanted: Obj | None = spec.get("paramKind")
    param = registry.find(wanted.get("apiVersion") or "", wanted.get("kind") or "") if wanted else None
    typed = _type(param) if param is not None and param.definition is None else types.DYN
    return admission.Scope(params=wanted is not None, obj=_type(kind), param=typed)


def _type(kind: Kind) -> Type:
    return types.of_schema({"$ref": schema.of(kind).name}, name=kind.kind) or types.DYN


def _problem(kind: Kind, scope: admission.Scope, spec: Obj, expression: str) -> str:
    composition = admission.Composition(scope)
    _declare(composition, spec.get("variables") or ())
    try:
        composition.compile(expression, ())
    except CelError as error:
        issues = str(error).removeprefix("compilation failed: ")
        return f"{kind.api_version}, Kind={kind.kind}: {issues}\n"
    return ""


def _declare(composition: admission.Composition, variables: Sequence[Obj]) -> None:
    for variable in variables:
        try:
            composition.add(variable["name"], variable["expression"])
        except CelError:
            continue
