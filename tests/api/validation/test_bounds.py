"""Rules of autoscalers, disruption budgets, quotas, limit ranges and classes."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]


def autoscaler(**spec: Any) -> Obj:
    return {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3, **spec}}


def resource(name: str = "cpu", **target: Any) -> Obj:
    return {"metrics": [{"type": "Resource", "resource": {"name": name, "target": target}}]}


def external(**target: Any) -> Obj:
    return {"metrics": [{"type": "External", "external": {"metric": {"name": "q"}, "target": target}}]}


AUTOSCALER = [
    pytest.param({}, [], id="ordinary"),
    pytest.param({"minReplicas": 0}, ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1", "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas"], id="none"),
    pytest.param({"maxReplicas": 0}, ["spec.maxReplicas: Invalid value: 0: must be greater than 0", "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`"], id="most"),
    pytest.param({"minReplicas": 4}, ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"], id="order"),
    pytest.param({"scaleTargetRef": {"name": "a/b"}}, ["spec.scaleTargetRef.kind: Required value", 'spec.scaleTargetRef.name: Invalid value: "a/b": may not contain \'/\''], id="target"),
    pytest.param(resource(type="Utilization"), ["spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization"], id="no utilization"),
    pytest.param(resource(type="Some", averageUtilization=0), ['spec.metrics[0].resource.target.type: Invalid value: "Some": must be either Utilization, Value, or AverageValue', "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"], id="bad target"),
    pytest.param(resource("", type="AverageValue", averageValue="0"), ["spec.metrics[0].resource.name: Required value: must specify a resource name", 'spec.metrics[0].resource.target.averageValue: Invalid value: "0": must be positive'], id="no resource"),
    pytest.param({"metrics": [{}]}, ["spec.metrics[0].type: Required value: must specify a metric source type", 'spec.metrics[0].type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"'], id="no type"),
    pytest.param({"metrics": [{"type": "Pods"}]}, ["spec.metrics[0].pods: Required value: must populate information for the given metric source"], id="no source"),
    pytest.param(external(type="Value", value="1", averageValue="1"), ["spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"], id="external"),
    pytest.param({"behavior": {"scaleDown": {"tolerance": "-0.1", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}}, ['spec.behavior.scaleDown.tolerance: Invalid value: "-100m": must be greater than or equal to 0'], id="tolerance"),
    pytest.param({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601, "selectPolicy": "Some", "policies": [{"type": "Some", "value": 0, "periodSeconds": 1801}]}}}, ["spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600", 'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Some": supported values: "Disabled", "Max", "Min"', 'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Some": supported values: "Percent", "Pods"', "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero", "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800"], id="behavior"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), AUTOSCALER)
def test_rules_of_an_autoscaler(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(**spec)) == expected


def test_an_autoscaler_of_the_first_version_has_the_same_rules(complaints: Any) -> None:
    old = {"apiVersion": "autoscaling/v1", **autoscaler(targetCPUUtilizationPercentage=0)}
    assert complaints(kinds.HORIZONTAL_POD_AUTOSCALER_V1, old) == [
        "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"
    ]


def test_an_autoscaler_that_may_scale_to_nothing_stays_so(change_complaints: Any) -> None:
    new = autoscaler(minReplicas=0, **external(type="Value", value="1"))
    assert change_complaints(kinds.HORIZONTAL_POD_AUTOSCALER, new, new) == []
    assert change_complaints(kinds.HORIZONTAL_POD_AUTOSCALER, new, autoscaler()) == [
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"minAvailable": "50%", "selector": {}}, [], id="ordinary"),
        pytest.param({"minAvailable": 1, "maxUnavailable": 1}, ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set'], id="both"),
        pytest.param({"maxUnavailable": "101%"}, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'], id="too much"),
        pytest.param({"maxUnavailable": -1}, ["spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"], id="negative"),
        pytest.param({"unhealthyPodEvictionPolicy": "Some"}, ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Some": supported values: "AlwaysAllow", "IfHealthyBudget"'], id="unhealthy"),
        pytest.param({"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}, ['spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'], id="selector"),
    ],
)  # fmt: skip
def test_rules_of_a_disruption_budget(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.POD_DISRUPTION_BUDGET, {"spec": spec}) == expected


def test_a_status_of_a_budget_is_complete(status_complaints: Any) -> None:
    status = {"disruptionsAllowed": -1, "conditions": [{"type": "A", "status": "Yes", "reason": "1x"}]}
    found = status_complaints(kinds.POD_DISRUPTION_BUDGET, {"status": status}, {})
    assert [text.split(": ")[0] for text in found] == [
        "status.conditions[0].status",
        "status.conditions[0].lastTransitionTime",
        "status.conditions[0].reason",
        "status.disruptionsAllowed",
    ]


QUOTA = [
    pytest.param({"hard": {"pods": "10", "requests.cpu": "1", "count/deployments.apps": "2", "requests.nvidia.com/gpu": "1"}}, [], id="ordinary"),
    pytest.param({"hard": {"cpus": "1"}}, ['spec.hard[cpus]: Invalid value: "cpus": must be a standard resource type or fully qualified'], id="unknown"),
    pytest.param({"hard": {"storage": "1"}}, ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'], id="not in quotas"),
    pytest.param({"hard": {"pods": "-1"}}, ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'], id="negative"),
    pytest.param({"hard": {"pods": "500m"}}, ['spec.hard[pods]: Invalid value: "500m": must be an integer'], id="half a pod"),
    pytest.param({"scopes": ["Some"]}, ['spec.scopes: Invalid value: ["Some"]: unsupported scope'], id="scope"),
    pytest.param({"hard": {"requests.cpu": "1"}, "scopes": ["BestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'], id="scope of resource"),
    pytest.param({"scopes": ["BestEffort", "NotBestEffort"]}, ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'], id="conflict"),
    pytest.param({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}, ["spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"], id="selector"),
    pytest.param({"scopeSelector": {"matchExpressions": [{"scopeName": "Terminating", "operator": "In", "values": ["a"]}]}}, ["spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"], id="selector operator"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), QUOTA)
def test_rules_of_a_quota(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.RESOURCE_QUOTA, {"spec": spec}) == expected


def test_the_scopes_of_a_quota_stay(change_complaints: Any, status_complaints: Any) -> None:
    kind = kinds.RESOURCE_QUOTA
    assert change_complaints(kind, {"spec": {"scopes": ["BestEffort"]}}, {"spec": {}}) == [
        'spec.scopes: Invalid value: ["BestEffort"]: field is immutable'
    ]
    assert status_complaints(kind, {"status": {"used": {"pods": "-1"}}}, {}) == [
        'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0'
    ]


def limits(kind: str = "Container", **item: Any) -> Obj:
    return {"spec": {"limits": [{"type": kind, **item}]}}


LIMITS = [
    pytest.param(limits(min={"cpu": "1"}, max={"cpu": "4"}, maxLimitRequestRatio={"cpu": "2"}), [], id="ordinary"),
    pytest.param(limits("Some"), ['spec.limits[0].type: Invalid value: "Some": must be a standard limit type or fully qualified'], id="type"),
    pytest.param({"spec": {"limits": [{"type": "Pod"}, {"type": "Pod"}]}}, ['spec.limits[1].type: Duplicate value: "Pod"'], id="twice"),
    pytest.param(limits(max={"storage": "1"}), [f'spec.limits[0].{field}[storage]: Invalid value: "storage": must be a standard resource for containers' for field in ("max", "default", "defaultRequest")], id="resource"),
    pytest.param(limits("Pod", default={"cpu": "1"}), ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"], id="default of pods"),
    pytest.param(limits("PersistentVolumeClaim"), ["spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided"], id="claims"),
    pytest.param(limits("Pod", min={"cpu": "2"}, max={"cpu": "1"}), ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'], id="order"),
    pytest.param(limits(default={"cpu": "1"}, defaultRequest={"cpu": "2"}), ['spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1'], id="defaults"),
    pytest.param(limits("Pod", maxLimitRequestRatio={"cpu": "500m"}), ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'], id="ratio"),
    pytest.param(limits("Pod", min={"cpu": "1"}, max={"cpu": "2"}, maxLimitRequestRatio={"cpu": "3"}), ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'], id="large ratio"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), LIMITS)
def test_rules_of_a_limit_range(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.LIMIT_RANGE, obj) == expected


PRIORITY = [
    pytest.param({"value": 1000000000}, [], id="ordinary"),
    pytest.param({"value": 1000000001}, ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"], id="value"),
    pytest.param({"value": 1, "preemptionPolicy": "Some"}, ['preemptionPolicy: Unsupported value: "Some": supported values: "PreemptLowerPriority", "Never"'], id="preemption"),
    pytest.param({"metadata": {"name": "system-mine"}, "value": 1}, ["metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class"], id="reserved"),
    pytest.param({"metadata": {"name": "system-node-critical"}, "value": 2000001000}, [], id="system"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), PRIORITY)
def test_rules_of_a_priority_class(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.PRIORITY_CLASS, obj) == expected


def test_a_priority_stays(change_complaints: Any) -> None:
    assert change_complaints(kinds.PRIORITY_CLASS, {"value": 2, "preemptionPolicy": "Never"}, {"value": 1}) == [
        "value: Forbidden: may not be changed in an update.",
        'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]


def test_a_runtime_class_names_a_handler_that_stays(complaints: Any, change_complaints: Any) -> None:
    kind = kinds.RUNTIME_CLASS
    assert complaints(kind, {"handler": "runc", "overhead": {"podFixed": {"memory": "1Mi"}}}) == []
    assert complaints(kind, {"handler": "a.b"}) == ['handler: Invalid value: "a.b": must not contain dots']
    assert change_complaints(kind, {"handler": "b"}, {"handler": "a"}) == [
        'handler: Invalid value: "b": field is immutable'
    ]
