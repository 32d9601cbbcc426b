"""Rules of ReplicationControllers, ReplicaSets and Deployments."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]

TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
SELECTOR = {"matchLabels": {"app": "a"}}


def workload(**spec: Any) -> Obj:
    return {"spec": {"selector": SELECTOR, "template": TEMPLATE, **spec}}


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.REPLICA_SET], ids=lambda kind: kind.kind)
def test_an_ordinary_workload_is_fine(kind: kinds.Kind, complaints: Any) -> None:
    assert complaints(kind, workload(replicas=0)) == []


@pytest.mark.parametrize("kind", [kinds.DEPLOYMENT, kinds.REPLICA_SET], ids=lambda kind: kind.kind)
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"], id="replicas"),
        pytest.param({"selector": None}, ["spec.selector: Required value"], id="no selector"),
        pytest.param({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"], id="empty selector"),
        pytest.param({"selector": {"matchLabels": {"app": "b"}}}, ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="mismatch"),
        pytest.param({"selector": {"matchExpressions": [{"key": "app", "operator": "Is"}]}}, ['spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator', 'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Is"}]}: invalid label selector'], id="operator"),
        pytest.param({"template": {**TEMPLATE, "spec": {}}}, ["spec.template.spec.containers: Required value"], id="no containers"),
        pytest.param({"template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}, ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'], id="restart"),
        pytest.param({"template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "activeDeadlineSeconds": 1}}}, ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"], id="deadline"),
    ],
)  # fmt: skip
def test_a_workload_that_breaks_a_rule(kind: kinds.Kind, spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kind, workload(**spec)) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"strategy": {"type": "Recreate", "rollingUpdate": {}}}, "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'", id="recreate"),
        pytest.param({"strategy": {"type": "Now"}}, 'spec.strategy: Unsupported value: {"type":"Now"}: supported values: "Recreate", "RollingUpdate"', id="strategy"),
        pytest.param({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}}, "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0", id="no progress"),
        pytest.param({"strategy": {"rollingUpdate": {"maxSurge": "x"}}}, "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')", id="percent"),
        pytest.param({"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}}, 'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%', id="too much"),
        pytest.param({"progressDeadlineSeconds": 5, "minReadySeconds": 5}, "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds", id="deadline"),
    ],
)  # fmt: skip
def test_a_deployment_that_breaks_a_rule(spec: Obj, expected: str, complaints: Any) -> None:
    assert complaints(kinds.DEPLOYMENT, workload(**spec)) == [expected]


def test_a_selector_never_changes(change_complaints: Any) -> None:
    other = {"matchLabels": {"app": "a", "b": "c"}}
    template = {**TEMPLATE, "metadata": {"labels": {"app": "a", "b": "c"}}}
    assert change_complaints(kinds.DEPLOYMENT, workload(template=template), workload()) == []
    changed = workload(selector=other, template=template)
    assert change_complaints(kinds.DEPLOYMENT, changed, workload()) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"a","b":"c"}}: field is immutable'
    ]


def test_a_replication_controller_needs_a_template(complaints: Any) -> None:
    kind = kinds.REPLICATION_CONTROLLER
    assert complaints(kind, {"spec": {"template": TEMPLATE}}) == []
    assert complaints(kind, {"spec": {}}) == ["spec.selector: Required value", "spec.template: Required value"]
    assert complaints(kind, {"spec": {"selector": {"x": "y"}, "template": TEMPLATE}}) == [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'
    ]


def test_counts_of_a_status_fit_together(status_complaints: Any) -> None:
    status = {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "observedGeneration": -1}
    assert status_complaints(kinds.REPLICA_SET, {**workload(), "status": status}, workload()) == [
        "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0",
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
    ]
