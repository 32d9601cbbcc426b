"""LimitRanger and ResourceQuota in the API server."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.apiserver import resources
from hyperpy.components.apiserver.admission import configuration
from hyperpy.components.apiserver.admission.world import Settings
from hyperpy.components.apiserver.config import CoreConfig

PODS = "/api/v1/namespaces/default/pods"
CORE = "/api/v1/namespaces/default"


async def set_quota(cluster, name="q", used=None, **hard):
    """A quota as its controller leaves it."""
    quota = {"metadata": {"name": name}, "spec": {"hard": hard}}
    made = await cluster.json("POST", f"{CORE}/resourcequotas", quota)
    made["status"] = {"hard": hard, "used": {each: (used or {}).get(each, "0") for each in hard}}
    await cluster.json("PUT", f"{CORE}/resourcequotas/{name}/status", made)


async def used(cluster, name="q"):
    return (await cluster.json("GET", f"{CORE}/resourcequotas/{name}"))["status"]["used"]


async def test_a_pod_is_charged_and_the_next_one_refused(cluster, make_pod):
    await set_quota(cluster, pods="1")
    await cluster.json("POST", PODS, make_pod("a"))
    assert await used(cluster) == {"pods": "1"}
    with pytest.raises(errors.Forbidden) as refusal:
        await cluster.json("POST", PODS, make_pod("b"))
    assert refusal.value.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )
    assert refusal.value.details == {"name": "b", "kind": "pods"}


async def test_writers_at_once_never_exceed_a_quota(cluster, make_pod):
    await set_quota(cluster, "q", pods="5")
    await set_quota(cluster, "r", **{"count/pods": "9"})
    answers = await asyncio.gather(
        *(cluster.json("POST", PODS, make_pod(f"p{i}")) for i in range(20)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, errors.Forbidden)]
    assert len(refused) == 15
    assert len((await cluster.client.list(kinds.POD, namespace="default")).items) == 5
    assert await used(cluster) == {"pods": "5"}
    assert await used(cluster, "r") == {"count/pods": "5"}


async def test_two_servers_on_one_store_never_exceed_a_quota_together(cluster, make_pod):
    other = resources.build(cluster.store, kinds.built_in(), CoreConfig(), cluster.clock, rng=random.Random(2))
    second = replace(cluster, handler=other)
    await set_quota(cluster, "q", pods="5")
    await set_quota(cluster, "r", **{"requests.cpu": "3"})

    def sized(name):
        pod = make_pod(name)
        pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
        return pod

    answers = await asyncio.gather(
        *((cluster, second)[i % 2].json("POST", PODS, sized(f"p{i}")) for i in range(20)), return_exceptions=True
    )
    assert [type(answer) for answer in answers].count(errors.Forbidden) == 17
    assert len((await cluster.client.list(kinds.POD, namespace="default")).items) == 3
    assert (await used(cluster), await used(cluster, "r")) == ({"pods": "3"}, {"requests.cpu": "3"})
    await other.aclose()


async def test_a_dry_run_is_judged_and_not_charged(cluster, make_pod):
    await set_quota(cluster, pods="1")
    await cluster.json("POST", f"{PODS}?dryRun=All", make_pod("a"))
    assert await used(cluster) == {"pods": "0"}


async def test_a_service_that_takes_more_is_charged_for_the_difference(cluster):
    await set_quota(cluster, services="1", **{"services.nodeports": "1"})
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    await cluster.json("POST", f"{CORE}/services", service)
    patch = {"spec": {"type": "NodePort"}}
    await cluster.json("PATCH", f"{CORE}/services/s", patch, content_type="application/merge-patch+json")
    assert await used(cluster) == {"services": "1", "services.nodeports": "1"}


async def test_other_kinds_are_counted(cluster, make_config_map):
    await set_quota(cluster, **{"count/configmaps": "0", "count/deployments.apps": "1"})
    with pytest.raises(errors.Forbidden, match="requested: count/configmaps=1"):
        await cluster.json("POST", f"{CORE}/configmaps", make_config_map("c"))


CONFIGURATION = """
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: persistentvolumeclaims
      matchContains: [gold.storageclass.storage.k8s.io/requests.storage]
    - resource: pods
      matchScopes:
      - {scopeName: PriorityClass, operator: In, values: [system-node-critical]}
"""


class TestLimited:
    @pytest.fixture
    def config(self, tmp_path):
        path = tmp_path / "admission.yaml"
        path.write_text(CONFIGURATION)
        return CoreConfig(admission=Settings(limited_resources=configuration.read(path).limited_resources))

    async def test_what_is_limited_needs_a_quota(self, cluster):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim = {"metadata": {"name": "c"}, "spec": {**spec, "storageClassName": "gold"}}
        says = "insufficient quota to consume: gold.storageclass.storage.k8s.io/requests.storage"
        with pytest.raises(errors.Forbidden, match=says):
            await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim)
        await set_quota(cluster, **{"gold.storageclass.storage.k8s.io/requests.storage": "2Gi"})
        await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim)

    async def test_a_limited_priority_needs_a_quota_of_its_scope(self, cluster, make_pod):
        await cluster.json("POST", PODS, make_pod("plain"))
        critical = make_pod("critical", priorityClassName="system-node-critical")
        says = r"insufficient quota to match these scopes: \[\{PriorityClass In \[system-node-critical\]\}\]"
        with pytest.raises(errors.Forbidden, match=says):
            await cluster.json("POST", PODS, critical)
        selector = {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
        spec = {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [selector]}}
        made = await cluster.json("POST", f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": spec})
        made["status"] = {"hard": {"pods": "1"}, "used": {"pods": "0"}}
        await cluster.json("PUT", f"{CORE}/resourcequotas/q/status", made)
        await cluster.json("POST", PODS, critical)


async def test_a_container_gets_the_defaults_of_the_limit_range(cluster, make_pod):
    item = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}, "max": {"cpu": "2"}}
    await cluster.json("POST", f"{CORE}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [item]}})
    pod = await cluster.json("POST", PODS, make_pod("a"))
    assert pod["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}
    assert pod["status"]["qosClass"] == "Burstable"
    assert "cpu request for container main" in pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    large = make_pod("b")
    large["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "3"}}
    with pytest.raises(errors.Forbidden) as refusal:
        await cluster.json("POST", PODS, large)
    assert refusal.value.message == ('pods "b" is forbidden: maximum cpu usage per Container is 2, but limit is 3')


async def test_a_claim_keeps_to_the_limit_range(cluster):
    item = {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}
    await cluster.json("POST", f"{CORE}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [item]}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    claim = {"metadata": {"name": "c"}, "spec": spec}
    with pytest.raises(errors.Forbidden, match="maximum storage usage per PersistentVolumeClaim is 1Gi, but request"):
        await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim)
