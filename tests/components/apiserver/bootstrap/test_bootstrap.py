"""What is there from the first second, and that it is mended."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.apiserver import bootstrap


async def test_the_namespaces_are_there(cluster):
    listed = await cluster.client.list(kinds.NAMESPACE)
    assert [each["metadata"]["name"] for each in listed.items] == sorted(bootstrap.NAMESPACES)
    assert {each["status"]["phase"] for each in listed.items} == {"Active"}


async def test_the_kubernetes_service_points_at_the_advertised_address(cluster):
    service = await cluster.client.get(kinds.SERVICE, "kubernetes", namespace="default")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]
    endpoints = await cluster.client.get(kinds.ENDPOINTS, "kubernetes", namespace="default")
    assert endpoints["subsets"][0]["addresses"] == [{"ip": "127.0.0.1"}]
    slice_ = await cluster.client.get(kinds.ENDPOINT_SLICE, "kubernetes", namespace="default")
    assert slice_["metadata"]["labels"] == {"kubernetes.io/service-name": "kubernetes"}
    assert slice_["endpoints"][0]["addresses"] == ["127.0.0.1"]


async def test_the_default_roles_are_there(cluster):
    roles = {role["metadata"]["name"] for role in (await cluster.client.list(kinds.CLUSTER_ROLE)).items}
    assert {"cluster-admin", "admin", "edit", "view", "system:node", "system:node-proxier"} <= roles
    bindings = (await cluster.client.list(kinds.CLUSTER_ROLE_BINDING)).items
    assert {binding["roleRef"]["name"] for binding in bindings} <= roles


async def test_running_again_changes_nothing(cluster):
    before = await cluster.store.revision()
    await bootstrap.run(cluster.handler)
    assert await cluster.store.revision() == before


async def test_a_role_that_lost_rules_gets_them_back_and_keeps_others(cluster):
    view = await cluster.client.get(kinds.CLUSTER_ROLE, "view")
    extra = {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}
    await cluster.client.update(kinds.CLUSTER_ROLE, {**view, "rules": [*view["rules"][1:], extra]})
    await bootstrap.run(cluster.handler)
    mended = await cluster.client.get(kinds.CLUSTER_ROLE, "view")
    assert view["rules"][0] in mended["rules"]
    assert extra in mended["rules"]


async def test_a_role_that_opted_out_is_left_alone(cluster):
    view = await cluster.client.get(kinds.CLUSTER_ROLE, "view")
    view["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false"
    view["rules"] = []
    await cluster.client.update(kinds.CLUSTER_ROLE, view)
    await bootstrap.run(cluster.handler)
    assert not (await cluster.client.get(kinds.CLUSTER_ROLE, "view")).get("rules")


async def test_a_deleted_kubernetes_service_comes_back_with_its_address(cluster):
    keeping = asyncio.create_task(bootstrap.keep(cluster.handler))
    watch = await cluster.lines("/api/v1/namespaces/default/services?watch=1&fieldSelector=metadata.name=kubernetes")
    assert await watch.take(1) == [("ADDED", "kubernetes")]
    await cluster.clock.settle()
    await cluster.client.delete(kinds.SERVICE, "kubernetes", namespace="default")
    assert (await watch.next())["type"] == "DELETED"
    again = await watch.next()
    assert (again["type"], again["object"]["spec"]["clusterIP"]) == ("ADDED", "10.96.0.1")
    await watch.aclose()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_nobody_else_gets_the_first_address(cluster):
    with pytest.raises(errors.Invalid, match="already allocated"):
        spec = {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}
        await cluster.client.create(kinds.SERVICE, {"metadata": {"name": "a", "namespace": "default"}, "spec": spec})


@pytest.mark.parametrize(
    ("role", "verb", "resource", "allowed"),
    [
        ("view", "get", "statefulsets.apps", True),
        ("view", "list", "cronjobs.batch", True),
        ("view", "watch", "resourcequotas.", True),
        ("view", "get", "resourceclaims.resource.k8s.io", True),
        ("view", "get", "ingresses.networking.k8s.io", True),
        ("view", "get", "secrets.", False),
        ("view", "create", "jobs.batch", False),
        ("edit", "create", "jobs.batch", True),
        ("edit", "patch", "statefulsets/scale.apps", True),
        ("edit", "create", "pods/eviction.", True),
        ("edit", "update", "horizontalpodautoscalers.autoscaling", True),
        ("edit", "delete", "poddisruptionbudgets.policy", True),
        ("edit", "create", "resourceclaimtemplates.resource.k8s.io", True),
        ("edit", "update", "endpoints.", False),
        ("edit", "update", "resourcequotas.", False),
        ("edit", "create", "roles.rbac.authorization.k8s.io", False),
        ("admin", "create", "roles.rbac.authorization.k8s.io", True),
        ("admin", "get", "persistentvolumes.", False),
        ("system:node-bootstrapper", "create", "certificatesigningrequests.certificates.k8s.io", True),
        ("system:persistent-volume-provisioner", "create", "persistentvolumes.", True),
    ],
)
async def test_what_a_default_role_allows(role, verb, resource, allowed, cluster):
    name, _, group = resource.partition(".")
    rules = (await cluster.client.get(kinds.CLUSTER_ROLE, role))["rules"]
    given = any(
        group in rule.get("apiGroups", ()) and name in rule.get("resources", ()) and verb in rule["verbs"]
        for rule in rules
    )
    assert given is allowed
