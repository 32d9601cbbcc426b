"""A kubelet changes its own Node, lease and Pods, and nothing of other nodes."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds, paths
from hyperpy.api.wire import UserInfo
from hyperpy.client import local
from hyperpy.client.protocol import STRATEGIC_PATCH
from hyperpy.components.apiserver.admission import node_labels

MIRROR = "kubernetes.io/config.mirror"


@pytest.fixture
def kubelet(cluster):
    """A client as the kubelet of the node n1."""

    async def answer(request):
        return await cluster.handler(request, paths.parse(request.method, request.path, request.query))

    return local.connect(answer, UserInfo("system:node:n1", ("system:nodes", "system:authenticated")))


@pytest.fixture
async def node(cluster, kubelet):
    return await kubelet.create(kinds.NODE, {"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "n1"}}})


def mirror(make_pod, node, **about):
    pod = make_pod("m", nodeName="n1")
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": node["metadata"]["uid"], "controller": True}
    pod["metadata"] |= {"annotations": {MIRROR: "x"}, "ownerReferences": [owner], **about}
    return pod


async def test_a_node_changes_itself_and_no_other(cluster, kubelet, node):
    status = {"status": {"nodeInfo": {"kubeletVersion": "v1.34.0"}}}
    await kubelet.patch(kinds.NODE, "n1", status, patch_type=STRATEGIC_PATCH, subresource="status")
    await cluster.client.create(kinds.NODE, {"metadata": {"name": "n2"}})
    with pytest.raises(errors.Forbidden) as refusal:
        await kubelet.patch(kinds.NODE, "n2", status, patch_type=STRATEGIC_PATCH, subresource="status")
    assert refusal.value.message == 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'
    with pytest.raises(errors.Forbidden, match="not allowed to modify node"):
        await kubelet.delete(kinds.NODE, "n2")


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        pytest.param({"spec": {"taints": []}}, 'node "n1" is not allowed to modify taints', id="taints"),
        pytest.param(
            {"metadata": {"labels": {"node-restriction.kubernetes.io/fips": "true"}}},
            "is not allowed to modify labels: node-restriction.kubernetes.io/fips",
            id="labels",
        ),
    ],
)
async def test_a_node_does_not_choose_its_pods(kubelet, node, patch, says):
    with pytest.raises(errors.Forbidden, match=says):
        await kubelet.patch(kinds.NODE, "n1", patch)


def test_labels_of_kubelets_and_of_others_are_theirs():
    new = {
        "example.com/a": "1", "kubernetes.io/arch": "amd64", "kubelet.kubernetes.io/x": "1", "x.k8s.io/y": "1",
        "a.node-restriction.kubernetes.io/b": "1", "node-role.kubernetes.io/master": "",
    }  # fmt: skip
    assert node_labels.forbidden(new, None) == [
        "a.node-restriction.kubernetes.io/b", "node-role.kubernetes.io/master", "x.k8s.io/y",
    ]  # fmt: skip
    assert node_labels.forbidden(new, new) == []


async def test_a_node_makes_mirrors_of_its_own_only(kubelet, node, make_pod):
    await kubelet.create(kinds.POD, mirror(make_pod, node))


@pytest.mark.parametrize(
    ("about", "spec", "says"),
    [
        pytest.param({"annotations": {}}, {}, "can only create mirror pods", id="no-mirror"),
        pytest.param({}, {"nodeName": "n2"}, "can only create pods with spec.nodeName set to itself", id="elsewhere"),
        pytest.param({"ownerReferences": []}, {}, "with an owner reference set to itself", id="unowned"),
        pytest.param({}, {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "reference secrets", id="secret"),
    ],
)
async def test_other_pods_of_a_node_are_refused(kubelet, node, make_pod, about, spec, says):
    pod = mirror(make_pod, node, **about)
    pod["spec"] |= spec
    with pytest.raises(errors.Forbidden, match=says):
        await kubelet.create(kinds.POD, pod)


async def test_a_node_speaks_for_the_pods_on_it(cluster, kubelet, node, make_pod):
    for name, where in (("here", "n1"), ("there", "n2")):
        await cluster.client.create(kinds.POD, make_pod(name, nodeName=where))
    status = {"status": {"phase": "Running"}}
    await kubelet.patch(kinds.POD, "here", status, namespace="default", subresource="status")
    with pytest.raises(errors.Forbidden, match="can only update pod status for pods with spec.nodeName set to itself"):
        await kubelet.patch(kinds.POD, "there", status, namespace="default", subresource="status")
    with pytest.raises(errors.Forbidden, match="cannot update labels through pod status"):
        labelled = {"metadata": {"labels": {"a": "b"}}}
        await kubelet.patch(kinds.POD, "here", labelled, namespace="default", subresource="status")
    with pytest.raises(errors.Forbidden, match="can only delete pods with spec.nodeName set to itself"):
        await kubelet.delete(kinds.POD, "there", namespace="default")
    await kubelet.delete(kinds.POD, "here", namespace="default")


async def test_a_node_has_one_lease(kubelet, node):
    def lease(name, namespace):
        return {"metadata": {"name": name, "namespace": namespace}, "spec": {"holderIdentity": "n1"}}

    await kubelet.create(kinds.LEASE, lease("n1", "kube-node-lease"))
    with pytest.raises(errors.Forbidden, match="with the same name as the requesting node"):
        await kubelet.create(kinds.LEASE, lease("n2", "kube-node-lease"))
    with pytest.raises(errors.Forbidden, match='can only access leases in the "kube-node-lease" system namespace'):
        await kubelet.create(kinds.LEASE, lease("n1", "default"))


async def test_others_are_not_restricted(cluster, make_pod, node):
    await cluster.client.patch(kinds.NODE, "n1", {"spec": {"taints": None}})
