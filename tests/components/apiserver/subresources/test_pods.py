"""binding and eviction."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds, meta

PODS = "/api/v1/namespaces/default/pods"


def binding(name: str, node: str = "n1", **metadata):
    return {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}


@pytest.fixture
async def waiting(cluster, make_pod):
    return await cluster.client.create(kinds.POD, make_pod("p"))


async def test_a_binding_puts_the_pod_on_its_node(cluster, waiting):
    response = await cluster.send("POST", f"{PODS}/p/binding", binding("p", annotations={"by": "us"}))
    assert response.status == 201
    pod = await cluster.client.get(kinds.POD, "p", namespace="default")
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["metadata"]["annotations"] == {"by": "us"}
    scheduled = meta.condition(pod, "PodScheduled")
    assert (scheduled["status"], scheduled["lastTransitionTime"]) == ("True", "2023-11-14T22:13:20Z")


async def test_a_pod_is_bound_once(cluster, waiting):
    await cluster.send("POST", "/api/v1/namespaces/default/bindings", binding("p"))
    with pytest.raises(errors.Conflict, match='pod p is already assigned to node "n1"'):
        await cluster.send("POST", f"{PODS}/p/binding", binding("p", "n2"))


async def test_another_pod_of_the_name_is_not_bound(cluster, waiting):
    with pytest.raises(errors.Conflict, match="UID in precondition"):
        await cluster.send("POST", f"{PODS}/p/binding", binding("p", uid="other"))


async def test_a_binding_needs_a_node(cluster, waiting):
    with pytest.raises(errors.BadRequest):
        await cluster.send("POST", f"{PODS}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node"}})


async def test_a_gated_pod_is_not_bound(cluster, make_pod):
    pod = await cluster.client.create(kinds.POD, make_pod("p", schedulingGates=[{"name": "wait"}]))
    assert meta.condition(pod, "PodScheduled")["reason"] == "SchedulingGated"
    with pytest.raises(errors.Conflict, match="schedulingGates"):
        await cluster.send("POST", f"{PODS}/p/binding", binding("p"))


async def test_an_eviction_deletes_the_pod(cluster, make_pod):
    await cluster.client.create(kinds.POD, make_pod("p", nodeName="n1"))
    eviction = {"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 7}}
    response = await cluster.send("POST", f"{PODS}/p/eviction", eviction)
    assert response.status == 201
    pod = await cluster.client.get(kinds.POD, "p", namespace="default")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 7


async def test_a_missing_pod_cannot_be_evicted(cluster):
    with pytest.raises(errors.NotFound):
        await cluster.send("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}})
