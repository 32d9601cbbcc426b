"""Rules of ConfigMaps, Secrets, Namespaces, Nodes, RBAC's kinds, Events, Leases and reviews."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

import base64
from typing import Any

import pytest

from hyperpy.api import kinds, validation

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CASES = [
    pytest.param(kinds.CONFIG_MAP, {"data": {"a": "b", "c": "d"}, "binaryData": {"e": "YQ=="}}, [], id="config map"),
    pytest.param(kinds.CONFIG_MAP, {"data": {"a/b": ""}}, ['data[a/b]: Invalid value: "a/b": a valid config key'], id="key"),
    pytest.param(kinds.CONFIG_MAP, {"data": {"a": ""}, "binaryData": {"a": ""}}, ['data[a]: Invalid value: "a": duplicate of key present in binaryData'], id="both"),
    pytest.param(kinds.CONFIG_MAP, {"data": {"a": "é" * 524289}}, ["[]: Too long: may not be more than 1048576 bytes"], id="large map"),
    pytest.param(kinds.SECRET, {"data": {"a": encoded("x" * 1048577)}}, ["data: Too long: may not be more than 1048576 bytes"], id="large secret"),
    pytest.param(kinds.SECRET, {"data": {"a": encoded("x" * 1048576)}}, [], id="just fits"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, ["data[tls.key]: Required value"], id="tls"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/dockerconfigjson"}, ["data[.dockerconfigjson]: Required value"], id="docker"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}, [], id="docker json"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "hunter2"}}, ['data[.dockercfg]: Invalid value: "<secret contents redacted>"'], id="no json"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/basic-auth"}, ["data[username]: Required value", "data[password]: Required value"], id="basic"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/ssh-auth"}, ["data[ssh-privatekey]: Required value"], id="ssh"),
    pytest.param(kinds.SECRET, {"type": "kubernetes.io/service-account-token"}, ["metadata.annotations[kubernetes.io/service-account.name]: Required value"], id="account"),
    pytest.param(kinds.NAMESPACE, {"spec": {"finalizers": ["kubernetes", "x"]}}, ['spec.finalizers: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified'], id="namespace"),
    pytest.param(kinds.NODE, {"spec": {"podCIDRs": ["10.0.0.0/24"], "taints": [{"key": "a", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "2"}}}, [], id="node"),
    pytest.param(kinds.NODE, {"spec": {"taints": [{"key": "a", "effect": "Never"}, {"key": "a", "effect": "Never"}]}}, ['metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"', "metadata.taints[1].effect", "metadata.taints[1]: Duplicate value"], id="taints"),
    pytest.param(kinds.NODE, {"spec": {"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"]}}, ['spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family'], id="cidrs"),
    pytest.param(kinds.NODE, {"status": {"capacity": {"cpu": "-1"}, "allocatable": {}}}, ['status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0'], id="capacity"),
    pytest.param(kinds.ROLE, {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, [], id="role"),
    pytest.param(kinds.ROLE, {"rules": [{}]}, ["rules[0].verbs: Required value: verbs must contain at least one value", "rules[0].apiGroups: Required value: resource rules must supply at least one api group", "rules[0].resources: Required value: resource rules must supply at least one resource"], id="empty rule"),
    pytest.param(kinds.ROLE, {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]}, ['rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs'], id="urls"),
    pytest.param(kinds.CLUSTER_ROLE, {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]}, [], id="cluster role"),
    pytest.param(kinds.CLUSTER_ROLE, {"aggregationRule": {}}, ["aggregationRule.clusterRoleSelectors: Required value"], id="aggregation"),
    pytest.param(kinds.ROLE_BINDING, {"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}, {"kind": "Group", "name": "g"}]}, [], id="binding"),
    pytest.param(kinds.CLUSTER_ROLE_BINDING, {"roleRef": {"kind": "Role"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}, {"kind": "Robot", "name": "b"}]}, ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"', "roleRef.name: Required value", "subjects[0].namespace: Required value", 'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'], id="cluster binding"),
    pytest.param(kinds.EVENT, {"involvedObject": {"namespace": "default"}}, [], id="event"),
    pytest.param(kinds.EVENT, {"involvedObject": {"namespace": "x"}}, ['involvedObject.namespace: Invalid value: "x": does not match event.namespace'], id="other namespace"),
    pytest.param(kinds.EVENT, {"eventTime": "2020-01-01T00:00:00Z", "involvedObject": {}, "reason": "r" * 129}, ["reportingComponent: Required value", "reportingInstance: Required value", "action: Required value", 'reason: Invalid value: "": can have at most 128 characters'], id="new event"),
    pytest.param(kinds.LEASE, {"spec": {"holderIdentity": "a", "leaseDurationSeconds": 1}}, [], id="lease"),
    pytest.param(kinds.LEASE, {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1, "preferredHolder": "b"}}, ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0", "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0", "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"], id="bad lease"),
    pytest.param(kinds.BINDING, {"target": {"kind": "Pod"}}, ['target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"', "target.name: Required value"], id="pod binding"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "obj", "expected"), CASES)
def test_rules_of_a_kind(kind: kinds.Kind, obj: Obj, expected: list[str], complaints: Any) -> None:
    found = complaints(kind, obj)
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    ("kind", "new", "old", "expected"),
    [
        pytest.param(
            kinds.CONFIG_MAP,
            {"data": {"a": "c"}, "immutable": True},
            {"data": {"a": "b"}, "immutable": True},
            ["data: Forbidden: field is immutable when `immutable` is set"],
            id="immutable map",
        ),
        pytest.param(
            kinds.SECRET,
            {"data": {}},
            {"data": {}, "immutable": True},
            ["immutable: Forbidden: field is immutable when `immutable` is set"],
            id="immutable secret",
        ),
        pytest.param(
            kinds.SECRET,
            {"type": "x"},
            {"type": "y"},
            ['type: Invalid value: "x": field is immutable'],
            id="secret type",
        ),
        pytest.param(
            kinds.NODE,
            {"spec": {"podCIDRs": ["10.0.1.0/24"], "providerID": "b"}},
            {"spec": {"podCIDRs": ["10.0.0.0/24"], "providerID": "a"}},
            [
                'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
                'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
            ],
            id="node",
        ),
        pytest.param(kinds.NODE, {"spec": {"podCIDRs": ["10.0.1.0/24"]}}, {}, [], id="first cidr"),
        pytest.param(
            kinds.ROLE_BINDING,
            {"roleRef": {"kind": "Role", "name": "b"}},
            {"roleRef": {"kind": "Role", "name": "a"}},
            [f'roleRef: Invalid value: {{"kind":"Role","name":"b","apiGroup":"{GROUP}"}}: cannot change roleRef'],
            id="role",
        ),
    ],
)
def test_changes_that_break_a_rule(
    kind: kinds.Kind, new: Obj, old: Obj, expected: list[str], change_complaints: Any
) -> None:
    assert change_complaints(kind, new, old) == expected


def test_a_namespace_is_terminating_exactly_while_it_is_deleted(status_complaints: Any) -> None:
    gone = {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}, "status": {"phase": "Terminating"}}
    assert status_complaints(kinds.NAMESPACE, gone, gone) == []
    assert status_complaints(kinds.NAMESPACE, {"status": {"phase": "Terminating"}}, {}) == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]


def test_addresses_of_a_node_are_listed_once(status_complaints: Any) -> None:
    address = {"type": "InternalIP", "address": "10.0.0.1"}
    status = {"addresses": [address, address], "capacity": {"pods": "1500m"}}
    assert status_complaints(kinds.NODE, {"status": status}, {}) == [
        'status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"10.0.0.1"}',
        'status.capacity.pods: Invalid value: "1500m": must be an integer',
        'status.allocatable.pods: Invalid value: "1500m": must be an integer',
    ]


def test_a_review_asks_one_thing_and_has_no_metadata() -> None:
    def texts(kind: kinds.Kind, obj: Obj) -> list[str]:
        return [str(cause) for cause in validation.on_create(kind, obj)]

    review = {"metadata": {}, "spec": {"resourceAttributes": {}, "user": "a"}}
    assert texts(kinds.SUBJECT_ACCESS_REVIEW, review) == []
    assert texts(kinds.SUBJECT_ACCESS_REVIEW, {"metadata": {"name": "a"}, "spec": {}}) == [
        "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes "
        "must be specified",
        'spec.user: Invalid value: "": at least one of user or group must be specified',
        'metadata: Invalid value: {"name":"a"}: must be empty',
    ]
    both = {"metadata": {}, "spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/"}}}
    assert texts(kinds.SELF_SUBJECT_ACCESS_REVIEW, both) == [
        'spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in combination with '
        "resourceAttributes"
    ]
