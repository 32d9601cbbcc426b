"""The form of the default roles, and what of a changed one is put right."""

from __future__ import annotations

import pytest

from hyperpy.api import kinds, validation
from hyperpy.components.apiserver.bootstrap import roles, user_roles
from hyperpy.components.apiserver.bootstrap.roles import Role, Rule

AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
WANTED = roles.cluster_role(Role("edit", (Rule(("get",), ("pods",)),), part_of=("admin",), gathers=True))


@pytest.mark.parametrize("name", ["admin", "edit", "view"])
async def test_a_role_that_gathers_holds_the_rules_of_its_parts(cluster, name):
    role = await cluster.client.get(kinds.CLUSTER_ROLE, name)
    (selector,) = role["aggregationRule"]["clusterRoleSelectors"]
    assert selector == {"matchLabels": {f"{AGGREGATE}{name}": "true"}}
    query = f"labelSelector={AGGREGATE}{name}=true"
    parts = await cluster.json("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles?{query}")
    assert f"system:aggregate-to-{name}" in [part["metadata"]["name"] for part in parts["items"]]
    for part in parts["items"]:
        assert all(rule in role["rules"] for rule in part["rules"])


def test_a_changed_role_gets_back_what_it_lacks():
    metadata = {"name": "edit", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    mended = roles.mend_role({"metadata": metadata, "rules": []}, WANTED)
    assert mended["rules"] == WANTED["rules"]
    assert mended["aggregationRule"] == WANTED["aggregationRule"]
    assert mended["metadata"]["labels"] == {"a": "b", **WANTED["metadata"]["labels"]}
    assert roles.mend_role(mended, WANTED) == mended


def test_a_role_whose_owner_said_so_stays_as_it_is():
    current = {"metadata": {"name": "edit", "annotations": {roles.AUTO_UPDATE: "false"}}, "rules": []}
    assert roles.mend_role(current, WANTED) == current


def test_the_signers_of_kubernetes_have_approvers():
    names = [role.name for role in user_roles.CLUSTER_ROLES]
    assert "system:certificates.k8s.io:kubelet-serving-approver" in names


async def test_stock_components_find_their_roles(cluster):
    binding = await cluster.client.get(kinds.CLUSTER_ROLE_BINDING, "system:controller:job-controller")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "job-controller", "namespace": "kube-system"}]
    role = await cluster.client.get(kinds.CLUSTER_ROLE, "system:controller:job-controller")
    assert {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "patch", "update", "watch"]} in (
        role["rules"]
    )
    for name in ("system:volume-scheduler", "system:node-bootstrapper", "system:kube-aggregator", "system:kube-dns"):
        await cluster.client.get(kinds.CLUSTER_ROLE, name)


async def test_servers_behind_this_one_may_read_whom_to_trust(cluster):
    name = "extension-apiserver-authentication-reader"
    role = await cluster.client.get(kinds.ROLE, name, namespace="kube-system")
    assert role["rules"][0]["resourceNames"] == ["extension-apiserver-authentication"]
    binding = await cluster.client.get(kinds.ROLE_BINDING, f"system::{name}", namespace="kube-system")
    assert binding["roleRef"] == {"apiGroup": roles.GROUP, "kind": "Role", "name": name}


async def test_every_default_role_is_valid_and_every_binding_has_one(cluster):
    found = {role["metadata"]["name"] for role in (await cluster.client.list(kinds.CLUSTER_ROLE)).items}
    bindings = (await cluster.client.list(kinds.CLUSTER_ROLE_BINDING)).items
    assert {each["roleRef"]["name"] for each in bindings} <= found
    for kind in (kinds.CLUSTER_ROLE, kinds.CLUSTER_ROLE_BINDING, kinds.ROLE, kinds.ROLE_BINDING):
        for obj in (await cluster.client.list(kind)).items:
            assert validation.on_create(kind, obj) == []
