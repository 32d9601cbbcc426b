"""Rules of ValidatingAdmissionPolicies and their bindings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api import names
from hyperpy.api.cel import CelError, admission
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import admission_matching as matching
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = Mapping[str, Any]

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_NOT_FOUND_ACTIONS = ("Allow", "Deny")
_MAX_ANNOTATIONS = 20
_MAX_ANNOTATION_EXPRESSION = 5 * 1024
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_RESERVED = frozenset((
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
))  # fmt: skip
_NOTHING = "validations or auditAnnotations must contain at least one item"


def on_create(policy: Obj) -> Iterator[Cause]:
    """A new policy."""
    yield from _policy(policy, conditions=True)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed policy; match conditions that stay as they are are not compiled again."""
    before, after = old["spec"], new["spec"]
    unchanged = all(same(after.get(name), before.get(name)) for name in ("paramKind", "matchConditions"))
    yield from _policy(new, conditions=not unchanged)


def _policy(policy: Obj, *, conditions: bool) -> Iterator[Cause]:
    spec = policy["spec"]
    yield from rules.one_of("spec.failurePolicy", spec.get("failurePolicy"), matching.FAILURE_POLICIES)
    kind = spec.get("paramKind")
    if kind is not None:
        yield from _param_kind("spec.paramKind", kind)
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield cause.required("spec.matchConstraints")
    else:
        yield from matching.match_resources("spec.matchConstraints", constraints)
        if not constraints.get("resourceRules"):
            yield cause.required("spec.matchConstraints.resourceRules")
    if conditions:
        yield from matching.match_conditions(
            "spec.matchConditions", spec.get("matchConditions") or (), params=kind is not None
        )
    yield from _expressions(policy)


def _expressions(policy: Obj) -> Iterator[Cause]:
    spec = policy["spec"]
    composition = admission.Composition(admission.Scope(params=spec.get("paramKind") is not None))
    for i, variable in enumerate(spec.get("variables") or ()):
        yield from _variable(f"spec.variables[{i}]", variable, composition)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        yield cause.required("spec.validations", _NOTHING)
        yield cause.required("spec.auditAnnotations", _NOTHING)
    for i, validation in enumerate(validations):
        yield from _validation(f"spec.validations[{i}]", validation, composition)
    if len(annotations) > _MAX_ANNOTATIONS:
        yield cause.invalid(
            "spec.auditAnnotations", annotations, f"must not have more than {_MAX_ANNOTATIONS} auditAnnotations"
        )
    for i, annotation in enumerate(annotations):
        yield from _annotation(f"spec.auditAnnotations[{i}]", annotation, composition, policy)
    yield from rules.unique("spec.auditAnnotations", [each.get("key") for each in annotations], field="key")


def _param_kind(path: str, kind: Obj) -> Iterator[Cause]:
    api_version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    group, _, version = api_version.rpartition("/")
    if not api_version:
        yield cause.required(f"{path}.apiVersion")
    elif api_version.count("/") > 1:
        yield cause.invalid(f"{path}.apiVersion", api_version, f"unexpected GroupVersion string: {api_version}")
    else:
        if group and names.subdomain_errors(group):
            yield cause.invalid(f"{path}.apiVersion", group, ",".join(names.subdomain_errors(group)))
        if not version:
            yield cause.invalid(f"{path}.apiVersion", api_version, "version must be specified")
        elif formats.dns_1035_label(version):
            yield cause.invalid(f"{path}.apiVersion", version, ",".join(formats.dns_1035_label(version)))
    if not name:
        yield cause.required(f"{path}.kind")
    elif formats.dns_1035_label(name.lower()):
        problems = ",".join(formats.dns_1035_label(name.lower()))
        yield cause.invalid(f"{path}.kind", name, f"may have mixed case, but should otherwise match: {problems}")


def _variable(path: str, variable: Obj, composition: admission.Composition) -> Iterator[Cause]:
    name, expression = variable.get("name") or "", variable.get("expression") or ""
    good = bool(_IDENTIFIER.fullmatch(name)) and name not in _RESERVED
    if not name.strip():
        yield cause.required(f"{path}.name", "name is not specified")
    elif not good:
        yield cause.invalid(f"{path}.name", name, "name is not a valid CEL identifier")
    if not expression.strip():
        yield cause.required(f"{path}.expression", "expression is not specified")
    elif good:
        try:
            composition.add(name, expression)
        except CelError as error:
            yield cause.invalid(f"{path}.expression", expression, str(error))


