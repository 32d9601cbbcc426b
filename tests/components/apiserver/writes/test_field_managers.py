"""managedFields of every write: who owns what after creates, updates, patches and through subresources."""

from __future__ import annotations

import orjson
import pytest

from hyperpy.api import errors

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE_PATCH, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

DEPLOYMENT = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i:1"}]},
        },
    },
}


def shown(obj):
    """Who owns what, without times."""
    return {
        (one["manager"], one.get("subresource", "")): one["fieldsV1"]
        for one in obj["metadata"].get("managedFields", ())
    }


async def test_a_create_owns_what_was_sent_and_its_defaults(cluster, make_pod):
    made = await cluster.json("POST", PODS, make_pod("p", labels=None) | {"status": {"phase": "Running"}})
    (entry,) = made["metadata"]["managedFields"]
    assert {name: entry[name] for name in ("manager", "operation", "apiVersion", "fieldsType")} == {
        "manager": "tester",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
    }
    assert entry["time"] == made["metadata"]["creationTimestamp"]
    assert entry["fieldsV1"] == {
        "f:spec": {
            "f:containers": {
                'k:{"name":"main"}': {
                    ".": {},
                    "f:image": {},
                    "f:imagePullPolicy": {},
                    "f:name": {},
                    "f:resources": {},
                    "f:terminationMessagePath": {},
                    "f:terminationMessagePolicy": {},
                }
            },
            "f:dnsPolicy": {},
            "f:enableServiceLinks": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
            "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
        }
    }, "what admission sets (account, tolerations, volumes) and what the server sets have no owner"


async def test_names_come_from_the_option_or_the_user_agent(cluster, make_config_map):
    await cluster.send("POST", f"{CONFIG_MAPS}?fieldManager=named", make_config_map("one"), user_agent="x/1")
    patched = await cluster.send(
        "PATCH", f"{CONFIG_MAPS}/one", {"data": {"b": "2"}}, content_type=MERGE_PATCH, user_agent="kubectl/v1.34"
    )
    assert shown(orjson.loads(patched.body)) == {
        ("named", ""): {"f:data": {".": {}, "f:a": {}}},
        ("kubectl", ""): {"f:data": {"f:b": {}}},
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param({"data": {"a": "2"}}, MERGE_PATCH, id="merge"),
        pytest.param({"data": {"a": "2"}}, STRATEGIC_PATCH, id="strategic"),
        pytest.param([{"op": "replace", "path": "/data/a", "value": "2"}], JSON_PATCH, id="json"),
    ],
)
async def test_ownership_moves_with_a_patch(cluster, make_config_map, body, content_type):
    await cluster.send("POST", f"{CONFIG_MAPS}?fieldManager=one", make_config_map("one"))
    patched = await cluster.json("PATCH", f"{CONFIG_MAPS}/one?fieldManager=two", body, content_type=content_type)
    assert shown(patched) == {("one", ""): {"f:data": {}}, ("two", ""): {"f:data": {"f:a": {}}}}


async def test_ownership_moves_with_an_update_with_or_without_the_managers(cluster, make_config_map):
    made = await cluster.json("POST", f"{CONFIG_MAPS}?fieldManager=one", make_config_map("one"))
    made["data"]["b"] = "1"
    changed = await cluster.json("PUT", f"{CONFIG_MAPS}/one?fieldManager=two", made)
    bare = make_config_map("one")
    bare["data"] = {"b": "2"}
    last = await cluster.json("PUT", f"{CONFIG_MAPS}/one?fieldManager=three", bare)
    assert shown(changed) == {("one", ""): {"f:data": {".": {}, "f:a": {}}}, ("two", ""): {"f:data": {"f:b": {}}}}
    assert shown(last) == {("one", ""): {"f:data": {}}, ("three", ""): {"f:data": {"f:b": {}}}}


