"""What the API server adds to the kinds that run and bound workloads, from create to delete."""
# ruff: noqa: E501
# One case a line.

from __future__ import annotations

import copy

import pytest

from hyperpy.api import errors
from hyperpy.client.protocol import MERGE_PATCH

APPS, BATCH = "/apis/apps/v1/namespaces/default", "/apis/batch/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"
POD = {"containers": [{"name": "c", "image": "i:1"}]}
LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
SELECTED = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}


def named(spec, name="x", **meta):
    return {"metadata": {"name": name, **meta}, "spec": copy.deepcopy(spec)}


JOB = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}


async def patch(cluster, path, change):
    return await cluster.json("PATCH", path, change, content_type=MERGE_PATCH)


async def test_a_job_selects_its_pods_by_its_own_uid(cluster):
    job = await cluster.json("POST", f"{BATCH}/jobs", named(JOB))
    uid = job["metadata"]["uid"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "x",
        "controller-uid": uid,
        "job-name": "x",
    }
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert job["spec"]["template"]["metadata"]["labels"] == labels == job["metadata"]["labels"]
    assert (job["metadata"]["generation"], job["status"]) == (1, {})


async def test_a_job_keeps_labels_of_its_own(cluster):
    spec = {"template": {**JOB["template"], "metadata": {"labels": LABELS}}}
    job = await cluster.json("POST", f"{BATCH}/jobs", named(spec, labels={"mine": "yes"}))
    assert job["metadata"]["labels"] == {"mine": "yes"}
    assert LABELS.items() < job["spec"]["template"]["metadata"]["labels"].items()
    job = await cluster.json("POST", f"{BATCH}/jobs", named(spec, "y"))
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]


async def test_a_job_with_a_selector_by_hand_is_left_alone(cluster):
    job = await cluster.json("POST", f"{BATCH}/jobs", named({**JOB, **SELECTED, "manualSelector": True, "template": {
        **JOB["template"], "metadata": {"labels": LABELS}}}))  # fmt: skip
    assert job["spec"]["selector"] == {"matchLabels": LABELS}
    with pytest.raises(errors.Invalid, match="must be 'other'"):
        await cluster.json("POST", f"{BATCH}/jobs", named({"template": {
            **JOB["template"], "metadata": {"labels": {"job-name": "web"}}}}, "other"))  # fmt: skip


async def test_a_job_counts_generations_and_its_status_goes_forward(cluster):
    await cluster.json("POST", f"{BATCH}/jobs", named(JOB))
    job = await patch(cluster, f"{BATCH}/jobs/x", {"spec": {"suspend": True}})
    assert job["metadata"]["generation"] == 2
    with pytest.raises(errors.Invalid, match=r"spec.completions: Invalid value: 3: field is immutable"):
        await patch(cluster, f"{BATCH}/jobs/x", {"spec": {"completions": 3}})
    job = await patch(cluster, f"{BATCH}/jobs/x/status", {"status": {"succeeded": 1}})
    assert (job["metadata"]["generation"], job["status"]["succeeded"]) == (2, 1)
    with pytest.raises(errors.Invalid, match="cannot decrease the succeeded counter"):
        await patch(cluster, f"{BATCH}/jobs/x/status", {"status": {"succeeded": 0}})


async def test_pods_of_a_deleted_job_stay_unless_told_otherwise_and_the_answer_says_so(cluster):
    for name, query, warned in (("a", "", True), ("b", "?propagationPolicy=Background", False)):
        await cluster.json("POST", f"{BATCH}/jobs", named(JOB, name))
        response = await cluster.send("DELETE", f"{BATCH}/jobs/{name}{query}")
        texts = " ".join(str(value) for name, value in response.headers.items() if name.lower() == "warning")
        assert ("child pods are preserved by default when jobs are deleted" in texts) is warned
    job = await cluster.json("GET", f"{BATCH}/jobs/a")
    assert job["metadata"]["finalizers"] == ["orphan"]
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", f"{BATCH}/jobs/b")