def _validation(path: str, validation: Obj, composition: admission.Composition) -> Iterator[Cause]:
    expression = validation.get("expression") or ""
    if not expression.strip():
        yield cause.required(f"{path}.expression", "expression is not specified")
    else:
        yield from _compiles(f"{path}.expression", expression, composition, (admission.BOOL,))
    message, told = validation.get("message") or "", validation.get("messageExpression") or ""
    if told and not told.strip():
        yield cause.invalid(f"{path}.messageExpression", told, "must be non-empty if specified")
    elif told:
        where = f"{path}.messageExpression"
        yield from _compiles(where, told, composition, (admission.STRING,), authorizer=False)
    if message and not message.strip():
        yield cause.invalid(f"{path}.message", message, "message must be non-empty if specified")
    elif re.search(r"[\n\r]", message.strip()):
        yield cause.invalid(f"{path}.message", message, "message must not contain line breaks")
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        yield cause.not_supported(f"{path}.reason", reason, _REASONS)


def _compiles(
    path: str,
    expression: str,
    composition: admission.Composition,
    returns: tuple[str, ...],
    *,
    authorizer: bool = True,
) -> Iterator[Cause]:
    try:
        composition.compile(expression, returns, authorizer=authorizer)
    except CelError as error:
        yield cause.invalid(path, expression, str(error))


def _annotation(path: str, annotation: Obj, composition: admission.Composition, policy: Obj) -> Iterator[Cause]:
    key = annotation.get("key") or ""
    name = policy["metadata"].get("name")
    if name:
        for problem in names.qualified_errors(f"{name}/{key}"):
            yield cause.invalid(f"{path}.key", f"{name}/{key}", problem)
    else:
        yield cause.invalid(f"{path}.key", key, "requires metadata.name be non-empty")
    expression = (annotation.get("valueExpression") or "").strip()
    where = f"{path}.valueExpression"
    if not expression:
        yield cause.required(where, "valueExpression is not specified")
    elif len(expression.encode()) > _MAX_ANNOTATION_EXPRESSION:
        yield cause.required(where, f"must not exceed {_MAX_ANNOTATION_EXPRESSION} bytes in length")
    else:
        yield from _compiles(where, expression, composition, (admission.STRING, admission.NULL))


def on_status_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """What type checking found."""
    checked = (new.get("status") or {}).get("typeChecking") or {}
    for i, warning in enumerate(checked.get("expressionWarnings") or ()):
        path = f"status.typeChecking.expressionWarnings[{i}]"
        if not warning.get("warning"):
            yield cause.required(f"{path}.warning")
        if not (warning.get("fieldRef") or "").strip():
            yield cause.required(f"{path}.fieldRef")


def binding(obj: Obj) -> Iterator[Cause]:
    """A new or changed binding."""
    spec = obj["spec"]
    yield from rules.required("spec.policyName", spec.get("policyName"), names.subdomain_errors)
    if spec.get("paramRef") is not None:
        yield from _param_ref("spec.paramRef", spec["paramRef"])
    yield from matching.match_resources("spec.matchResources", spec.get("matchResources"))
    yield from _actions("spec.validationActions", spec.get("validationActions") or ())


def _param_ref(path: str, reference: Obj) -> Iterator[Cause]:
    name, selector = reference.get("name"), reference.get("selector")
    if name:
        yield from rules.formed(f"{path}.name", name, formats.path_segment)
    if name and selector is not None:
        yield cause.forbidden(f"{path}.name", "name and selector are mutually exclusive")
    yield from rules.label_selector(f"{path}.selector", selector)
    if name and selector is not None:
        yield cause.forbidden(f"{path}.selector", "name and selector are mutually exclusive")
    if not name and selector is None:
        yield cause.required(path, "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction")
    yield from rules.one_of(f"{path}.parameterNotFoundAction", action, _NOT_FOUND_ACTIONS)


def _actions(path: str, actions: Any) -> Iterator[Cause]:
    for i, action in enumerate(actions):
        if action not in _ACTIONS:
            yield cause.not_supported(f"{path}[{i}]", action, _ACTIONS)
    yield from rules.unique(path, actions)
    if "Deny" in actions and "Warn" in actions:
        yield cause.invalid(
            path,
            actions,
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)",
        )
    if not actions:
        yield cause.required(path, "at least one validation action is required")


_GROUP = "admissionregistration.k8s.io"
RULES = {
    (_GROUP, "ValidatingAdmissionPolicy"): Rules(on_create, on_update, on_status_update, whole=False),
    (_GROUP, "ValidatingAdmissionPolicyBinding"): Rules(binding),
}
