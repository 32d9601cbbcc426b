"""Rules of StatefulSets, DaemonSets, ControllerRevisions and PodTemplates."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]

POD: Obj = {"containers": [{"name": "c", "image": "nginx"}]}
TEMPLATE: Obj = {"metadata": {"labels": {"app": "a"}}, "spec": POD}
SELECTOR = {"matchLabels": {"app": "a"}}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
MOUNTED = {
    **TEMPLATE,
    "spec": {"containers": [{"name": "c", "image": "n", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}]},
}


def workload(**spec: Any) -> Obj:
    return {"spec": {"selector": SELECTOR, "template": TEMPLATE, **spec}}


STATEFUL = [
    pytest.param({"serviceName": "web"}, [], id="ordinary"),
    pytest.param({"serviceName": "we_b"}, ["spec.serviceName: Invalid value: \"we_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"], id="service"),
    pytest.param({"volumeClaimTemplates": [CLAIM], "template": MOUNTED}, [], id="claims"),
    pytest.param({"template": MOUNTED}, ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'], id="no claim"),
    pytest.param({"podManagementPolicy": "Some"}, ["spec.podManagementPolicy: Invalid value: \"Some\": must be 'OrderedReady' or 'Parallel'"], id="policy"),
    pytest.param({"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}}, ["spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'"], id="on delete"),
    pytest.param({"updateStrategy": {"type": "Now"}}, ["spec.updateStrategy: Invalid value: {\"type\":\"Now\"}: must be 'RollingUpdate' or 'OnDelete'"], id="strategy"),
    pytest.param({"updateStrategy": {"rollingUpdate": {"partition": -1, "maxUnavailable": 0}}}, ["spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0", "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0"], id="rolling"),
    pytest.param({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Keep"}}, ['spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"'], id="retention"),
    pytest.param({"replicas": -1, "ordinals": {"start": -1}}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0", "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"], id="numbers"),
    pytest.param({"selector": None}, ["spec.selector: Required value"], id="no selector"),
    pytest.param({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"], id="empty selector"),
    pytest.param({"selector": {"matchLabels": {"b": "c"}}}, ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="mismatch"),
    pytest.param({"template": {**TEMPLATE, "spec": {**POD, "restartPolicy": "Never", "activeDeadlineSeconds": 1}}}, ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"', "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported"], id="pod"),
    pytest.param({"volumeClaimTemplates": [{"metadata": {"name": "x"}}]}, ["spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required", "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"], id="bad claim"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), STATEFUL)
def test_rules_of_a_stateful_set(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.STATEFUL_SET, workload(**spec)) == expected


def test_a_stateful_set_is_named_like_a_host(complaints: Any) -> None:
    found = complaints(kinds.STATEFUL_SET, {"metadata": {"name": "a.b"}, **workload()})
    assert found == ['metadata.name: Invalid value: "a.b": must not contain dots']


FROZEN = "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"replicas": 3, "minReadySeconds": 1, "revisionHistoryLimit": 2, "updateStrategy": {"type": "OnDelete"}, "ordinals": {"start": 1}}, [], id="what may change"),
        pytest.param({"serviceName": "other"}, [FROZEN], id="service"),
        pytest.param({"podManagementPolicy": "Parallel"}, [FROZEN], id="policy"),
        pytest.param({"volumeClaimTemplates": [CLAIM]}, [FROZEN], id="claims"),
    ],
)  # fmt: skip
def test_most_of_a_stateful_set_stays(changes: Obj, expected: list[str], change_complaints: Any) -> None:
    assert change_complaints(kinds.STATEFUL_SET, workload(**changes), workload()) == expected


def test_counts_of_a_stateful_set_fit_together(status_complaints: Any) -> None:
    status = {"replicas": 1, "currentReplicas": 2, "availableReplicas": 1, "collisionCount": 0}
    old = {**workload(), "status": {"collisionCount": 1}}
    assert status_complaints(kinds.STATEFUL_SET, {**workload(), "status": status}, old) == [
        "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas",
        "status.collisionCount: Invalid value: 0: cannot be decremented",
    ]


DAEMON = [
    pytest.param({}, [], id="ordinary"),
    pytest.param({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "10%"}}}, [], id="surge"),
    pytest.param({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}}, ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"], id="both"),
    pytest.param({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}}, ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"], id="neither"),
    pytest.param({"updateStrategy": {"rollingUpdate": {"maxUnavailable": "101%"}}}, ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'], id="too much"),
    pytest.param({"updateStrategy": {"type": "Now"}}, ['spec.updateStrategy: Unsupported value: {"type":"Now"}: supported values: "RollingUpdate", "OnDelete"'], id="strategy"),
    pytest.param({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"], id="empty selector"),
    pytest.param({"selector": {"matchLabels": {"b": "c"}}}, ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'], id="mismatch"),
    pytest.param({"template": {**TEMPLATE, "spec": {**POD, "restartPolicy": "Never", "activeDeadlineSeconds": 1}}}, ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"', "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported"], id="pod"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), DAEMON)
def test_rules_of_a_daemon_set(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.DAEMON_SET, workload(**spec)) == expected


def test_the_selector_of_a_daemon_set_stays(change_complaints: Any) -> None:
    labels = {"app": "a", "b": "c"}
    template = {**TEMPLATE, "metadata": {"labels": labels}}
    changed = workload(template=template, selector={"matchLabels": labels})
    assert change_complaints(kinds.DAEMON_SET, changed, workload()) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"a","b":"c"}}: field is immutable'
    ]


def test_a_daemon_set_counts_no_less_than_none(status_complaints: Any) -> None:
    assert status_complaints(kinds.DAEMON_SET, {**workload(), "status": {"numberReady": -1}}, workload()) == [
        "status.numberReady: Invalid value: -1: must be greater than or equal to 0"
    ]


def test_a_revision_holds_something_that_stays(complaints: Any, change_complaints: Any) -> None:
    kind = kinds.CONTROLLER_REVISION
    assert complaints(kind, {"revision": -1}) == [
        "data: Required value: data is mandatory",
        "revision: Invalid value: -1: must be greater than or equal to 0",
    ]
    assert change_complaints(kind, {"data": {"a": 1}, "revision": 2}, {"data": {"a": 1}, "revision": 1}) == []
    assert change_complaints(kind, {"data": {"a": 2}, "revision": 1}, {"data": {"a": 1}, "revision": 1}) == [
        'data: Invalid value: {"a":2}: field is immutable'
    ]


def test_a_pod_template_is_judged_like_any_other(complaints: Any) -> None:
    assert complaints(kinds.POD_TEMPLATE, {"template": TEMPLATE}) == []
    assert complaints(kinds.POD_TEMPLATE, {"template": {"spec": {}}}) == ["template.spec.containers: Required value"]
