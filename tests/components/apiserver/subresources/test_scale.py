"""scale, on both forms of selectors."""

from __future__ import annotations

import pytest

from hyperpy.api import errors
from hyperpy.client.protocol import MERGE_PATCH

LABELS = {"app": "web", "tier": "a"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
RCS = "/api/v1/namespaces/default/replicationcontrollers"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture(params=[RCS, DEPLOYMENTS], ids=["rc", "deployment"])
async def path(request, cluster):
    selector = LABELS if request.param == RCS else {"matchLabels": LABELS}
    spec = {"replicas": 3, "selector": selector, "template": TEMPLATE}
    await cluster.send("POST", request.param, {"metadata": {"name": "web"}, "spec": spec})
    return f"{request.param}/web"


async def test_a_scale_shows_replicas_and_selector(cluster, path):
    scale = await cluster.json("GET", f"{path}/scale")
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 0, "selector": "app=web,tier=a"}


async def test_a_put_scales_the_object(cluster, path):
    scale = await cluster.json("GET", f"{path}/scale")
    answer = await cluster.json("PUT", f"{path}/scale", {**scale, "spec": {"replicas": 5}})
    assert answer["spec"]["replicas"] == 5
    obj = await cluster.json("GET", path)
    assert (obj["spec"]["replicas"], obj["metadata"]["generation"]) == (5, 2)
    with pytest.raises(errors.Conflict):
        await cluster.send("PUT", f"{path}/scale", {**scale, "spec": {"replicas": 6}})


async def test_a_patch_scales_to_nothing(cluster, path):
    answer = await cluster.json("PATCH", f"{path}/scale", {"spec": {"replicas": 0}}, content_type=MERGE_PATCH)
    assert answer["spec"]["replicas"] == 0
    assert (await cluster.json("GET", path))["spec"]["replicas"] == 0


async def test_less_than_none_is_invalid(cluster, path):
    with pytest.raises(errors.Invalid, match=r"spec.replicas: Invalid value: -1"):
        await cluster.send("PATCH", f"{path}/scale", {"spec": {"replicas": -1}}, content_type=MERGE_PATCH)
