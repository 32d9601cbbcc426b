"""ValidatingAdmissionPolicies: what they match, evaluate and say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hyperpy.api import errors

Obj = dict[str, Any]

BASE = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}
DENIED = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "


@pytest.fixture
def put_in_force(cluster: Any) -> Any:
    """Creates a policy and its binding: `await put_in_force(spec..., binding={...})`."""

    async def create(*, binding: Obj | None = None, name: str = "p", rule: Obj | None = None, **spec: Any) -> None:
        constraints = {"resourceRules": [{**RULE, **(rule or {})}], **spec.pop("constraints", {})}
        body = {"metadata": {"name": name}, "spec": {"matchConstraints": constraints, **spec}}
        await cluster.json("POST", f"{BASE}/validatingadmissionpolicies", body)
        bound = {"policyName": name, "validationActions": ["Deny"], **(binding or {})}
        where = f"{BASE}/validatingadmissionpolicybindings"
        await cluster.json("POST", where, {"metadata": {"name": "b" if name == "p" else f"b-{name}"}, "spec": bound})

    return create


@pytest.fixture
def write(cluster: Any, make_config_map: Any) -> Any:
    """Creates a ConfigMap."""

    async def create(name: str = "x", namespace: str = "default", **extra: Any) -> Obj:
        body = make_config_map(name, namespace, **extra)
        return await cluster.json("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)

    return create


def checks(expression: str, **more: str) -> Obj:
    return {"validations": [{"expression": expression, **more}]}


async def refused(write: Any, name: str = "x", **extra: Any) -> errors.StatusError:
    with pytest.raises(errors.StatusError) as caught:
        await write(name, **extra)
    return caught.value


async def test_denial_tells_policy_binding_and_expression(put_in_force: Any, write: Any):
    await put_in_force(**checks("object.data.a == '2' "))
    error = await refused(write)
    message = f"{DENIED}failed expression: object.data.a == '2'"
    assert error.message == f'configmaps "x" is forbidden: {message}'
    assert (error.code, error.status()["reason"]) == (422, "Invalid")
    assert error.details["causes"] == [{"message": message}]
    assert (error.details["kind"], error.details["name"]) == ("configmaps", "x")


MESSAGES: dict[str, tuple[Obj, str, int, str]] = {
    "a message": ({"message": " a must be 2 "}, "a must be 2", 422, "Invalid"),
    "an expression": (
        {"message": "other", "messageExpression": "'a is ' + object.data.a"},
        "a is 1",
        422,
        "Invalid",
    ),
    "an expression that fails": ({"message": "plain", "messageExpression": "object.data.zz"}, "plain", 422, "Invalid"),
    "an expression of several lines": ({"messageExpression": "'a\\nb'"}, "failed expression: false", 422, "Invalid"),
    "a reason": ({"reason": "Forbidden"}, "failed expression: false", 403, "Forbidden"),
    "another reason": (
        {"reason": "RequestEntityTooLarge"},
        "failed expression: false",
        413,
        "RequestEntityTooLarge",
    ),
}


@pytest.mark.parametrize(("more", "text", "code", "reason"), MESSAGES.values(), ids=MESSAGES.keys())
async def test_what_is_said(put_in_force: Any, write: Any, more: dict[str, str], text: str, code: int, reason: str):
    if "messageExpression" in more and "zz" in more["messageExpression"]:
        more = {**more, "messageExpression": "'' + string(object.data.zz)"}
    await put_in_force(**checks("false", **more))
    error = await refused(write)
    assert error.message == f'configmaps "x" is forbidden: {DENIED}{text}'
    assert (error.code, error.status()["reason"]) == (code, reason)


HOLDING = [
    "object.metadata.name == 'x' && object.metadata.namespace == 'default' && oldObject == null",
    "request.operation == 'CREATE' && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'",
    "request.userInfo.username == 'tester' && 'system:masters' in request.userInfo.groups && !request.dryRun",
    "request.name == 'x' && request.namespace == 'default' && !has(request.subResource)",
    "namespaceObject.metadata.name == 'default' && namespaceObject.status.phase == 'Active'",
    "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'",
    "namespaceObject.metadata.creationTimestamp.getFullYear() > 1960",
    "authorizer.group('').resource('pods').namespace('default').check('get').allowed()",
    "authorizer.requestResource.check('create').allowed()",
]


@pytest.mark.parametrize("expression", HOLDING)
async def test_expression_sees_the_request(cluster: Any, put_in_force: Any, write: Any, expression: str):
    await put_in_force(**checks(expression))
    await write()
    await put_in_force(name="not", **checks(f"!({expression})"))
    await cluster.json("DELETE", f"{MAPS}/x")
    assert "failed expression: !(" in (await refused(write)).message


async def test_policy_without_a_binding_is_not_in_force(cluster: Any, write: Any):
    body = {"metadata": {"name": "p"}, "spec": {"matchConstraints": {"resourceRules": [RULE]}, **checks("false")}}
    await cluster.json("POST", f"{BASE}/validatingadmissionpolicies", body)
    await write()


async def test_policy_is_in_force_at_once_and_no_longer_than_it_is_bound(cluster: Any, put_in_force: Any, write: Any):
    await write("before")
    await put_in_force(**checks("false"))
    await refused(write)
    patch = [{"op": "replace", "path": "/spec/validations/0/expression", "value": "object.metadata.name == 'y'"}]
    where = f"{BASE}/validatingadmissionpolicies/p"
    await cluster.json("PATCH", where, patch, content_type="application/json-patch+json")
    await refused(write)
    await write("y")
    await cluster.json("DELETE", f"{BASE}/validatingadmissionpolicybindings/b")
    await write()


async def test_updates_are_judged_against_the_old_object(cluster: Any, put_in_force: Any, write: Any):
    await write()
    await put_in_force(rule={"operations": ["UPDATE"]}, **checks("object.data.a == oldObject.data.a"))
    body = {"metadata": {"name": "x"}, "data": {"a": "2"}}
    with pytest.raises(errors.Invalid, match="failed expression: object.data.a == oldObject.data.a"):
        await cluster.json("PUT", f"{MAPS}/x", body)
    await cluster.json("PUT", f"{MAPS}/x", {**body, "data": {"a": "1", "b": "2"}})


async def test_deletions_can_be_refused(cluster: Any, put_in_force: Any, write: Any):
    await write()
    await put_in_force(
        rule={"operations": ["DELETE"]}, **checks("!has(oldObject.metadata.labels)", message="is protected")
    )
    await cluster.json("DELETE", f"{MAPS}/x")
    await write(labels={"keep": "yes"})
    with pytest.raises(errors.Invalid, match="is protected"):
        await cluster.json("DELETE", f"{MAPS}/x")


async def test_conditions_narrow_a_policy_down(put_in_force: Any, write: Any):
    conditions = [{"name": "no-tmp", "expression": "!object.metadata.name.startsWith('tmp')"}]
    await put_in_force(matchConditions=conditions, **checks("false"))
    await write("tmp-1")
    await refused(write)


async def test_names_and_exclusions_narrow_a_rule_down(put_in_force: Any, write: Any):
    excluded = [{**RULE, "resourceNames": ["free"]}]
    await put_in_force(constraints={"excludeResourceRules": excluded}, **checks("false"))
    await write("free")
    await refused(write)
    await put_in_force(name="q", rule={"resourceNames": ["free"]}, **checks("false"))
    await refused(write, "free")


async def test_binding_narrows_a_policy_down(cluster: Any, put_in_force: Any, write: Any):
    await cluster.json("POST", "/api/v1/namespaces", {"metadata": {"name": "blue", "labels": {"color": "blue"}}})
    resources = {
        "namespaceSelector": {"matchLabels": {"color": "blue"}},
        "objectSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    }
    await put_in_force(binding={"matchResources": resources}, **checks("false"))
    await write(labels={"app": "web"})
    await write(namespace="blue")
    await refused(write, "y", namespace="blue", labels={"app": "web"})


async def test_variables_are_shared_and_evaluated_when_needed(put_in_force: Any, write: Any):
    variables = [
        {"name": "value", "expression": "int(object.data.a)"},
        {"name": "twice", "expression": "variables.value * 2"},
        {"name": "words", "expression": "object.data.map(k, k)"},
        {"name": "broken", "expression": "object.data.missing"},
        {"name": "start", "expression": "timestamp('2024-01-01T00:00:00Z')"},
    ]
    await put_in_force(
        variables=variables,
        validations=[
            {"expression": "variables.words.exists(w, w == 'a') && variables.start.getFullYear() == 2024"},
            {"expression": "variables.twice == 2 || variables.broken == ''"},
            {"expression": "variables.twice > 2", "messageExpression": "'twice is ' + string(variables.twice)"},
        ],
    )
    error = await refused(write)
    assert error.message.endswith(f"{DENIED}twice is 2")


async def test_variable_that_fails_is_told_where_it_is_read(put_in_force: Any, write: Any):
    variables = [{"name": "broken", "expression": "object.data.missing"}]
    await put_in_force(variables=variables, **checks("variables.broken == 'x'"))
    error = await refused(write)
    assert error.message.endswith(
        f"{DENIED}expression 'variables.broken == 'x'' resulted in error: "
        'composited variable "broken" fails to evaluate: no such key: missing'
    )


async def test_failure_policy_decides_over_errors(put_in_force: Any, write: Any):
    await put_in_force(failurePolicy="Ignore", **checks("object.data.missing == 'x'"))
    await write()
    await put_in_force(name="q", **checks("object.data.missing == 'x'"))
    error = await refused(write, "y")
    assert error.message.endswith(
        "ValidatingAdmissionPolicy 'q' with binding 'b-q' denied request: "
        "expression 'object.data.missing == 'x'' resulted in error: no such key: missing"
    )


async def test_warning_lets_the_request_through(cluster: Any, put_in_force: Any, make_config_map: Any):
    await put_in_force(binding={"validationActions": ["Warn"]}, **checks("false", message="not nice"))
    response = await cluster.send("POST", MAPS, make_config_map("x"))
    assert response.headers["Warning"] == (
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': not nice\""
    )


async def test_audit_notes_failures_and_annotations(cluster: Any, put_in_force: Any, make_config_map: Any, noted: Any):
    await put_in_force(
        binding={"validationActions": ["Audit"]},
        auditAnnotations=[
            {"key": "size", "valueExpression": "string(object.data.size())"},
            {"key": "none", "valueExpression": "object.data.a == '1' ? '' : 'x'"},
        ],
        **checks("false", message="noted"),
    )
    await cluster.send("POST", MAPS, make_config_map("x"))
    failure = noted.pop("validation.policy.admission.k8s.io/validation_failure")
    assert noted == {"p/size": "1"}
    assert json.loads(failure) == [
        {"message": "noted", "policy": "p", "binding": "b", "expressionIndex": 0, "validationActions": ["Audit"]}
    ]


PARAM = {"apiVersion": "v1", "kind": "ConfigMap"}
LIMIT = checks("params == null || object.data.a <= params.data.max", messageExpression="'max ' + params.data.max")


async def test_parameter_is_found_by_name(cluster: Any, put_in_force: Any, write: Any):
    await cluster.json("POST", MAPS, {"metadata": {"name": "limit"}, "data": {"max": "0"}})
    reference = {"name": "limit", "namespace": "default", "parameterNotFoundAction": "Deny"}
    await put_in_force(paramKind=PARAM, binding={"paramRef": reference}, **LIMIT)
    error = await refused(write)
    assert error.message.endswith(f"{DENIED}max 0")
    await cluster.json("PUT", f"{MAPS}/limit", {"metadata": {"name": "limit"}, "data": {"max": "5", "a": "0"}})
    await write()


async def test_parameters_are_found_by_label_in_the_requests_namespace(cluster: Any, put_in_force: Any, write: Any):
    await cluster.json("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    for name, most in (("one", "9"), ("two", "0")):
        body = {"metadata": {"name": name, "labels": {"role": "limit"}}, "data": {"max": most}}
        await cluster.json("POST", MAPS, body)
    reference = {"selector": {"matchLabels": {"role": "limit"}}, "parameterNotFoundAction": "Allow"}
    await put_in_force(paramKind=PARAM, binding={"paramRef": reference}, **LIMIT)
    error = await refused(write)
    assert error.message.endswith(f"{DENIED}max 0")
    await write(namespace="other")


@pytest.mark.parametrize("action", ["Deny", "Allow"])
async def test_missing_parameter_is_up_to_the_binding(put_in_force: Any, write: Any, action: str):
    reference = {"name": "limit", "parameterNotFoundAction": action}
    await put_in_force(paramKind=PARAM, binding={"paramRef": reference}, **LIMIT)
    if action == "Allow":
        await write()
        return
    error = await refused(write)
    assert error.message.endswith(
        f"{DENIED}failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    )


async def test_kind_of_parameters_must_exist(put_in_force: Any, write: Any):
    unknown = {"apiVersion": "example.com/v1", "kind": "Limit"}
    await put_in_force(paramKind=unknown, binding={"paramRef": {"name": "a"}}, **LIMIT)
    error = await refused(write)
    assert error.message.endswith(
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced "
        "by paramKind: 'example.com/v1, Kind=Limit'"
    )


async def test_binding_without_parameters_gives_null(put_in_force: Any, write: Any):
    await put_in_force(paramKind=PARAM, **checks("params == null"))
    await write()


async def test_parameters_of_cluster_kinds_have_no_namespace(put_in_force: Any, write: Any):
    kind = {"apiVersion": "v1", "kind": "Node"}
    reference = {"name": "n", "namespace": "default"}
    await put_in_force(paramKind=kind, binding={"paramRef": reference}, **LIMIT)
    error = await refused(write)
    assert error.message.endswith("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")


async def test_equivalent_version_is_judged_in_the_policys_form(cluster: Any, put_in_force: Any):
    rule = {"apiGroups": ["autoscaling"], "apiVersions": ["v2"], "resources": ["horizontalpodautoscalers"]}
    await put_in_force(rule=rule, **checks("object.spec.metrics[0].resource.target.averageUtilization > 60"))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    where = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    with pytest.raises(errors.Invalid, match="averageUtilization > 60"):
        await cluster.json("POST", where, {"metadata": {"name": "h"}, "spec": spec})
    spec["targetCPUUtilizationPercentage"] = 70
    await cluster.json("POST", where, {"metadata": {"name": "h"}, "spec": spec})


async def test_configuration_of_admission_is_not_judged(cluster: Any, put_in_force: Any):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    await put_in_force(rule=everything, **checks("false"))
    await cluster.json("DELETE", f"{BASE}/validatingadmissionpolicybindings/b")
    await cluster.json("DELETE", f"{BASE}/validatingadmissionpolicies/p")
