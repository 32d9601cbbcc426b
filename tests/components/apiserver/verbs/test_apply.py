"""Server-side apply through the resource core."""

from __future__ import annotations

import copy

import orjson
import pytest

from hyperpy.api import errors

APPLY = "application/apply-patch+yaml"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SERVICES = "/api/v1/namespaces/default/services"

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "c", "image": "i:1", "ports": [{"containerPort": 80}], "env": [{"name": "A"}]}]
            },
        },
    },
}


def config(name="one", **parts):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **parts}


async def apply(cluster, target, obj, *, manager="me", force=False, query=""):
    query = f"fieldManager={manager}{'&force=true' if force else ''}{query}"
    return await cluster.json("PATCH", f"{target}?{query}", obj, content_type=APPLY)


def entry(obj, manager, operation="Apply", subresource=None):
    found = [
        one
        for one in obj["metadata"].get("managedFields", ())
        if (one["manager"], one["operation"], one.get("subresource")) == (manager, operation, subresource)
    ]
    return found[0] if found else None


async def test_a_missing_object_is_made(cluster):
    response = await cluster.send(
        "PATCH", f"{CONFIG_MAPS}/one?fieldManager=me", config(data={"a": "1"}), content_type=APPLY
    )
    assert response.status == 201
    made = orjson.loads(response.body)
    assert made["data"] == {"a": "1"}
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": made["metadata"]["creationTimestamp"],
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}},
        }
    ]


async def test_applying_again_is_answered_with_200_and_makes_no_revision(cluster):
    made = await apply(cluster, f"{DEPLOYMENTS}/web", DEPLOYMENT)
    await cluster.clock.advance(60)
    response = await cluster.send("PATCH", f"{DEPLOYMENTS}/web?fieldManager=me", DEPLOYMENT, content_type=APPLY)
    assert response.status == 200
    assert orjson.loads(response.body) == made


async def test_yaml_is_taken(cluster):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata: {a: '1'}\n"
    made = await cluster.json("PATCH", f"{CONFIG_MAPS}/one?fieldManager=me", body, content_type=APPLY)
    assert made["data"] == {"a": "1"}


async def test_what_is_no_longer_applied_is_taken_out(cluster):
    await apply(cluster, f"{DEPLOYMENTS}/web", DEPLOYMENT)
    less = copy.deepcopy(DEPLOYMENT)
    del less["metadata"]["labels"], less["spec"]["template"]["spec"]["containers"][0]["env"]
    changed = await apply(cluster, f"{DEPLOYMENTS}/web", less)
    (container,) = changed["spec"]["template"]["spec"]["containers"]
    assert not container.get("env") and not changed["metadata"].get("labels")
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert container["imagePullPolicy"] == "IfNotPresent", "defaults are nobody's and stay"


async def test_other_owners_are_a_conflict_until_it_is_forced(cluster):
    await cluster.send("POST", DEPLOYMENTS, DEPLOYMENT, user_agent="kubectl-create/v1")
    wanted = copy.deepcopy(DEPLOYMENT)
    wanted["spec"]["replicas"] = 3
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    with pytest.raises(errors.Conflict) as caught:
        await apply(cluster, f"{DEPLOYMENTS}/web", wanted)
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-create" using apps/v1:\n'
        '- .spec.replicas\n- .spec.template.spec.containers[name="c"].image'
    )
    assert caught.value.details["causes"][0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-create" using apps/v1',
        "field": ".spec.replicas",
    }
    forced = await apply(cluster, f"{DEPLOYMENTS}/web", wanted, force=True)
    assert forced["spec"]["replicas"] == 3
    assert "f:replicas" not in entry(forced, "kubectl-create", "Update")["fieldsV1"]["f:spec"]
    assert forced["metadata"]["generation"] == 2


async def test_lists_of_two_appliers_are_merged(cluster):
    def service(name, port):
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"ports": [{"name": name, "port": port}]},
        }

    await apply(cluster, f"{SERVICES}/web", service("http", 80), manager="one")
    both = await apply(cluster, f"{SERVICES}/web", service("https", 443), manager="two")
    assert [(port["name"], port["port"]) for port in both["spec"]["ports"]] == [("http", 80), ("https", 443)]
    less = await apply(cluster, f"{SERVICES}/web", {**service("", 1), "spec": {}}, manager="one")
    assert [port["port"] for port in less["spec"]["ports"]] == [443]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param(
            "",
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
            id="no manager",
        ),
        pytest.param(
            "fieldManager=me&dryRun=Some",
            'PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"',
            id="dry run",
        ),
    ],
)
async def test_options_are_checked(cluster, query, message):
    with pytest.raises(errors.Invalid) as caught:
        await cluster.send("PATCH", f"{CONFIG_MAPS}/one?{query}", config(), content_type=APPLY)
    assert caught.value.message == message


