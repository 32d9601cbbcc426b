"""Rows of the networking, storage, certificates and flowcontrol groups, and of Events in either form."""
# ruff: noqa: E501
# One case a line.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, meta, printers

NOW = meta.parse_time("2020-01-01T01:00:00Z")
MADE = {"name": "x", "creationTimestamp": "2020-01-01T00:00:00Z"}


def marked(annotation: str) -> dict[str, Any]:
    return {"metadata": {**MADE, "annotations": {annotation: "true"}}}


CASES = [
    pytest.param(kinds.INGRESS, {}, ["x", "<none>", "*", "", "80", "60m"], id="bare ingress"),
    pytest.param(kinds.INGRESS, {"spec": {"ingressClassName": "c", "tls": [{}], "rules": [{"host": h} for h in "abcd"]}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"hostname": "h"}]}}}, ["x", "c", "a,b,c + 1 more...", "10.0.0.1,h", "80, 443", "60m"], id="ingress"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {"controller": "a/b", "parameters": {"apiGroup": "g", "kind": "K", "name": "n"}}}, ["x", "a/b", "K.g/n", "60m"], id="ingress class"),
    pytest.param(kinds.NETWORK_POLICY, {"spec": {"podSelector": {"matchLabels": {"b": "c"}, "matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["z", "y"]}, {"key": "d", "operator": "DoesNotExist"}]}}}, ["x", "a notin (y,z),b=c,!d", "60m"], id="policy"),
    pytest.param(kinds.NETWORK_POLICY, {"spec": {"podSelector": {}}}, ["x", "<none>", "60m"], id="policy of all"),
    pytest.param(kinds.IP_ADDRESS, {"spec": {"parentRef": {"group": "", "resource": "services", "namespace": "d", "name": "k"}}}, ["x", "services/d/k"], id="address"),
    pytest.param(kinds.SERVICE_CIDR, {"spec": {"cidrs": ["a", "b"]}}, ["x", "a,b", "60m"], id="cidr"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "p", **marked("storageclass.kubernetes.io/is-default-class")}, ["x (default)", "p", "Delete", "Immediate", False, "60m"], id="storage class"),
    pytest.param(kinds.VOLUME_ATTRIBUTES_CLASS, {"driverName": "d"}, ["x", "d", "60m"], id="attributes class"),
    pytest.param(kinds.VOLUME_ATTACHMENT, {"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}, "status": {"attached": True}}, ["x", "a", "v", "n", True, "60m"], id="attachment"),
    pytest.param(kinds.CSI_DRIVER, {"spec": {"tokenRequests": [{"audience": "a"}], "volumeLifecycleModes": ["Persistent"]}}, ["x", True, False, False, "a", False, "Persistent", "60m"], id="driver"),
    pytest.param(kinds.CSI_NODE, {"spec": {"drivers": [{}, {}]}}, ["x", 2, "60m"], id="csi node"),
    pytest.param(kinds.CSI_STORAGE_CAPACITY, {"storageClassName": "s", "capacity": "1Gi"}, ["x", "s", "1Gi"], id="capacity"),
    pytest.param(kinds.CERTIFICATE_SIGNING_REQUEST, {"spec": {"signerName": "s", "username": "u", "expirationSeconds": 86400}}, ["x", "60m", "s", "u", "24h", "Pending"], id="request"),
    pytest.param(kinds.CERTIFICATE_SIGNING_REQUEST, {"status": {"certificate": "YQ==", "conditions": [{"type": "Approved"}]}}, ["x", "60m", "<none>", "", "<none>", "Approved,Issued"], id="issued"),
    pytest.param(kinds.FLOW_SCHEMA, {"spec": {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "p"}}, "status": {"conditions": [{"type": "Dangling", "status": "False"}]}}, ["x", "p", 5, "<none>", "60m", "False"], id="schema"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"queuing": {"queues": 64, "handSize": 6, "queueLengthLimit": 50}}}}}, ["x", "Limited", "5", "64", "6", "50", "60m"], id="level"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "obj", "cells"), CASES)
def test_cells_of_a_kind(kind: kinds.Kind, obj: dict[str, Any], cells: list[Any]) -> None:
    table = printers.table(kind, [{"metadata": MADE, **obj}], now=NOW)
    assert table["rows"][0]["cells"] == cells
    assert len(table["columnDefinitions"]) == len(cells)


def test_an_event_has_the_same_row_in_either_form() -> None:
    core = {"metadata": {"name": "x"}, "involvedObject": {"kind": "Pod", "name": "p"}, "message": "m", "count": 3}
    new = {"metadata": {"name": "x"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "m", "deprecatedCount": 3}
    rows = [
        printers.table(kind, [obj], now=NOW)["rows"][0]["cells"]
        for kind, obj in ((kinds.EVENT, core), (kinds.EVENT_V1, new))
    ]
    assert rows[0] == rows[1]
    assert "pod/p" in rows[0]
