"""What counts as a new generation, and which updates must name a version."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds


async def test_only_some_changes_of_a_csi_driver_make_a_generation(cluster):
    made = await cluster.client.create(kinds.CSI_DRIVER, {"metadata": {"name": "d"}, "spec": {}})
    assert "generation" not in made["metadata"]
    made["spec"]["podInfoOnMount"] = True
    same = await cluster.client.update(kinds.CSI_DRIVER, made)
    assert "generation" not in same["metadata"]
    same["spec"]["requiresRepublish"] = True
    assert (await cluster.client.update(kinds.CSI_DRIVER, same))["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("kind", "generation"),
    [
        pytest.param(kinds.NETWORK_POLICY, 1, id="policy"),
        pytest.param(kinds.STORAGE_CLASS, None, id="storage class"),
    ],
)
async def test_a_new_object_has_a_generation_or_none(cluster, kind, generation):
    obj = {"metadata": {"name": "a"}, "spec": {"podSelector": {}}, "provisioner": "example.com/p"}
    if kind.namespaced:
        obj["metadata"]["namespace"] = "default"
        del obj["provisioner"]
    else:
        del obj["spec"]
    made = await cluster.client.create(kind, obj)
    assert made["metadata"].get("generation") == generation


async def test_an_update_of_a_csi_node_names_the_version_it_is_based_on(cluster):
    node = {"metadata": {"name": "n"}, "spec": {"drivers": []}}
    await cluster.client.create(kinds.CSI_NODE, node)
    with pytest.raises(errors.Invalid, match="metadata.resourceVersion: Invalid value: 0: must be specified"):
        await cluster.json("PUT", "/apis/storage.k8s.io/v1/csinodes/n", node)


async def test_events_of_either_form_go_away_by_themselves(cluster):
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2020-01-01T00:00:00.000000Z",
        "reportingController": "a",
        "reportingInstance": "b",
        "action": "c",
        "reason": "d",
        "type": "Normal",
        "regarding": {"namespace": "default"},
    }
    await cluster.client.create(kinds.EVENT_V1, event)
    kv = await cluster.handler.core.objects.get(kinds.EVENT, "default", "e")
    assert kv.lease
