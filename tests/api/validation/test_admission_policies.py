"""ValidatingAdmissionPolicies and their bindings: what is filled in and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import defaults, printers
from hyperpy.api.kinds import BUILT_IN

POLICY = next(kind for kind in BUILT_IN if kind.plural == "validatingadmissionpolicies")
BINDING = next(kind for kind in BUILT_IN if kind.plural == "validatingadmissionpolicybindings")
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}


def policy(**changes: Any) -> dict[str, Any]:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], **changes}
    return {"metadata": {"name": "p.example.com"}, "spec": {key: value for key, value in spec.items() if value != ...}}


def check(**changes: Any) -> dict[str, Any]:
    return policy(validations=[{"expression": "true", **changes}])


def binding(**changes: Any) -> dict[str, Any]:
    return {"spec": {"policyName": "p.example.com", "validationActions": ["Deny"], **changes}}


WRONG_POLICIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing to match": (policy(matchConstraints=...), ["spec.matchConstraints: Required value"]),
    "no rules": (policy(matchConstraints={}), ["spec.matchConstraints.resourceRules: Required value"]),
    "nothing to say": (
        policy(validations=...),
        [
            "spec.validations: Required value: validations or auditAnnotations must contain at least one item",
            "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item",
        ],
    ),
    "an unknown failure policy": (
        policy(failurePolicy="Maybe"),
        ['spec.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"'],
    ),
    "a resource name twice": (
        policy(matchConstraints={"resourceRules": [{**RULE, "resourceNames": ["a", "a"]}]}),
        ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"'],
    ),
    "an empty expression": (
        check(expression=" "),
        ["spec.validations[0].expression: Required value: expression is not specified"],
    ),
    "an expression that does not compile": (
        check(expression="objekt.spec"),
        [
            'spec.validations[0].expression: Invalid value: "objekt.spec": compilation failed: ERROR: <input>:1:1: '
            "undeclared reference to 'objekt' (in container '')\n | objekt.spec\n | ^"
        ],
    ),
    "an expression that is no condition": (
        check(expression="1"),
        ['spec.validations[0].expression: Invalid value: "1": must evaluate to bool'],
    ),
    "parameters without a kind": (
        check(expression="params.x == 1"),
        [
            'spec.validations[0].expression: Invalid value: "params.x == 1": compilation failed: ERROR: <input>:1:1: '
            "undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^"
        ],
    ),
    "a variable of a later variable": (
        policy(variables=[{"name": "a", "expression": "variables.b"}, {"name": "b", "expression": "1"}]),
        [
            'spec.variables[0].expression: Invalid value: "variables.b": compilation failed: ERROR: <input>:1:1: '
            "undeclared reference to 'variables' (in container '')\n | variables.b\n | ^"
        ],
    ),
    "a variable of another type": (
        policy(variables=[{"name": "a", "expression": "'x'"}], validations=[{"expression": "variables.a > 1"}]),
        [
            'spec.validations[0].expression: Invalid value: "variables.a > 1": compilation failed: ERROR: '
            "<input>:1:13: found no matching overload for '_>_' applied to '(string, int)'\n | variables.a > 1\n"
            " | ............^"
        ],
    ),
    "a variable with a bad name": (
        policy(variables=[{"name": "a-b", "expression": "1"}]),
        ['spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier'],
    ),
    "a message of several lines": (
        check(message="a\nb"),
        ['spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks'],
    ),
    "a message expression that is no text": (
        check(messageExpression="1"),
        ['spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string'],
    ),
    "an authorizer in a message": (
        check(messageExpression="authorizer.path('/').check('get').reason()"),
        [
            "spec.validations[0].messageExpression: Invalid value: \"authorizer.path('/').check('get').reason()\": "
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n"
            " | authorizer.path('/').check('get').reason()\n | ^"
        ],
    ),
    "an unknown reason": (
        check(reason="Gone"),
        [
            'spec.validations[0].reason: Unsupported value: "Gone": supported values: "Forbidden", "Invalid", '
            '"RequestEntityTooLarge"'
        ],
    ),
    "an annotation that is no text": (
        policy(auditAnnotations=[{"key": "a", "valueExpression": "1"}]),
        ['spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type]'],
    ),
    "an annotation twice": (
        policy(auditAnnotations=[{"key": "a", "valueExpression": "'x'"}] * 2),
        ['spec.auditAnnotations[1].key: Duplicate value: "a"'],
    ),
    "a kind of parameters without a version": (
        policy(paramKind={"kind": "ConfigMap"}),
        ["spec.paramKind.apiVersion: Required value"],
    ),
    "a kind of parameters with too many parts": (
        policy(paramKind={"apiVersion": "a/b/c", "kind": "X"}),
        ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ),
}


@pytest.mark.parametrize(("given", "expected"), WRONG_POLICIES.values(), ids=WRONG_POLICIES.keys())
def test_wrong_policy_is_refused(complaints: Any, given: dict[str, Any], expected: list[str]):
    assert complaints(POLICY, given) == expected


def test_rich_policy_is_taken(complaints: Any):
    rich = policy(
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        matchConditions=[{"name": "not-system", "expression": "!('system:masters' in request.userInfo.groups)"}],
        variables=[
            {"name": "limit", "expression": "int(params.data.limit)"},
            {"name": "containers", "expression": "object.spec.containers.filter(c, has(c.image))"},
        ],
        validations=[
            {
                "expression": "variables.containers.size() <= variables.limit && namespaceObject.metadata.name != ''",
                "messageExpression": "'at most %d'.format([variables.limit])",
            },
            {"expression": "authorizer.requestResource.check('custom').allowed()"},
        ],
        auditAnnotations=[{"key": "count", "valueExpression": "string(variables.containers.size())"}],
    )
    assert complaints(POLICY, rich) == []


def test_broken_conditions_that_stay_are_not_judged_again(change_complaints: Any):
    old = policy(matchConditions=[{"name": "a", "expression": "1 +"}])
    new = policy(matchConditions=[{"name": "a", "expression": "1 +"}], failurePolicy="Ignore")
    assert change_complaints(POLICY, new, old) == []


WRONG_BINDINGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no policy": (binding(policyName=""), ["spec.policyName: Required value"]),
    "no actions": (
        binding(validationActions=[]),
        ["spec.validationActions: Required value: at least one validation action is required"],
    ),
    "an unknown action": (
        binding(validationActions=["Stop"]),
        ['spec.validationActions[0]: Unsupported value: "Stop": supported values: "Audit", "Deny", "Warn"'],
    ),
    "deny and warn": (
        binding(validationActions=["Deny", "Warn"]),
        [
            'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating '
            "the same validation failure information in the API response and headers serves no purpose)"
        ],
    ),
    "no parameter named": (
        binding(paramRef={}),
        ["spec.paramRef: Required value: one of name or selector must be specified"],
    ),
    "a parameter named twice": (
        binding(paramRef={"name": "a", "selector": {}}),
        [
            "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
            "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        ],
    ),
    "an unknown way out": (
        binding(paramRef={"name": "a", "parameterNotFoundAction": "Wait"}),
        ['spec.paramRef.parameterNotFoundAction: Unsupported value: "Wait": supported values: "Allow", "Deny"'],
    ),
}


@pytest.mark.parametrize(("given", "expected"), WRONG_BINDINGS.values(), ids=WRONG_BINDINGS.keys())
def test_wrong_binding_is_refused(complaints: Any, given: dict[str, Any], expected: list[str]):
    assert complaints(BINDING, given) == expected


def test_defaults_of_policies_and_bindings():
    given = policy()
    defaults.apply(POLICY, given)
    assert given["spec"]["failurePolicy"] == "Fail"
    assert given["spec"]["matchConstraints"] == {
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": [{**RULE, "scope": "*"}],
    }
    bound = binding(paramRef={"name": "a"}, matchResources={})
    defaults.apply(BINDING, bound)
    assert bound["spec"]["paramRef"]["parameterNotFoundAction"] == "Deny"
    assert bound["spec"]["matchResources"]["matchPolicy"] == "Equivalent"


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (None, "<unset>"),
        ({"name": "a", "namespace": "n"}, "n/a"),
        ({"name": "a"}, "*/a"),
        ({"selector": {"matchLabels": {"b": "1", "a": "2"}}}, "a=2,b=1"),
    ],
)
def test_rows_of_policies_and_bindings(reference: dict[str, Any] | None, shown: str):
    bound = {"metadata": {"name": "b"}, **binding(**({"paramRef": reference} if reference else {}))}
    assert printers.table(BINDING, [bound], now=0)["rows"][0]["cells"][1:3] == ["p.example.com", shown]
    given = policy(paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    assert printers.table(POLICY, [given], now=0)["rows"][0]["cells"][1:3] == [1, "v1/ConfigMap"]


def test_status_says_where_and_what(status_complaints: Any):
    status = {"typeChecking": {"expressionWarnings": [{"fieldRef": " ", "warning": ""}]}}
    assert status_complaints(POLICY, {**policy(), "status": status}, policy()) == [
        "status.typeChecking.expressionWarnings[0].warning: Required value",
        "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
    ]
