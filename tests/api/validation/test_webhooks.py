"""Webhook configurations: what is filled in and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import defaults, kinds, printers

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}


def hook(**changes: Any) -> dict[str, Any]:
    good = {
        "name": "a.example.com",
        "clientConfig": {"url": "https://example.com/path"},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not ...}


def rule(**changes: Any) -> dict[str, Any]:
    return hook(rules=[{**RULE, **changes}])


def service(**changes: Any) -> dict[str, Any]:
    return hook(clientConfig={"service": {"name": "s", "namespace": "n", **changes}})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": (hook(name=""), "webhooks[0].name: Required value"),
    "a short name": (
        hook(name="a.b"),
        'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
    ),
    "no side effects": (
        hook(sideEffects=...),
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
    ),
    "side effects of old": (
        hook(sideEffects="Some"),
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ),
    "a long timeout": (
        hook(timeoutSeconds=31),
        "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
    ),
    "an unknown failure policy": (
        hook(failurePolicy="Maybe"),
        'webhooks[0].failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
    ),
    "an unknown match policy": (
        hook(matchPolicy="Some"),
        'webhooks[0].matchPolicy: Unsupported value: "Some": supported values: "Equivalent", "Exact"',
    ),
    "nowhere to go": (
        hook(clientConfig={}),
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
    ),
    "plain http": (
        hook(clientConfig={"url": "http://h"}),
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
        "desired format: https://host[/path]",
    ),
    "a query": (
        hook(clientConfig={"url": "https://h/p?x=1"}),
        'webhooks[0].clientConfig.url: Invalid value: "x=1": query parameters are not permitted in the URL',
    ),
    "a user": (
        hook(clientConfig={"url": "https://u:p@h/p"}),
        'webhooks[0].clientConfig.url: Invalid value: "u:p": user information is not permitted in the URL',
    ),
    "a service without a namespace": (
        service(namespace=""),
        "webhooks[0].clientConfig.service.namespace: Required value: service namespace is required",
    ),
    "a port beyond": (
        service(port=70000),
        "webhooks[0].clientConfig.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, "
        "inclusive",
    ),
    "a relative path": (
        service(path="pp"),
        "webhooks[0].clientConfig.service.path: Invalid value: \"pp\": must start with a '/'",
    ),
    "an empty step": (
        service(path="/a//b"),
        'webhooks[0].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty',
    ),
    "no operations": (rule(operations=[]), "webhooks[0].rules[0].operations: Required value"),
    "all and one operation": (
        rule(operations=["*", "CREATE"]),
        'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other '
        "operations",
    ),
    "an unknown operation": (
        rule(operations=["PATCH"]),
        'webhooks[0].rules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", '
        '"DELETE", "UPDATE"',
    ),
    "no groups": (rule(apiGroups=[]), "webhooks[0].rules[0].apiGroups: Required value"),
    "an empty version": (rule(apiVersions=[""]), "webhooks[0].rules[0].apiVersions[0]: Required value"),
    "a subresource twice": (
        rule(resources=["pods/*", "pods/log"]),
        "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify "
        "pods/log",
    ),
    "everything and more": (
        rule(resources=["*/*", "pods"]),
        'webhooks[0].rules[0].resources: Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not specify other '
        "resources",
    ),
    "an unknown scope": (
        rule(scope="Some"),
        'webhooks[0].rules[0].scope: Unsupported value: "Some": supported values: "*", "Cluster", "Namespaced"',
    ),
    "a wrong selector": (
        hook(objectSelector={"matchExpressions": [{"key": "a", "operator": "Is"}]}),
        'webhooks[0].objectSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ),
    "no review version": (
        hook(admissionReviewVersions=[]),
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
    ),
    "only foreign review versions": (
        hook(admissionReviewVersions=["v2"]),
        'webhooks[0].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
    ),
    "a condition without a name": (
        hook(matchConditions=[{"expression": "true"}]),
        "webhooks[0].matchConditions[0].name: Required value",
    ),
    "a condition twice": (
        hook(matchConditions=[{"name": "a", "expression": "true"}] * 2),
        'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
    ),
    "a condition that does not compile": (
        hook(matchConditions=[{"name": "a", "expression": "request.x == 1"}]),
        'webhooks[0].matchConditions[0].expression: Invalid value: "request.x == 1": compilation failed: ERROR: '
        "<input>:1:8: undefined field 'x'\n | request.x == 1\n | .......^",
    ),
    "a condition that is no condition": (
        hook(matchConditions=[{"name": "a", "expression": "'yes'"}]),
        "webhooks[0].matchConditions[0].expression: Invalid value: \"'yes'\": must evaluate to bool",
    ),
    "a condition on parameters": (
        hook(matchConditions=[{"name": "a", "expression": "params.x"}]),
        'webhooks[0].matchConditions[0].expression: Invalid value: "params.x": compilation failed: ERROR: <input>:1:1: '
        "undeclared reference to 'params' (in container '')\n | params.x\n | ^",
    ),
}


@pytest.mark.parametrize(("given", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_wrong_webhook_is_refused(complaints: Any, kind_of: Any, given: dict[str, Any], complaint: str):
    kind = kind_of("validatingwebhookconfigurations")
    assert complaints(kind, {"webhooks": [given]}) == [complaint]


def test_names_of_webhooks_are_unique(complaints: Any, kind_of: Any):
    kind = kind_of("mutatingwebhookconfigurations")
    assert complaints(kind, {"webhooks": [hook(), hook()]}) == ['webhooks[1].name: Duplicate value: "a.example.com"']


def test_conditions_that_stay_are_not_judged_again(change_complaints: Any, kind_of: Any):
    kind = kind_of("mutatingwebhookconfigurations")
    old = {"webhooks": [hook(matchConditions=[{"name": "a", "expression": "object.x +"}])]}
    assert change_complaints(kind, {"webhooks": [{**old["webhooks"][0], "timeoutSeconds": 3}]}, old) == []
    changed = {"webhooks": [hook(matchConditions=[{"name": "a", "expression": "object.y +"}])]}
    assert "compilation failed" in change_complaints(kind, changed, old)[0]


def test_defaults_of_webhooks(kind_of: Any):
    obj = {"metadata": {}, "webhooks": [service()]}
    defaults.apply(kind_of("mutatingwebhookconfigurations"), obj)
    filled = obj["webhooks"][0]
    assert filled["clientConfig"]["service"]["port"] == 443
    assert filled["rules"][0]["scope"] == "*"
    assert {name: filled[name] for name in filled if name not in service()} == {
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "timeoutSeconds": 10,
        "reinvocationPolicy": "Never",
    }


def test_row_of_a_configuration(kind_of: Any):
    obj = {"metadata": {"name": "w"}, "webhooks": [hook(), hook()]}
    table = printers.table(kind_of("validatingwebhookconfigurations"), [obj], now=0)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Webhooks", "Age"]
    assert table["rows"][0]["cells"] == ["w", 2, "<unknown>"]


@pytest.fixture
def kind_of() -> Any:
    return lambda plural: next(kind for kind in kinds.BUILT_IN if kind.plural == plural)
