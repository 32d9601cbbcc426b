"""What objects use, and which quotas they count against."""

from __future__ import annotations

import pytest

from hyperpy.api import quota
from hyperpy.api.quota import Exceeded

NOW = 1_000_000_000.0


def pod(requests=None, limits=None, /, **fields):
    container = {"name": "c", "resources": {"requests": requests or {}, "limits": limits or {}}}
    status = fields.pop("status", {"qosClass": "Burstable"})
    metadata = fields.pop("metadata", {})
    return {"metadata": {"name": "p", **metadata}, "spec": {"containers": [container], **fields}, "status": status}


def usage(plural, obj, group=""):
    evaluator = quota.evaluator_of(group, plural)
    assert evaluator is not None
    return evaluator.usage(obj, NOW)


@pytest.mark.parametrize(
    ("obj", "used"),
    [
        pytest.param(
            pod({"cpu": "100m", "memory": "1Gi"}, {"cpu": "1"}),
            {"pods": "1", "cpu": "100m", "requests.cpu": "100m", "memory": "1Gi", "requests.memory": "1Gi",
             "limits.cpu": "1"},
            id="compute",
        ),
        pytest.param(
            pod({"example.com/gpu": "2", "hugepages-2Mi": "4Mi"}),
            {"pods": "1", "requests.example.com/gpu": "2", "hugepages-2Mi": "4Mi", "requests.hugepages-2Mi": "4Mi"},
            id="extended",
        ),
        pytest.param(pod({"cpu": "1"}, status={"phase": "Succeeded"}), {}, id="over"),
        pytest.param(
            pod(metadata={"deletionTimestamp": "2001-09-09T01:00:00Z", "deletionGracePeriodSeconds": 30}),
            {},
            id="overdue",
        ),
        pytest.param(
            pod(metadata={"deletionTimestamp": "2001-09-09T01:46:40Z", "deletionGracePeriodSeconds": 30}),
            {"pods": "1"},
            id="ending",
        ),
        pytest.param(
            pod({"cpu": "1"}, initContainers=[{"name": "i", "resources": {"requests": {"cpu": "3"}}}]),
            {"pods": "1", "cpu": "3", "requests.cpu": "3"},
            id="init-container",
        ),
        pytest.param(
            pod({"cpu": "1"}, resources={"requests": {"cpu": "5"}}, overhead={"cpu": "100m"}),
            {"pods": "1", "cpu": "5100m", "requests.cpu": "5100m"},
            id="pod-level",
        ),
    ],
)  # fmt: skip
def test_pods_use_what_they_ask_for(obj, used):
    assert usage("pods", obj) == {"count/pods": "1", **used}


@pytest.mark.parametrize(
    ("spec", "node_ports", "balancers"),
    [
        pytest.param({"type": "ClusterIP", "ports": [{}]}, "0", "0", id="cluster-ip"),
        pytest.param({"type": "NodePort", "ports": [{}, {}]}, "2", "0", id="node-port"),
        pytest.param({"type": "LoadBalancer", "ports": [{}]}, "1", "1", id="load-balancer"),
        pytest.param(
            {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{}, {"nodePort": 30000}]},
            "1",
            "1",
            id="some-node-ports",
        ),
    ],
)
def test_services_use_node_ports_and_load_balancers(spec, node_ports, balancers):
    used = usage("services", {"metadata": {}, "spec": spec})
    assert (used["services.nodeports"], used["services.loadbalancers"]) == (node_ports, balancers)


def test_claims_use_storage_of_their_class():
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}
    assert usage("persistentvolumeclaims", {"metadata": {}, "spec": spec}) == {
        "count/persistentvolumeclaims": "1",
        "persistentvolumeclaims": "1",
        "requests.storage": "1Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
    }


@pytest.mark.parametrize(
    ("group", "plural", "names"),
    [
        pytest.param("", "configmaps", {"configmaps", "count/configmaps"}, id="plain"),
        pytest.param("apps", "deployments", {"count/deployments.apps"}, id="group"),
        pytest.param("example.com", "widgets", {"count/widgets.example.com"}, id="custom"),
    ],
)
def test_every_kind_is_counted(group, plural, names):
    assert usage(plural, {"metadata": {}}, group).keys() == names


def test_events_are_not_counted():
    assert quota.evaluator_of("", "events") is None
    assert quota.evaluator_of("events.k8s.io", "events") is None


def a_quota(hard, used=None, **spec):
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    return {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}, "status": status}