async def test_the_template_of_a_daemon_set_has_a_generation_of_its_own(cluster):
    path = f"{APPS}/daemonsets"
    created = await cluster.json("POST", path, named(SELECTED))
    assert created["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "1"}
    assert created["status"] == {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    }
    changed = await patch(cluster, f"{path}/x", {"spec": {"minReadySeconds": 1}})
    own = changed["metadata"]
    assert (own["generation"], own["annotations"]["deprecated.daemonset.template.generation"]) == (2, "1")
    changed = await patch(cluster, f"{path}/x", {"spec": {"template": {"spec": {"hostNetwork": True}}}})
    own = changed["metadata"]
    assert (own["generation"], own["annotations"]["deprecated.daemonset.template.generation"]) == (3, "2")


async def test_a_stateful_set_is_made_scaled_and_kept(cluster):
    path = f"{APPS}/statefulsets"
    created = await cluster.json("POST", path, named({**SELECTED, "serviceName": "web"}))
    assert created["status"] == {"availableReplicas": 0, "replicas": 0}
    scale = await cluster.json("GET", f"{path}/x/scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 0, "selector": "app=web"})
    await patch(cluster, f"{path}/x/scale", {"spec": {"replicas": 3}})
    obj = await cluster.json("GET", f"{path}/x")
    assert (obj["spec"]["replicas"], obj["metadata"]["generation"]) == (3, 2)
    with pytest.raises(errors.Invalid) as refusal:
        await patch(cluster, f"{path}/x", {"spec": {"serviceName": "other"}})
    assert refusal.value.message == (
        'StatefulSet.apps "x" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )


@pytest.mark.parametrize(
    ("path", "obj", "generations"),
    [
        pytest.param(f"{BATCH}/cronjobs", named({"schedule": "@daily", "jobTemplate": {"spec": JOB}}), 1, id="cron job"),
        pytest.param("/apis/policy/v1/namespaces/default/poddisruptionbudgets", named({"minAvailable": 1}), 1, id="budget"),
        pytest.param("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", named({"maxReplicas": 1, "scaleTargetRef": {"kind": "A", "name": "a"}}), None, id="autoscaler"),
        pytest.param(f"{CORE}/resourcequotas", named({"hard": {"pods": "1"}}), None, id="quota"),
        pytest.param(f"{CORE}/podtemplates", {"metadata": {"name": "x"}, "template": TEMPLATE}, 1, id="pod template"),
        pytest.param("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "x"}, "value": 1}, 1, id="priority"),
        pytest.param("/apis/node.k8s.io/v1/runtimeclasses", {"metadata": {"name": "x"}, "handler": "a"}, None, id="runtime"),
        pytest.param("/apis/resource.k8s.io/v1/deviceclasses", named({}), 1, id="device class"),
        pytest.param("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims", named({}), None, id="claim"),
    ],
)  # fmt: skip
async def test_a_kind_counts_generations_or_does_not(path, obj, generations, cluster):
    created = await cluster.json("POST", path, obj)
    assert created["metadata"].get("generation") == generations


async def test_a_claim_waits_for_a_volume_and_names_its_source_twice(cluster):
    path, source = f"{CORE}/persistentvolumeclaims", {"kind": "PersistentVolumeClaim", "name": "other"}
    growing = {"metadata": {"name": "fast"}, "provisioner": "a.b/c", "allowVolumeExpansion": True}
    await cluster.json("POST", "/apis/storage.k8s.io/v1/storageclasses", growing)
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "dataSource": source}
    wanted["storageClassName"] = "fast"
    claim = await cluster.json("POST", path, {**named(wanted), "status": {"phase": "Bound"}})
    assert claim["status"] == {"phase": "Pending"}
    assert claim["spec"]["dataSourceRef"] == source
    with pytest.raises(errors.Invalid, match="spec is immutable after creation except resources.requests"):
        await patch(cluster, f"{path}/x", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    await patch(cluster, f"{path}/x/status", {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
    grown = await patch(cluster, f"{path}/x", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    assert grown["spec"]["resources"]["requests"]["storage"] == "2Gi"
    deleted = await cluster.json("DELETE", f"{path}/x")
    assert deleted["kind"] == "PersistentVolumeClaim"


async def test_a_volume_notes_when_its_phase_changed(cluster):
    path = "/api/v1/persistentvolumes"
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/a"}}
    volume = await cluster.json("POST", path, named(spec))
    assert volume["status"] == {"phase": "Pending", "lastPhaseTransitionTime": "2023-11-14T22:13:20Z"}
    await cluster.clock.advance(5)
    volume = await patch(cluster, f"{path}/x/status", {"status": {"phase": "Available"}})
    assert volume["status"]["lastPhaseTransitionTime"] == "2023-11-14T22:13:25Z"


async def test_a_budget_is_replaced_only_by_who_has_read_it(cluster):
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    budget = await cluster.json("POST", path, named({"minAvailable": 1, "selector": {"matchLabels": LABELS}}))
    assert budget["status"] == {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}
    with pytest.raises(errors.Invalid, match=r"metadata.resourceVersion"):
        await cluster.json("PUT", f"{path}/x", named({"minAvailable": 2}))
    budget["spec"]["minAvailable"] = 2
    assert (await cluster.json("PUT", f"{path}/x", budget))["metadata"]["generation"] == 2


async def test_an_autoscaler_of_either_version_is_judged_and_stored_alike(cluster):
    old, new = (f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers" for version in ("v1", "v2"))
    spec = {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    await cluster.json("POST", old, named(spec))
    assert (await cluster.json("GET", f"{old}/x"))["spec"]["targetCPUUtilizationPercentage"] == 80
    metrics = (await cluster.json("GET", f"{new}/x"))["spec"]["metrics"]
    assert metrics[0]["resource"]["target"]["averageUtilization"] == 80
    await cluster.json("POST", new, named(spec, "y"))
    assert (await cluster.json("GET", f"{old}/y"))["status"] == {"currentReplicas": 0, "desiredReplicas": 0}
    with pytest.raises(errors.Invalid, match="must be greater than or equal to `minReplicas`"):
        await patch(cluster, f"{old}/x", {"spec": {"minReplicas": 4}})


async def test_jobs_are_found_by_how_many_succeeded(cluster):
    for name in ("a", "b"):
        await cluster.json("POST", f"{BATCH}/jobs", named(JOB, name))
    await patch(cluster, f"{BATCH}/jobs/a/status", {"status": {"succeeded": 1}})
    found = await cluster.json("GET", f"{BATCH}/jobs?fieldSelector=status.successful=1")
    assert [job["metadata"]["name"] for job in found["items"]] == ["a"]
