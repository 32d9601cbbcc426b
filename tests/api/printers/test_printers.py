"""Tables: the columns that kubectl users expect, and what rows carry."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, printers
from hyperpy.api.kinds import Kind

NOW = 1704067200 + 300
CREATED = "2024-01-01T00:00:00Z"
META = {"name": "x", "namespace": "d", "creationTimestamp": CREATED}


def _row(kind: Kind, **obj: Any) -> dict[str, Any]:
    table = printers.table(kind, [{"metadata": META, **obj}], now=NOW)
    names = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j"}]}}


@pytest.mark.parametrize(
    ("kind", "obj", "cells"),
    [
        (
            kinds.POD,
            {
                "spec": {"containers": [{"name": "c"}], "nodeName": "n1", "readinessGates": [{"conditionType": "g"}]},
                "status": {
                    "phase": "Running",
                    "podIP": "10.0.0.1",
                    "containerStatuses": [
                        {
                            "name": "c",
                            "ready": True,
                            "restartCount": 2,
                            "state": {"running": {}},
                            "lastState": {"terminated": {"finishedAt": "2024-01-01T00:04:00Z"}},
                        }
                    ],
                },
            },
            ["x", "1/1", "Running", "2 (60s ago)", "5m", "10.0.0.1", "n1", "<none>", "0/1"],
        ),
        (kinds.POD, {}, ["x", "0/0", "Pending", "0", "5m", "<none>", "<none>", "<none>", "<none>"]),
        (
            kinds.DEPLOYMENT,
            {
                "spec": {"replicas": 3, "template": TEMPLATE, "selector": {"matchLabels": {"app": "x"}}},
                "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1},
            },
            ["x", "2/3", 3, 1, "5m", "c,d", "i:1,j", "app=x"],
        ),
        (
            kinds.REPLICA_SET,
            {"spec": {"replicas": 0, "template": TEMPLATE, "selector": {}}, "status": {"replicas": 1}},
            ["x", 0, 1, 0, "5m", "c,d", "i:1,j", "<none>"],
        ),
        (
            kinds.REPLICATION_CONTROLLER,
            {"spec": {"replicas": 1, "template": TEMPLATE, "selector": {"b": "2", "a": "1"}}},
            ["x", 1, 0, 0, "5m", "c,d", "i:1,j", "a=1,b=2"],
        ),
        (
            kinds.SERVICE,
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIP": "10.0.0.9",
                    "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
                    "selector": {"app": "x"},
                }
            },
            ["x", "NodePort", "10.0.0.9", "<none>", "80:30080/TCP,53/UDP", "5m", "app=x"],
        ),
        (
            kinds.SERVICE,
            {"spec": {"type": "ExternalName", "externalName": "e.org"}},
            ["x", "ExternalName", "<none>", "e.org", "<none>", "5m", "<none>"],
        ),
        (
            kinds.SERVICE,
            {"spec": {"type": "LoadBalancer", "clusterIP": "1.1.1.1"}},
            ["x", "LoadBalancer", "1.1.1.1", "<pending>", "<none>", "5m", "<none>"],
        ),
        (
            kinds.ENDPOINTS,
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
            ["x", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...", "5m"],
        ),
        (kinds.ENDPOINTS, {}, ["x", "<none>", "5m"]),
        (
            kinds.ENDPOINT_SLICE,
            {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.0.0.1"]}]},
            ["x", "IPv4", "80", "10.0.0.1", "5m"],
        ),
        (kinds.NAMESPACE, {"status": {"phase": "Active"}}, ["x", "Active", "5m"]),
        (
            kinds.NODE,
            {
                "metadata": {
                    **META,
                    "labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "a"},
                },
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.1.1.1"}],
                    "nodeInfo": {"kubeletVersion": "v1.34.2", "osImage": "Debian", "containerRuntimeVersion": "docker://20"},
                },
            },
            ["x", "Ready,SchedulingDisabled", "a,control-plane", "5m", "v1.34.2", "10.1.1.1", "<none>", "Debian",
             "<unknown>", "docker://20"],
        ),
        (kinds.CONFIG_MAP, {"data": {"a": ""}, "binaryData": {"b": ""}}, ["x", 2, "5m"]),
        (kinds.SECRET, {"type": "Opaque", "data": {"a": ""}}, ["x", "Opaque", 1, "5m"]),
        (kinds.SERVICE_ACCOUNT, {}, ["x", 0, "5m"]),
        (kinds.LEASE, {"spec": {"holderIdentity": "me"}}, ["x", "me", "5m"]),
        (kinds.CLUSTER_ROLE, {}, ["x", CREATED]),
        (
            kinds.ROLE_BINDING,
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [
                    {"kind": "User", "name": "u"},
                    {"kind": "Group", "name": "g"},
                    {"kind": "ServiceAccount", "name": "s", "namespace": "d"},
                ],
            },
            ["x", "Role/r", "5m", "u", "g", "d/s"],
        ),
        (
            kinds.EVENT,
            {
                "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
                "reason": "Started", "type": "Normal", "message": "Started it\n", "count": 3,
                "source": {"component": "kubelet", "host": "n1"},
                "firstTimestamp": CREATED, "lastTimestamp": "2024-01-01T00:04:00Z",
            },
            ["60s", "Normal", "Started", "pod/p", "spec.containers{c}", "kubelet, n1", "Started it", "5m", 3, "x"],
        ),
        (
            kinds.EVENT,
            {"eventTime": "2024-01-01T00:04:00.000000Z", "reportingComponent": "scheduler"},
            ["60s", "", "", "", "", "scheduler", "", "60s", 1, "x"],
        ),
        (Kind("example.com", "v1", "Thing", "things"), {}, ["x", "5m"]),
    ],
)  # fmt: skip
def test_the_cells_of_a_kind(kind: Kind, obj: dict[str, Any], cells: list[Any]) -> None:
    assert list(_row(kind, **obj).values()) == cells


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.plural)
def test_every_kind_has_a_table_even_for_a_bare_object(kind: Kind) -> None:
    bare = {"metadata": {"name": "x"}, "spec": {}}
    table = printers.table(kind, [bare], now=NOW)
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    names = [column["format"] for column in table["columnDefinitions"]]
    assert names.count("name") == 1


def test_rows_carry_what_was_asked_for() -> None:
    pod = {"metadata": META, "spec": {}}
    (plain,) = printers.table(kinds.POD, [pod], now=NOW, include="None")["rows"]
    (some,) = printers.table(kinds.POD, [pod], now=NOW)["rows"]
    (whole,) = printers.table(kinds.POD, [pod], now=NOW, include="Object")["rows"]
    assert "object" not in plain
    assert some["object"] == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": META}
    assert whole["object"] == pod
    with pytest.raises(ValueError, match="includeObject: Unsupported value"):
        printers.table(kinds.POD, [], now=NOW, include="All")


def test_a_table_is_one_of_the_meta_group() -> None:
    table = printers.table(kinds.POD, [], now=NOW)
    assert (table["kind"], table["apiVersion"], table["rows"]) == ("Table", "meta.k8s.io/v1", [])
    assert table["columnDefinitions"][5] == {
        "name": "IP", "type": "string", "format": "", "description": "The pod's address.", "priority": 1,
    }  # fmt: skip


def test_a_pod_that_is_over_says_so() -> None:
    (row,) = printers.table(kinds.POD, [{"metadata": META, "status": {"phase": "Succeeded"}}], now=NOW)["rows"]
    assert row["conditions"][0]["type"] == "Completed"