def charge(the_quota, new, old=None, plural="pods"):
    evaluator = quota.evaluator_of("", plural)
    assert evaluator is not None
    return [change.used for change in quota.charge([the_quota], evaluator, new, old, now=NOW)]


@pytest.mark.parametrize(
    ("the_quota", "says"),
    [
        pytest.param(
            a_quota({"pods": "2", "requests.cpu": "1"}, {"pods": "2", "requests.cpu": "950m"}),
            "exceeded quota: q, requested: pods=1,requests.cpu=100m, used: pods=2,requests.cpu=950m, "
            "limited: pods=2,requests.cpu=1",
            id="full",
        ),
        pytest.param(
            a_quota({"limits.memory": "1Gi", "limits.cpu": "1"}),
            "failed quota: q: must specify limits.cpu for: c; limits.memory for: c",
            id="unspecified",
        ),
        pytest.param(a_quota({"pods": "2"}, {}), "status unknown for quota: q, resources: pods", id="not-counted-yet"),
    ],
)
def test_a_quota_without_room_says_so(the_quota, says):
    with pytest.raises(Exceeded) as refusal:
        charge(the_quota, pod({"cpu": "100m"}))
    assert str(refusal.value) == says


def test_a_pod_may_specify_what_is_limited_for_its_containers():
    the_quota = a_quota({"limits.cpu": "4"})
    assert charge(the_quota, pod(resources={"limits": {"cpu": "3"}})) == [{"limits.cpu": "3"}]


SELECTOR = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
AFFINITY = {
    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"], "topologyKey": "t"}]}
}


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        pytest.param({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), pod(), id="terminating"),
        pytest.param({"scopes": ["NotTerminating"]}, pod(), pod(activeDeadlineSeconds=5), id="not-terminating"),
        pytest.param({"scopes": ["BestEffort"]}, pod(status={"qosClass": "BestEffort"}), pod(), id="best-effort"),
        pytest.param(
            {"scopes": ["NotBestEffort"]}, pod(), pod(status={"qosClass": "BestEffort"}), id="not-best-effort"
        ),
        pytest.param({"scopeSelector": SELECTOR}, pod(priorityClassName="high"), pod(), id="priority"),
        pytest.param({"scopes": ["CrossNamespacePodAffinity"]}, pod(affinity=AFFINITY), pod(), id="affinity"),
    ],
)
def test_only_what_is_in_every_scope_counts(spec, inside, outside):
    the_quota = a_quota({"pods": "5"}, **spec)
    assert charge(the_quota, inside) == [{"pods": "1"}]
    assert charge(the_quota, outside) == []


def test_the_scope_of_volume_attributes_classes():
    selector = {"matchExpressions": [{"scopeName": "VolumeAttributesClass", "operator": "In", "values": ["fast"]}]}
    the_quota = a_quota({"persistentvolumeclaims": "5"}, scopeSelector=selector)
    claim = {"metadata": {}, "spec": {"volumeAttributesClassName": "fast"}}
    assert charge(the_quota, claim, plural="persistentvolumeclaims") == [{"persistentvolumeclaims": "1"}]
    assert charge(the_quota, {"metadata": {}, "spec": {}}, plural="persistentvolumeclaims") == []


def test_a_change_is_charged_for_what_is_more():
    def service(kind, ports):
        return {"metadata": {}, "spec": {"type": kind, "ports": [{}] * ports}}

    the_quota = a_quota({"services": "1", "services.nodeports": "3"}, {"services": "1", "services.nodeports": "1"})
    more = charge(the_quota, service("NodePort", 3), service("NodePort", 1), plural="services")
    assert more == [{"services": "1", "services.nodeports": "3"}]
    assert charge(the_quota, service("ClusterIP", 1), service("NodePort", 1), plural="services") == []
    with pytest.raises(Exceeded, match=r"requested: services.nodeports=3, used: services.nodeports=1"):
        charge(the_quota, service("NodePort", 4), service("NodePort", 1), plural="services")


def test_a_count_from_scratch_sees_every_kind_and_scope():
    the_quota = a_quota({"requests.cpu": "4", "pods": "9", "count/jobs.batch": "3"})
    objects = {("", "pods"): [pod({"cpu": "500m"}), pod({"cpu": "1500m"})], ("batch", "jobs"): [{"metadata": {}}]}
    counted = quota.recount(the_quota, objects, lambda group, plural: objects[group, plural], now=NOW)
    assert counted["used"] == {"requests.cpu": "2", "pods": "2", "count/jobs.batch": "1"}
