"""The form of the default roles, and what of a changed one is put right."""

from __future__ import annotations

import pytest

from hyperpy.api import kinds
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
