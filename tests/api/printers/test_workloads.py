"""Rows of the kinds that run, bound and rank workloads."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, printers
from hyperpy.api.kinds import Kind

Obj = dict[str, Any]

NOW = 1704067200 + 300
CREATED = "2024-01-01T00:00:00Z"
META = {"name": "x", "namespace": "d", "creationTimestamp": CREATED}
TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j"}], "nodeSelector": {"k": "v"}},
}
SELECTOR = {"matchLabels": {"app": "x"}}
TRUE = {"status": "True"}


def _table(kind: Kind, **obj: Any) -> Obj:
    return printers.table(kind, [{"metadata": {**META, **obj.pop("metadata", {})}, **obj}], now=NOW)


def resource_metric(share: int) -> Obj:
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@pytest.mark.parametrize(
    ("kind", "obj", "cells"),
    [
        pytest.param(
            kinds.STATEFUL_SET,
            {"spec": {"replicas": 3, "template": TEMPLATE}, "status": {"readyReplicas": 1}},
            ["x", "1/3", "5m", "c,d", "i:1,j"], id="stateful set",
        ),
        pytest.param(
            kinds.DAEMON_SET,
            {
                "spec": {"template": TEMPLATE, "selector": SELECTOR},
                "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberReady": 1},
            },
            ["x", 3, 2, 1, 0, 0, "k=v", "5m", "c,d", "i:1,j", "app=x"], id="daemon set",
        ),
        pytest.param(
            kinds.CONTROLLER_REVISION,
            {
                "metadata": {"ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u", "controller": True}
                ]},
                "revision": 2,
            },
            ["x", "statefulset.apps/web", 2, "5m"], id="revision",
        ),
        pytest.param(kinds.POD_TEMPLATE, {"template": TEMPLATE}, ["x", "c,d", "i:1,j", "a=b"], id="pod template"),
        pytest.param(
            kinds.JOB,
            {
                "spec": {"completions": 3, "template": TEMPLATE, "selector": SELECTOR},
                "status": {
                    "succeeded": 3, "conditions": [{"type": "Complete", **TRUE}],
                    "startTime": "2024-01-01T00:01:00Z", "completionTime": "2024-01-01T00:01:30Z",
                },
            },
            ["x", "Complete", "3/3", "30s", "5m", "c,d", "i:1,j", "app=x"], id="complete job",
        ),
        pytest.param(
            kinds.JOB,
            {"spec": {"parallelism": 2}, "status": {"startTime": CREATED}},
            ["x", "Running", "0/1 of 2", "5m", "5m", "", "", "<none>"], id="running job",
        ),
        pytest.param(
            kinds.JOB,
            {"spec": {"parallelism": 1}, "status": {"conditions": [{"type": "Suspended", **TRUE}]}},
            ["x", "Suspended", "0/1", "", "5m", "", "", "<none>"], id="suspended job",
        ),
        pytest.param(
            kinds.CRON_JOB,
            {
                "spec": {"schedule": "* * * * *", "suspend": False, "jobTemplate": {"spec": {"template": TEMPLATE}}},
                "status": {"active": [{}], "lastScheduleTime": "2024-01-01T00:04:00Z"},
            },
            ["x", "* * * * *", "<none>", "False", 1, "60s", "5m", "c,d", "i:1,j", "<none>"], id="cron job",
        ),
        pytest.param(
            kinds.HORIZONTAL_POD_AUTOSCALER,
            {
                "spec": {
                    "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 3,
                    "metrics": [
                        resource_metric(80),
                        {"type": "Pods", "pods": {"target": {"averageValue": "10"}}},
                        {"type": "External", "external": {"target": {"value": "5"}}},
                    ],
                },
                "status": {
                    "currentReplicas": 2,
                    "currentMetrics": [{"resource": {"current": {"averageUtilization": 20}}}],
                },
            },
            ["x", "Deployment/web", "cpu: 20%/80%, <unknown>/10 + 1 more...", "1", 3, 2, "5m"], id="autoscaler",
        ),
        pytest.param(
            kinds.HORIZONTAL_POD_AUTOSCALER_V1,
            {
                "apiVersion": "autoscaling/v1",
                "spec": {"scaleTargetRef": {"kind": "A", "name": "b"}, "targetCPUUtilizationPercentage": 50},
            },
            ["x", "A/b", "cpu: <unknown>/50%", "<unset>", 0, 0, "5m"], id="old autoscaler",
        ),
        pytest.param(
            kinds.POD_DISRUPTION_BUDGET,
            {"spec": {"maxUnavailable": "25%"}, "status": {"disruptionsAllowed": 1}},
            ["x", "N/A", "25%", 1, "5m"], id="budget",
        ),
        pytest.param(
            kinds.RESOURCE_QUOTA,
            {"status": {"hard": {"pods": "4", "limits.cpu": "2", "cpu": "1"}, "used": {"pods": "2"}}},
            ["x", "cpu: 0/1, pods: 2/4", "limits.cpu: 0/2", "5m"], id="quota",
        ),
        pytest.param(kinds.LIMIT_RANGE, {}, ["x", CREATED], id="limit range"),
        pytest.param(kinds.PRIORITY_CLASS, {"value": 7}, ["x", 7, False, "5m", "<unset>"], id="priority"),
        pytest.param(kinds.RUNTIME_CLASS, {"handler": "runc"}, ["x", "runc", "5m"], id="runtime"),
        pytest.param(kinds.RESOURCE_CLAIM, {}, ["x", "pending", "5m"], id="claim of devices"),
        pytest.param(
            kinds.RESOURCE_CLAIM,
            {"status": {"allocation": {}, "reservedFor": [{}]}},
            ["x", "allocated,reserved", "5m"], id="reserved claim",
        ),
        pytest.param(
            kinds.RESOURCE_SLICE,
            {"spec": {"driver": "d", "pool": {"name": "p"}, "nodeName": "n"}},
            ["x", "n", "d", "p", "5m"], id="slice",
        ),
        pytest.param(kinds.DEVICE_CLASS, {}, ["x", "5m"], id="device class"),
        pytest.param(
            kinds.PERSISTENT_VOLUME,
            {
                "spec": {
                    "capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "fast", "volumeMode": "Block",
                    "claimRef": {"namespace": "d", "name": "c"},
                },
                "status": {"phase": "Bound"},
            },
            ["x", "1Gi", "RWO,ROX", "Retain", "Bound", "d/c", "fast", "<unset>", "", "5m", "Block"], id="volume",
        ),
        pytest.param(
            kinds.PERSISTENT_VOLUME_CLAIM,
            {"spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}},
            ["x", "Pending", "", "", "", "", "<unset>", "5m", "Filesystem"], id="pending claim",
        ),
        pytest.param(
            kinds.PERSISTENT_VOLUME_CLAIM,
            {
                "metadata": {"deletionTimestamp": CREATED},
                "spec": {"volumeName": "v"},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOncePod"]},
            },
            ["x", "Terminating", "v", "1Gi", "RWOP", "", "<unset>", "5m", "<unset>"], id="terminating claim",
        ),
    ],
)  # fmt: skip
def test_the_row_of_an_object(kind: Kind, obj: Obj, cells: list[Any]) -> None:
    table = _table(kind, **obj)
    assert table["rows"][0]["cells"] == cells
    assert len(table["columnDefinitions"]) == len(cells)