async def test_a_write_that_changes_nothing_dates_nothing(cluster, make_config_map):
    made = await cluster.json("POST", CONFIG_MAPS, make_config_map("one"))
    await cluster.clock.advance(60)
    assert await cluster.json("PUT", f"{CONFIG_MAPS}/one", made) == made
    status = {"status": {"replicas": 5}}
    deployment = await cluster.json("POST", DEPLOYMENTS, DEPLOYMENT)
    await cluster.clock.advance(60)
    again = await cluster.json("PATCH", f"{DEPLOYMENTS}/web", status, content_type=MERGE_PATCH)
    assert again == deployment, "a status sent to the object itself is no change"


async def test_a_status_has_an_entry_of_its_own(cluster):
    await cluster.send("POST", f"{DEPLOYMENTS}?fieldManager=one", DEPLOYMENT)
    patch = {"spec": {"replicas": 9}, "status": {"replicas": 2}}
    written = await cluster.json("PATCH", f"{DEPLOYMENTS}/web/status?fieldManager=two", patch, content_type=MERGE_PATCH)
    assert shown(written)["two", "status"] == {"f:status": {"f:replicas": {}}}
    assert "f:replicas" in shown(written)["one", ""]["f:spec"]


async def test_a_scale_takes_the_replicas(cluster):
    await cluster.send("POST", f"{DEPLOYMENTS}?fieldManager=one", DEPLOYMENT)
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 5}}
    await cluster.send("PUT", f"{DEPLOYMENTS}/web/scale?fieldManager=two", scale)
    after = shown(await cluster.json("GET", f"{DEPLOYMENTS}/web"))
    assert after["two", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in after["one", ""]["f:spec"]


async def test_a_scale_is_applied_with_conflicts_and_force(cluster):
    await cluster.send("POST", f"{DEPLOYMENTS}?fieldManager=one", DEPLOYMENT)
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 5}}
    target, apply = f"{DEPLOYMENTS}/web/scale?fieldManager=two", "application/apply-patch+yaml"
    with pytest.raises(errors.Conflict) as caught:
        await cluster.send("PATCH", target, scale, content_type=apply)
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "one" using autoscaling/v1: .spec.replicas'
    )
    forced = await cluster.json("PATCH", f"{target}&force=true", scale, content_type=apply)
    assert (forced["kind"], forced["spec"]) == ("Scale", {"replicas": 5})
    deployment = await cluster.json("GET", f"{DEPLOYMENTS}/web")
    assert deployment["spec"]["replicas"] == 5
    after = shown(deployment)
    assert after["two", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in after["one", ""]["f:spec"]
    entry = next(one for one in deployment["metadata"]["managedFields"] if one["manager"] == "two")
    assert (entry["operation"], entry["apiVersion"]) == ("Apply", "apps/v1")
    again = await cluster.json("PATCH", target, scale, content_type=apply)
    assert again["metadata"]["resourceVersion"] == forced["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("patch", "content_type"),
    [
        pytest.param({"metadata": {"managedFields": [{}]}}, MERGE_PATCH, id="one empty entry"),
        pytest.param({"metadata": {"managedFields": []}}, MERGE_PATCH, id="no entry"),
        pytest.param([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}], JSON_PATCH, id="json"),
    ],
)
async def test_a_client_resets_the_managers(cluster, make_config_map, patch, content_type):
    await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    reset = await cluster.json("PATCH", f"{CONFIG_MAPS}/one", patch, content_type=content_type)
    assert "managedFields" not in reset["metadata"]
    later = await cluster.json("PATCH", f"{CONFIG_MAPS}/one", {"data": {"b": "1"}}, content_type=MERGE_PATCH)
    assert "managedFields" not in later["metadata"], "nothing is tracked until the next apply"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
    applied = await cluster.json(
        "PATCH", f"{CONFIG_MAPS}/one?fieldManager=me", config, content_type="application/apply-patch+yaml"
    )
    assert shown(applied) == {
        ("me", ""): {"f:data": {"f:a": {}}},
        ("before-first-apply", ""): {"f:data": {".": {}, "f:a": {}, "f:b": {}}},
    }


