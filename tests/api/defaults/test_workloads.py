"""Defaults of the kinds that run and bound workloads."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api import defaults, kinds

Obj = dict[str, Any]

CPU_METRIC = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
PERCENT = {"type": "Percent", "value": 100, "periodSeconds": 15}


def defaulted(kind: kinds.Kind, obj: Obj) -> Obj:
    obj = copy.deepcopy(obj)
    defaults.apply(kind, obj)
    return obj


def test_a_stateful_set_goes_in_order_and_keeps_its_claims() -> None:
    obj = defaulted(kinds.STATEFUL_SET, {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}})
    assert obj["spec"] == {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "revisionHistoryLimit": 10,
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data"},
                "spec": {"volumeMode": "Filesystem", "resources": {}},
                "status": {"phase": "Pending"},
            }
        ],
    }
    assert obj["status"] == {"replicas": 0, "availableReplicas": 0}
    on_delete = defaulted(kinds.STATEFUL_SET, {"spec": {"updateStrategy": {"type": "OnDelete"}}})
    assert "rollingUpdate" not in on_delete["spec"]["updateStrategy"]


def test_a_daemon_set_updates_one_node_at_a_time() -> None:
    obj = defaulted(kinds.DAEMON_SET, {"spec": {"template": {"spec": {"containers": []}}}})
    assert obj["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    assert obj["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    assert set(obj["status"].values()) == {0}


def test_a_pod_template_has_the_defaults_of_a_pod_spec() -> None:
    obj = defaulted(kinds.POD_TEMPLATE, {"template": {"spec": {"containers": [{"image": "a:1"}]}}})
    assert obj["template"]["spec"]["dnsPolicy"] == "ClusterFirst"
    assert obj["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, {"completions": 1, "parallelism": 1, "backoffLimit": 6}, id="nothing"),
        pytest.param({"parallelism": 3}, {"completions": None, "parallelism": 3}, id="work queue"),
        pytest.param({"completions": 3}, {"completions": 3, "parallelism": 1}, id="completions"),
        pytest.param({"backoffLimitPerIndex": 1}, {"backoffLimit": 2147483647}, id="limit by index"),
        pytest.param({}, {"completionMode": "NonIndexed", "suspend": False}, id="mode"),
        pytest.param({}, {"podReplacementPolicy": "TerminatingOrFailed"}, id="replacement"),
        pytest.param({"podFailurePolicy": {"rules": []}}, {"podReplacementPolicy": "Failed"}, id="failure policy"),
    ],
)
def test_a_job_runs_once_unless_it_says_otherwise(given: Obj, expected: Obj) -> None:
    spec = defaulted(kinds.JOB, {"spec": given})["spec"]
    assert {name: spec.get(name) for name in expected} == expected


def test_a_job_takes_its_labels_from_its_template() -> None:
    template = {"metadata": {"labels": {"a": "b"}}}
    assert defaulted(kinds.JOB, {"spec": {"template": template}})["metadata"]["labels"] == {"a": "b"}
    own = {"metadata": {"labels": {"c": "d"}}, "spec": {"template": template}}
    assert defaulted(kinds.JOB, own)["metadata"]["labels"] == {"c": "d"}


def test_conditions_of_a_failure_policy_are_true_ones() -> None:
    policy: Obj = {"rules": [{"onPodConditions": [{"type": "DisruptionTarget"}]}]}
    spec = defaulted(kinds.JOB, {"spec": {"podFailurePolicy": policy}})["spec"]
    assert spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["status"] == "True"


def test_a_cron_job_lets_runs_overlap_and_keeps_a_few() -> None:
    spec = defaulted(kinds.CRON_JOB, {"spec": {"schedule": "* * * * *"}})["spec"]
    assert spec == {
        "schedule": "* * * * *",
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {}},
    }


def test_an_autoscaler_looks_at_cpu() -> None:
    spec = defaulted(kinds.HORIZONTAL_POD_AUTOSCALER, {"spec": {"maxReplicas": 3}})["spec"]
    assert spec == {"maxReplicas": 3, "minReplicas": 1, "metrics": [CPU_METRIC]}
    old = {"apiVersion": "autoscaling/v1", "spec": {"maxReplicas": 3}}
    spec = defaulted(kinds.HORIZONTAL_POD_AUTOSCALER_V1, old)["spec"]
    assert spec == {"maxReplicas": 3, "minReplicas": 1, "targetCPUUtilizationPercentage": 80}


def test_an_autoscaler_with_a_behavior_gets_the_rest_of_it() -> None:
    given = {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
    assert defaulted(kinds.HORIZONTAL_POD_AUTOSCALER, {"spec": given})["spec"]["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, PERCENT],
        },
        "scaleDown": {"selectPolicy": "Disabled", "policies": [PERCENT]},
    }


@pytest.mark.parametrize(
    ("own", "container", "expected"),
    [
        pytest.param({"limits": {"cpu": "2"}}, {}, {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}, id="limit"),
        pytest.param(
            {"limits": {"cpu": "2"}}, {"requests": {"cpu": "500m", "memory": "1Gi"}},
            {"limits": {"cpu": "2"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, id="requests of containers",
        ),
        pytest.param({"requests": {"cpu": "1"}}, {}, {"requests": {"cpu": "1"}}, id="no limit"),
    ],
)  # fmt: skip
def test_a_pod_that_limits_itself_requests_what_its_containers_do(own: Obj, container: Obj, expected: Obj) -> None:
    spec = {"resources": own, "containers": [{"name": "c", "resources": container}]}
    assert defaulted(kinds.POD, {"spec": spec})["spec"]["resources"] == expected


def test_volumes_and_claims_are_pending_file_systems() -> None:
    volume = defaulted(kinds.PERSISTENT_VOLUME, {"spec": {"hostPath": {"path": "/a"}}})
    assert volume["spec"] == {
        "hostPath": {"path": "/a", "type": ""},
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
    }
    assert volume["status"] == {"phase": "Pending"}
    claim = defaulted(kinds.PERSISTENT_VOLUME_CLAIM, {"spec": {"volumeMode": "Block"}})
    assert (claim["spec"]["volumeMode"], claim["status"]) == ("Block", {"phase": "Pending"})


@pytest.mark.parametrize(
    ("item", "limit", "request_"),
    [
        pytest.param({"max": {"cpu": "1"}}, {"cpu": "1"}, {"cpu": "1"}, id="most"),
        pytest.param({"max": {"cpu": "2"}, "default": {"cpu": "1"}}, {"cpu": "1"}, {"cpu": "1"}, id="default"),
        pytest.param({"min": {"cpu": "1"}}, None, {"cpu": "1"}, id="least"),
        pytest.param(
            {"max": {"cpu": "4"}, "min": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}},
            {"cpu": "4"}, {"cpu": "2"}, id="all",
        ),
    ],
)  # fmt: skip
def test_a_limit_range_fills_in_defaults_of_containers(item: Obj, limit: Obj | None, request_: Obj | None) -> None:
    found = defaulted(kinds.LIMIT_RANGE, {"spec": {"limits": [{"type": "Container", **item}]}})["spec"]["limits"][0]
    assert (found.get("default"), found.get("defaultRequest")) == (limit, request_)
    of_pod = defaulted(kinds.LIMIT_RANGE, {"spec": {"limits": [{"type": "Pod", **item}]}})["spec"]["limits"][0]
    assert of_pod == {"type": "Pod", **item}


def test_a_budget_allows_nothing_before_it_was_counted() -> None:
    assert defaulted(kinds.POD_DISRUPTION_BUDGET, {})["status"] == {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    }


def test_a_priority_class_makes_lower_ones_give_way() -> None:
    assert defaulted(kinds.PRIORITY_CLASS, {"value": 1})["preemptionPolicy"] == "PreemptLowerPriority"


def test_a_claim_asks_for_one_device() -> None:
    requests = [{"exactly": {"deviceClassName": "a", "tolerations": [{"key": "k"}]}}, {"firstAvailable": [{}]}]
    expected = [
        {
            "exactly": {
                "deviceClassName": "a",
                "tolerations": [{"key": "k", "operator": "Equal"}],
                "allocationMode": "ExactCount",
                "count": 1,
            }
        },
        {"firstAvailable": [{"allocationMode": "ExactCount", "count": 1}]},
    ]
    spec = {"devices": {"requests": requests}}
    assert defaulted(kinds.RESOURCE_CLAIM, {"spec": spec})["spec"]["devices"]["requests"] == expected
    template = defaulted(kinds.RESOURCE_CLAIM_TEMPLATE, {"spec": {"spec": spec}})
    assert template["spec"]["spec"]["devices"]["requests"] == expected
