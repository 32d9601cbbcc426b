"""What a LimitRange fills in and forbids."""

from __future__ import annotations

import pytest

from hyperpy.api import limitrange


def ranged(kind="Container", **item):
    return {"spec": {"limits": [{"type": kind, **item}]}}


def pod(requests=None, limits=None, /, **spec):
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {"metadata": {}, "spec": {"containers": [{"name": "c", "resources": resources}], **spec}}


def test_what_a_container_lacks_is_filled_in_and_noted():
    made = pod({"memory": "1Gi"}, initContainers=[{"name": "i"}])
    limitrange.fill_in(
        made, ranged(default={"cpu": "1", "memory": "2Gi"}, defaultRequest={"cpu": "500m", "memory": "1Mi"})
    )
    own, init = made["spec"]["containers"][0]["resources"], made["spec"]["initContainers"][0]["resources"]
    assert own == {"requests": {"memory": "1Gi", "cpu": "500m"}, "limits": {"cpu": "1", "memory": "2Gi"}}
    assert init["requests"] == {"cpu": "500m", "memory": "1Mi"}
    assert made["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; "
        "cpu, memory limit for container c; cpu, memory request for init container i; "
        "cpu, memory limit for init container i"
    }


@pytest.mark.parametrize("spec", [{}, {"spec": {"containers": [{}]}}], ids=["no spec", "no name"])
def test_a_pod_that_makes_no_sense_is_left_to_validation(spec):
    limitrange.fill_in({"metadata": {}, **spec}, ranged(default={"cpu": "1"}))


def test_what_is_complete_is_left_alone():
    made = pod({"cpu": "1"})
    limitrange.fill_in(made, ranged(defaultRequest={"cpu": "500m"}))
    assert "annotations" not in made["metadata"]


@pytest.mark.parametrize(
    ("limits", "obj", "says"),
    [
        pytest.param(
            ranged(max={"cpu": "1"}), pod({}, {"cpu": "2"}), "maximum cpu usage per Container is 1, but limit is 2",
            id="max",
        ),
        pytest.param(
            ranged(max={"cpu": "1"}), pod(), "maximum cpu usage per Container is 1.  No limit is specified",
            id="max-without-limit",
        ),
        pytest.param(
            ranged(max={"cpu": "1"}), pod({"cpu": "3"}, {"cpu": "1"}),
            "maximum cpu usage per Container is 1, but request is 3", id="max-request",
        ),
        pytest.param(
            ranged(min={"memory": "1Gi"}), pod({"memory": "512Mi"}),
            "minimum memory usage per Container is 1Gi, but request is 512Mi", id="min",
        ),
        pytest.param(
            ranged(min={"memory": "1Gi"}), pod(), "minimum memory usage per Container is 1Gi.  No request is specified",
            id="min-without-request",
        ),
        pytest.param(
            ranged(maxLimitRequestRatio={"cpu": "2"}), pod({"cpu": "100m"}, {"cpu": "250m"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000", id="ratio",
        ),
        pytest.param(
            ranged(maxLimitRequestRatio={"cpu": "2"}), pod({}, {"cpu": "250m"}),
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            id="ratio-without-request",
        ),
        pytest.param(
            ranged("Pod", max={"cpu": "1"}),
            pod({}, {"cpu": "600m"}, initContainers=[
                {"name": "s", "restartPolicy": "Always", "resources": {"limits": {"cpu": "600m"}}}
            ]),
            "maximum cpu usage per Pod is 1, but limit is 1200m", id="pod",
        ),
        pytest.param(
            ranged("Pod", max={"cpu": "1"}), pod(resources={"limits": {"cpu": "2"}}),
            "maximum cpu usage per Pod is 1, but limit is 2", id="pod-level",
        ),
    ],
)  # fmt: skip
def test_a_pod_outside_of_the_range_is_told_how(limits, obj, says):
    assert limitrange.pod_problems(obj, limits) == [says]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        pytest.param({"max": {"storage": "1Gi"}}, ["maximum storage usage per PersistentVolumeClaim is 1Gi, but "
                                                   "request is 2Gi"], id="max"),
        pytest.param({"min": {"storage": "3Gi"}}, ["minimum storage usage per PersistentVolumeClaim is 3Gi, but "
                                                   "request is 2Gi"], id="min"),
        pytest.param({"max": {"storage": "2Gi"}}, [], id="fits"),
    ],
)  # fmt: skip
def test_a_claim_outside_of_the_range_is_told_how(limits, says):
    claim = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    assert limitrange.claim_problems(claim, ranged("PersistentVolumeClaim", **limits)) == says