async def test_a_client_moves_entries_and_their_steps_are_put_in_one_form(cluster, make_config_map):
    """What kubectl does when it migrates from client-side apply: a JSON patch on the list of entries."""
    made = await cluster.json("POST", f"{CONFIG_MAPS}?fieldManager=kubectl-client-side-apply", make_config_map("one"))
    entry = {**made["metadata"]["managedFields"][0], "manager": "kubectl", "operation": "Apply"}
    patch = [
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [{**entry, "fieldsV1": {"f:data": {"f:a": {".": {}}}}}],
        },
        {"op": "replace", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]},
    ]
    moved = await cluster.json("PATCH", f"{CONFIG_MAPS}/one", patch, content_type=JSON_PATCH)
    assert [(one["manager"], one["operation"]) for one in moved["metadata"]["managedFields"]] == [("kubectl", "Apply")]
    assert shown(moved) == {("kubectl", ""): {"f:data": {"f:a": {}}}}


async def test_entries_that_make_no_sense_are_passed_over(cluster, make_config_map):
    made = await cluster.json("POST", CONFIG_MAPS, make_config_map("one"))
    patch = {"metadata": {"managedFields": [{"manager": "x", "operation": "Delete"}]}}
    patched = await cluster.json("PATCH", f"{CONFIG_MAPS}/one", patch, content_type=MERGE_PATCH)
    assert patched == made
    with pytest.raises(errors.Invalid, match=r"metadata.managedFields\[0\].manager: Too long"):
        entry = {**made["metadata"]["managedFields"][0], "manager": "x" * 129}
        await cluster.send(
            "PATCH", f"{CONFIG_MAPS}/one", {"metadata": {"managedFields": [entry]}}, content_type=MERGE_PATCH
        )


async def test_a_status_write_cannot_set_the_managers(cluster):
    made = await cluster.json("POST", DEPLOYMENTS, DEPLOYMENT)
    patch = {"metadata": {"managedFields": [{}]}}
    patched = await cluster.json("PATCH", f"{DEPLOYMENTS}/web/status", patch, content_type=MERGE_PATCH)
    assert patched["metadata"]["managedFields"] == made["metadata"]["managedFields"]


async def test_at_most_ten_updaters_are_kept(cluster, make_config_map):
    await cluster.send("POST", f"{CONFIG_MAPS}?fieldManager=m00", make_config_map("one"))
    for index in range(1, 13):
        await cluster.clock.advance(1)
        patched = await cluster.json(
            "PATCH",
            f"{CONFIG_MAPS}/one?fieldManager=m{index:02}",
            {"data": {f"k{index}": "1"}},
            content_type=MERGE_PATCH,
        )  # fmt: skip
    names = [one["manager"] for one in patched["metadata"]["managedFields"]]
    assert len(names) == 10 and names[0] == "ancient-changes" and names[-1] == "m12"
    assert {"f:a", "f:k1", "f:k2"} <= shown(patched)["ancient-changes", ""]["f:data"].keys()


async def test_versions_of_one_object_share_their_managers(cluster):
    scaler = {
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}, "maxReplicas": 3},
    }
    v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    v2 = v1.replace("/v1/", "/v2/")
    await cluster.send("POST", f"{v1}?fieldManager=one", scaler)
    patched = await cluster.json(
        "PATCH", f"{v2}/web?fieldManager=two", {"spec": {"maxReplicas": 5}}, content_type=MERGE_PATCH
    )
    entries = {one["manager"]: one for one in patched["metadata"]["managedFields"]}
    assert (entries["one"]["apiVersion"], entries["two"]["apiVersion"]) == ("autoscaling/v1", "autoscaling/v2")
    assert "f:maxReplicas" not in entries["one"]["fieldsV1"]["f:spec"]
    assert entries["two"]["fieldsV1"] == {"f:spec": {"f:maxReplicas": {}}}


async def test_objects_of_the_server_itself_have_a_manager(cluster):
    role = await cluster.json("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin")
    assert [one["manager"] for one in role["metadata"]["managedFields"]] == ["kube-apiserver"]


async def test_a_binding_changes_no_managers(cluster, make_pod):
    made = await cluster.json("POST", PODS, make_pod("p"))
    await cluster.send(
        "POST", f"{PODS}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}
    )
    bound = await cluster.json("GET", f"{PODS}/p")
    assert bound["spec"]["nodeName"] == "n"
    assert bound["metadata"]["managedFields"] == made["metadata"]["managedFields"]
