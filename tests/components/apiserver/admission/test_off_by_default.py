"""Plugins that are asked only when a flag names them."""

from __future__ import annotations

import pytest

from hyperpy.api import errors
from hyperpy.components.apiserver.admission.world import Settings
from hyperpy.components.apiserver.config import CoreConfig

CORE = "/api/v1/namespaces/default"
PODS = f"{CORE}/pods"
MERGE = "application/merge-patch+json"


@pytest.fixture(params=[()])
def config(request):
    return CoreConfig(admission=Settings(enable=request.param))


def enabled(name):
    return pytest.mark.parametrize("config", [(name,)], indirect=True, ids=[name])


async def test_they_are_off_by_default(cluster, make_pod):
    pod = make_pod("p")
    pod["spec"]["containers"][0]["imagePullPolicy"] = "Never"
    made = await cluster.json("POST", PODS, pod)
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Never"


@enabled("AlwaysPullImages")
async def test_images_are_always_asked_for(cluster, make_pod):
    pod = make_pod("p", initContainers=[{"name": "i", "image": "x", "imagePullPolicy": "Never"}])
    made = await cluster.json("POST", PODS, pod)
    containers = [*made["spec"]["containers"], *made["spec"]["initContainers"]]
    assert {each["imagePullPolicy"] for each in containers} == {"Always"}


@enabled("DenyServiceExternalIPs")
async def test_external_addresses_are_refused_where_they_are_new(cluster):
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    await cluster.json("POST", f"{CORE}/services", service)
    with pytest.raises(errors.Forbidden, match="Use of external IPs is denied by admission control"):
        patch = {"spec": {"externalIPs": ["192.0.2.1"]}}
        await cluster.json("PATCH", f"{CORE}/services/s", patch, content_type=MERGE)


@enabled("ExtendedResourceToleration")
async def test_who_asks_for_a_device_tolerates_its_nodes(cluster, make_pod):
    pod = make_pod("p")
    pod["spec"]["containers"][0]["resources"] = {"limits": {"example.com/gpu": "1"}}
    made = await cluster.json("POST", PODS, pod)
    assert {"key": "example.com/gpu", "operator": "Exists"} in made["spec"]["tolerations"]


@enabled("LimitPodHardAntiAffinityTopology")
async def test_nobody_keeps_a_zone_for_himself(cluster, make_pod):
    def keeping_off(key):
        term = {"topologyKey": key, "labelSelector": {"matchLabels": {"a": "b"}}}
        return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}

    await cluster.json("POST", PODS, make_pod("p", affinity=keeping_off("kubernetes.io/hostname")))
    with pytest.raises(errors.Forbidden, match="has TopologyKey zone but only key kubernetes.io/hostname is allowed"):
        await cluster.json("POST", PODS, make_pod("q", affinity=keeping_off("zone")))


@enabled("PodNodeSelector")
async def test_a_namespace_has_its_nodes(cluster, make_pod):
    annotations = {"metadata": {"annotations": {"scheduler.alpha.kubernetes.io/node-selector": "env=test, disk=ssd"}}}
    await cluster.json("PATCH", "/api/v1/namespaces/default", annotations, content_type=MERGE)
    made = await cluster.json("POST", PODS, make_pod("p", nodeSelector={"a": "b"}))
    assert made["spec"]["nodeSelector"] == {"a": "b", "env": "test", "disk": "ssd"}
    with pytest.raises(errors.Forbidden, match="conflicts with its namespace node label selector"):
        await cluster.json("POST", PODS, make_pod("q", nodeSelector={"env": "live"}))