async def test_force_is_only_for_apply(cluster, make_config_map):
    await cluster.send("POST", CONFIG_MAPS, make_config_map("one"))
    with pytest.raises(errors.Invalid, match="force: Forbidden: may not be specified for non-apply patch"):
        await cluster.send(
            "PATCH", f"{CONFIG_MAPS}/one?force=true", {"data": {}}, content_type="application/merge-patch+json"
        )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(
            {"kind": "ConfigMap", "metadata": {"name": "one"}},
            "invalid object type: /, Kind=ConfigMap",
            id="no version",
        ),
        pytest.param(
            {"apiVersion": "v2", "kind": "ConfigMap"}, "invalid object type: /v2, Kind=ConfigMap", id="another version"
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Secret"}, "invalid object type: /v1, Kind=Secret", id="another kind"
        ),
        pytest.param(
            config("two"), "the name of the object (two) does not match the name on the URL (one)", id="another name"
        ),
        pytest.param(
            {**config(), "metadata": {"name": "one", "namespace": "other"}},
            "the namespace of the provided object does not match the namespace sent on the request",
            id="another namespace",
        ),
        pytest.param(
            {**config(), "metadata": {"name": "one", "managedFields": []}},
            "metadata.managedFields must be nil",
            id="managers of its own",
        ),
        pytest.param(
            config(date={"a": "b"}),
            "failed to create typed patch object (/one; /v1, Kind=ConfigMap): .date: field not declared in schema",
            id="an unknown field",
        ),
        pytest.param(
            b"a: [",
            "error decoding YAML: error converting YAML to JSON: yaml: line 2: did not find expected node content",
            id="no YAML",
        ),
        pytest.param(b"- a", "error decoding YAML: the body must hold one object", id="no object"),
        pytest.param(b"", "error decoding YAML: the body must hold one object", id="nothing"),
    ],
)
async def test_a_body_that_is_no_configuration_is_a_bad_request(cluster, body, message):
    with pytest.raises(errors.BadRequest) as caught:
        await apply(cluster, f"{CONFIG_MAPS}/one", body)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(
            b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"a":"1","a":"2"}}', "", id="json"
        ),
        pytest.param(
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata:\n  a: '1'\n  a: '2'\n",
            "line 6: ",
            id="yaml",
        ),
    ],
)
async def test_repeated_keys_warn_or_are_refused(cluster, body, line):
    response = await cluster.send("PATCH", f"{CONFIG_MAPS}/one?fieldManager=me", body, content_type=APPLY)
    assert f'{line}key \\"a\\" already set in map' in response.headers["Warning"]
    assert orjson.loads(response.body)["data"] == {"a": "2"}, "the last one counts"
    with pytest.raises(errors.BadRequest, match=f"(?s)error strict decoding YAML: .*{line}key"):
        await cluster.send(
            "PATCH", f"{CONFIG_MAPS}/one?fieldManager=me&fieldValidation=Strict", body, content_type=APPLY
        )


async def test_a_uid_and_a_resource_version_are_preconditions(cluster):
    with pytest.raises(errors.Conflict, match="uid mismatch: the provided object specified uid x"):
        await apply(cluster, f"{CONFIG_MAPS}/one", {**config(), "metadata": {"name": "one", "uid": "x"}})
    made = await apply(cluster, f"{CONFIG_MAPS}/one", config(data={"a": "1"}))
    with pytest.raises(errors.Conflict, match="Precondition failed"):
        await apply(cluster, f"{CONFIG_MAPS}/one", {**config(), "metadata": {"name": "one", "uid": "x"}})
    based = {"name": "one", "resourceVersion": "1"}
    with pytest.raises(errors.Conflict, match="the object has been modified"):
        await apply(cluster, f"{CONFIG_MAPS}/one", {**config(), "metadata": based})
    based["resourceVersion"] = made["metadata"]["resourceVersion"]
    changed = await apply(cluster, f"{CONFIG_MAPS}/one", {**config(data={"a": "2"}), "metadata": based})
    assert changed["data"] == {"a": "2"}
    assert "f:resourceVersion" not in orjson.dumps(changed["metadata"]["managedFields"]).decode()


