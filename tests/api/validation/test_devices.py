"""Rules of device classes, claims, their templates and slices."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]


def claim(*requests: Obj, **devices: Any) -> Obj:
    return {"spec": {"devices": {"requests": list(requests), **devices}}}


ONE = {"name": "a", "exactly": {"deviceClassName": "gpu"}}
NOT_A_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"

CLAIM = [
    pytest.param(claim(ONE, constraints=[{"requests": ["a"], "matchAttribute": "a.b/c"}]), [], id="ordinary"),
    pytest.param(claim({"name": "a", "firstAvailable": [{"name": "x", "deviceClassName": "gpu"}]}, config=[{"requests": ["a/x"], "opaque": {"driver": "a.b", "parameters": {}}}]), [], id="first available"),
    pytest.param(claim({"name": "a"}), ["spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"], id="neither"),
    pytest.param(claim({"name": "a", "exactly": {}}), ["spec.devices.requests[0].exactly.deviceClassName: Required value"], id="no class"),
    pytest.param(claim({"name": "a", "exactly": {"deviceClassName": "gpu", "allocationMode": "Some", "selectors": [{}]}}), ["spec.devices.requests[0].exactly.selectors[0].cel: Required value", 'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"'], id="mode"),
    pytest.param(claim({"name": "a", "exactly": {"deviceClassName": "gpu", "allocationMode": "All", "count": 2}}), ["spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"], id="count"),
    pytest.param(claim(ONE, ONE), ['spec.devices.requests[1].name: Duplicate value: "a"'], id="twice"),
    pytest.param(claim(ONE, constraints=[{"requests": ["b"], "matchAttribute": "c"}]), [f'spec.devices.constraints[0].requests[0]: Invalid value: "b": {NOT_A_REQUEST}', 'spec.devices.constraints[0].matchAttribute: Invalid value: "c": must include a domain'], id="constraint"),
    pytest.param(claim(ONE, config=[{}]), ["spec.devices.config[0].opaque: Required value"], id="config"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), CLAIM)
def test_rules_of_a_claim_and_of_a_template_of_claims(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.RESOURCE_CLAIM, obj) == expected
    template = {"spec": {"spec": obj["spec"]}}
    moved = [text.replace("spec.devices", "spec.spec.devices", 1) for text in expected]
    assert complaints(kinds.RESOURCE_CLAIM_TEMPLATE, template) == moved


@pytest.mark.parametrize("kind", [kinds.RESOURCE_CLAIM, kinds.RESOURCE_CLAIM_TEMPLATE], ids=lambda kind: kind.kind)
def test_a_claim_stays_as_it_was_made(kind: kinds.Kind, change_complaints: Any) -> None:
    old = claim(ONE) if kind is kinds.RESOURCE_CLAIM else {"spec": {"spec": claim(ONE)["spec"]}}
    assert change_complaints(kind, old, old) == []
    found = change_complaints(kind, {"spec": {}}, old)
    assert [text.split(": ")[0] for text in found] == ["spec"]


def test_a_reserved_claim_is_allocated(status_complaints: Any) -> None:
    user = {"resource": "pods", "name": "p", "uid": "u"}
    found = status_complaints(kinds.RESOURCE_CLAIM, {**claim(ONE), "status": {"reservedFor": [user, {}]}}, claim(ONE))
    assert found == [
        "status.reservedFor[1].resource: Required value",
        "status.reservedFor[1].name: Required value",
        "status.reservedFor[1].uid: Required value",
        "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
    ]


POOL = {"name": "n1", "resourceSliceCount": 1, "generation": 1}

SLICE = [
    pytest.param({"driver": "a.b", "pool": POOL, "nodeName": "n1", "devices": [{"name": "d", "attributes": {"size": {"int": 1}}}]}, [], id="ordinary"),
    pytest.param({"pool": POOL, "allNodes": True}, ["spec.driver: Required value"], id="no driver"),
    pytest.param({"driver": "a.b", "pool": {"name": "n1"}, "allNodes": True}, ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"], id="count"),
    pytest.param({"driver": "a.b", "pool": POOL}, ["spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, or `perDeviceNodeSelection` is required"], id="nowhere"),
    pytest.param({"driver": "a.b", "pool": POOL, "nodeName": "n1", "allNodes": True}, ['spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, or `perDeviceNodeSelection` is required'], id="everywhere"),
    pytest.param({"driver": "a.b", "pool": POOL, "allNodes": True, "devices": [{"name": "d"}, {"name": "d", "attributes": {"a": {}}}]}, ["spec.devices[1].attributes[a]: Required value: exactly one value must be specified", 'spec.devices[1].name: Duplicate value: "d"'], id="devices"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), SLICE)
def test_rules_of_a_slice(spec: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.RESOURCE_SLICE, {"spec": spec}) == expected


def test_a_slice_stays_with_its_driver(change_complaints: Any) -> None:
    old = {"driver": "a.b", "pool": POOL, "nodeName": "n1"}
    new = {**old, "driver": "c.d", "pool": {**POOL, "name": "n2"}}
    assert change_complaints(kinds.RESOURCE_SLICE, {"spec": new}, {"spec": old}) == [
        'spec.pool.name: Invalid value: "n2": field is immutable',
        'spec.driver: Invalid value: "c.d": field is immutable',
    ]


def test_a_device_class_has_selectors_and_a_resource(complaints: Any) -> None:
    kind = kinds.DEVICE_CLASS
    assert (
        complaints(kind, {"spec": {"extendedResourceName": "a.b/gpu", "selectors": [{"cel": {"expression": "true"}}]}})
        == []
    )
    assert complaints(kind, {"spec": {"extendedResourceName": "gpu", "selectors": [{"cel": {"expression": ""}}]}}) == [
        "spec.selectors[0].cel.expression: Required value",
        'spec.extendedResourceName: Invalid value: "gpu": must be a valid extended resource name',
    ]
