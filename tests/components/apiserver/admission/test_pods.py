"""What admission adds to a Pod, and which Pods it refuses."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import errors, kinds

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


async def test_a_pod_gets_its_account_and_the_projected_token(cluster, make_pod):
    pod = await cluster.client.create(kinds.POD, make_pod("p"))
    spec = pod["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    token, ca, namespace = volume["projected"]["sources"]
    assert token["serviceAccountToken"] == {"expirationSeconds": 3607, "path": "token"}
    assert ca["configMap"]["name"] == "kube-root-ca.crt"
    assert namespace["downwardAPI"]["items"][0]["path"] == "namespace"
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": MOUNT}


async def test_the_token_is_left_out_when_the_pod_says_so(cluster, make_pod):
    pod = await cluster.client.create(kinds.POD, make_pod("p", automountServiceAccountToken=False))
    assert "volumes" not in pod["spec"]


async def test_the_token_is_left_out_when_the_account_says_so_and_the_pod_nothing(cluster, make_pod):
    account = {"metadata": {"name": "quiet", "namespace": "default"}, "automountServiceAccountToken": False}
    await cluster.client.create(kinds.SERVICE_ACCOUNT, account)
    pod = await cluster.client.create(kinds.POD, make_pod("p", serviceAccountName="quiet"))
    assert "volumes" not in pod["spec"]
    loud = make_pod("q", serviceAccountName="quiet", automountServiceAccountToken=True)
    assert (await cluster.client.create(kinds.POD, loud))["spec"]["volumes"]


async def test_a_container_with_its_own_mount_keeps_it(cluster, make_pod):
    pod = make_pod("p", volumes=[{"name": "own", "emptyDir": {}}])
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "own", "mountPath": MOUNT}]
    made = await cluster.client.create(kinds.POD, pod)
    assert [volume["name"] for volume in made["spec"]["volumes"]] == ["own"]


async def test_pull_secrets_come_from_the_account(cluster, make_pod):
    account = {"metadata": {"name": "puller", "namespace": "default"}, "imagePullSecrets": [{"name": "hub"}]}
    await cluster.client.create(kinds.SERVICE_ACCOUNT, account)
    pod = await cluster.client.create(kinds.POD, make_pod("p", serviceAccountName="puller"))
    assert pod["spec"]["imagePullSecrets"] == [{"name": "hub"}]


async def test_a_missing_account_is_refused(cluster, make_pod):
    with pytest.raises(errors.Forbidden, match='error looking up service account default/none: serviceaccount "none"'):
        await cluster.client.create(kinds.POD, make_pod("p", serviceAccountName="none"))


async def test_a_pod_waits_for_the_default_account_of_a_new_namespace(cluster, make_pod):
    await cluster.client.create(kinds.NAMESPACE, {"metadata": {"name": "work"}})
    creating = asyncio.create_task(cluster.client.create(kinds.POD, make_pod("p", "work")))
    for _ in range(10):
        await asyncio.sleep(0)
    await cluster.client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "work"}})
    assert (await creating)["spec"]["serviceAccountName"] == "default"


async def test_a_mirror_pod_gets_no_account(cluster, make_pod):
    pod = make_pod("p", nodeName="n1")
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert "serviceAccountName" not in (await cluster.client.create(kinds.POD, pod))["spec"]


async def test_a_pod_tolerates_a_lost_node_for_five_minutes(cluster, make_pod):
    pod = await cluster.client.create(
        kinds.POD, make_pod("p", tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}])
    )
    added = pod["spec"]["tolerations"][1:]
    assert added == [
        {
            "key": "node.kubernetes.io/unreachable",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        }
    ]


async def test_a_priority_class_becomes_its_number(cluster, make_pod):
    plain = await cluster.client.create(kinds.POD, make_pod("p"))
    assert (plain["spec"]["priority"], plain["spec"]["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    vital = await cluster.client.create(kinds.POD, make_pod("q", priorityClassName="system-node-critical"))
    assert vital["spec"]["priority"] == 2_000_001_000
    with pytest.raises(errors.Forbidden, match="no PriorityClass with name fast was found"):
        await cluster.client.create(kinds.POD, make_pod("r", priorityClassName="fast"))