async def test_a_dry_run_keeps_nothing(cluster):
    shown = await apply(cluster, f"{CONFIG_MAPS}/one", config(data={"a": "1"}), query="&dryRun=All")
    assert shown["data"] == {"a": "1"}
    with pytest.raises(errors.NotFound):
        await cluster.send("GET", f"{CONFIG_MAPS}/one")


async def test_who_may_not_create_makes_nothing(cluster):
    from hyperpy.api import paths
    from hyperpy.api.wire import Request

    def refuse():
        raise errors.Forbidden("no")

    path = f"{CONFIG_MAPS}/one"
    query = {"fieldManager": ("me",)}
    body = orjson.dumps(config())
    request = Request("PATCH", path, query, {"content-type": APPLY}, body, check_create=refuse)
    with pytest.raises(errors.Forbidden):
        await cluster.handler(request, paths.parse("PATCH", path, query))


async def test_the_rules_of_the_kind_hold(cluster):
    with pytest.raises(errors.Invalid, match=r"data\[a b\]"):
        await apply(cluster, f"{CONFIG_MAPS}/one", config(data={"a b": "1"}))


async def test_quantities_are_kept_in_their_canonical_form_and_applying_again_changes_nothing(cluster):
    wanted = copy.deepcopy(DEPLOYMENT)
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "0.5"}}
    made = await apply(cluster, f"{DEPLOYMENTS}/web", wanted)
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "500m"}}
    await cluster.clock.advance(60)
    again = await apply(cluster, f"{DEPLOYMENTS}/web", wanted)
    assert again == made


async def test_a_status_is_applied_through_its_subresource(cluster):
    await apply(cluster, f"{DEPLOYMENTS}/web", {**DEPLOYMENT, "status": {"replicas": 7}})
    shown = await cluster.json("GET", f"{DEPLOYMENTS}/web")
    assert not shown["status"].get("replicas")
    assert "f:status" not in entry(shown, "me")["fieldsV1"]
    status = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"replicas": 3}}
    applied = await apply(cluster, f"{DEPLOYMENTS}/web/status", {**status, "spec": {"replicas": 9}})
    assert (applied["status"]["replicas"], applied["spec"]["replicas"]) == (3, 2)
    assert entry(applied, "me", subresource="status")["fieldsV1"] == {"f:status": {"f:replicas": {}}}
    assert "f:replicas" in entry(applied, "me")["fieldsV1"]["f:spec"]
    with pytest.raises(errors.NotFound):
        await apply(cluster, f"{DEPLOYMENTS}/none/status", {**status, "metadata": {"name": "none"}})


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


async def _client_side(cluster, obj):
    annotated = copy.deepcopy(obj)
    annotated["metadata"]["annotations"] = {LAST_APPLIED: orjson.dumps(obj).decode()}
    await cluster.send("POST", f"{DEPLOYMENTS}?fieldManager=kubectl-client-side-apply", annotated)


async def test_kubectl_takes_over_what_its_client_side_apply_set(cluster):
    await _client_side(cluster, DEPLOYMENT)
    wanted = copy.deepcopy(DEPLOYMENT)
    wanted["spec"]["replicas"] = 3
    with pytest.raises(
        errors.Conflict, match='conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    ):
        await apply(cluster, f"{DEPLOYMENTS}/web", wanted, manager="other")
    taken = await apply(cluster, f"{DEPLOYMENTS}/web", wanted, manager="kubectl")
    assert taken["spec"]["replicas"] == 3
    annotation = taken["metadata"]["annotations"][LAST_APPLIED]
    assert orjson.loads(annotation) == wanted, "the annotation follows"


async def test_what_others_changed_since_the_client_side_apply_is_still_a_conflict(cluster):
    await _client_side(cluster, DEPLOYMENT)
    await cluster.send(
        "PATCH",
        f"{DEPLOYMENTS}/web?fieldManager=hpa",
        {"spec": {"replicas": 9}},
        content_type="application/merge-patch+json",
    )
    wanted = copy.deepcopy(DEPLOYMENT)
    wanted["spec"]["replicas"] = 3
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    with pytest.raises(errors.Conflict) as caught:
        await apply(cluster, f"{DEPLOYMENTS}/web", wanted, manager="kubectl")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas'
