"""The small plugins: classes, finalizers, taints, runtime classes, claims that grow."""

from __future__ import annotations

import pytest

from hyperpy.api import errors

CORE = "/api/v1/namespaces/default"
PODS = f"{CORE}/pods"
MERGE = "application/merge-patch+json"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
RUNTIMES = "/apis/node.k8s.io/v1/runtimeclasses"


async def storage_class(cluster, name, *, default=False, **fields):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    obj = {"metadata": {"name": name, "annotations": annotations}, "provisioner": "example.com/p", **fields}
    await cluster.json("POST", "/apis/storage.k8s.io/v1/storageclasses", obj)


def claim(name="c", size="1Gi", **spec):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"metadata": {"name": name}, "spec": spec}


async def test_a_claim_gets_the_newest_default_class(cluster):
    await storage_class(cluster, "old", default=True)
    await cluster.clock.advance(10)
    await storage_class(cluster, "new", default=True)
    await storage_class(cluster, "other")
    made = await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim())
    assert made["spec"]["storageClassName"] == "new"
    none = await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim("none", storageClassName=""))
    assert none["spec"]["storageClassName"] == ""


async def test_claims_and_volumes_are_protected_by_a_finalizer(cluster):
    made = await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim())
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    volume = await cluster.json("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "v"}, "spec": spec})
    assert volume["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]


async def test_a_claim_grows_only_where_it_is_bound_and_its_class_allows_it(cluster):
    await storage_class(cluster, "fixed")
    await storage_class(cluster, "elastic", allowVolumeExpansion=True)
    for name in ("fixed", "elastic"):
        await cluster.json("POST", f"{CORE}/persistentvolumeclaims", claim(name, storageClassName=name))
    grown = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}

    async def grow(name):
        path = f"{CORE}/persistentvolumeclaims/{name}"
        return await cluster.json("PATCH", path, grown, content_type=MERGE)

    with pytest.raises((errors.Forbidden, errors.Invalid)):
        await grow("elastic")
    for name in ("fixed", "elastic"):
        path = f"{CORE}/persistentvolumeclaims/{name}"
        await cluster.json("PATCH", path, {"spec": {"volumeName": "v"}}, content_type=MERGE)
        await cluster.json("PATCH", f"{path}/status", {"status": {"phase": "Bound"}}, content_type=MERGE)
    assert (await grow("elastic"))["spec"]["resources"]["requests"]["storage"] == "2Gi"
    with pytest.raises(errors.Forbidden, match="only dynamically provisioned pvc can be resized"):
        await grow("fixed")


async def test_an_ingress_gets_the_default_class(cluster):
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
    ingress_class = {"metadata": {"name": "front", "annotations": annotations}, "spec": {"controller": "example.com/c"}}
    await cluster.json("POST", "/apis/networking.k8s.io/v1/ingressclasses", ingress_class)
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    ingress = {"metadata": {"name": "i"}, "spec": {"defaultBackend": backend}}
    made = await cluster.json("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", ingress)
    assert made["spec"]["ingressClassName"] == "front"


async def test_a_new_node_is_tainted_until_it_has_been_seen_ready(cluster):
    made = await cluster.json("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
    assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]


async def test_a_node_with_a_taint_that_says_nothing_is_refused_by_its_own_rules(cluster):
    with pytest.raises(errors.Invalid, match=r"taints\[0\]\.effect: Required value"):
        await cluster.json("POST", "/api/v1/nodes", {"metadata": {"name": "n"}, "spec": {"taints": [None]}})


async def priority_class(cluster, name, value, **fields):
    return await cluster.json("POST", CLASSES, {"metadata": {"name": name}, "value": value, **fields})


async def test_a_pod_gets_the_priority_of_its_class_or_of_the_default_one(cluster, make_pod):
    await priority_class(cluster, "high", 1000, preemptionPolicy="Never")
    pod = await cluster.json("POST", PODS, make_pod("a", priorityClassName="high"))
    assert (pod["spec"]["priority"], pod["spec"]["preemptionPolicy"]) == (1000, "Never")
    assert (await cluster.json("POST", PODS, make_pod("b")))["spec"]["priority"] == 0
    await priority_class(cluster, "usual", 5, globalDefault=True)
    pod = await cluster.json("POST", PODS, make_pod("c"))
    assert (pod["spec"]["priorityClassName"], pod["spec"]["priority"]) == ("usual", 5)
    with pytest.raises(errors.Forbidden, match="PriorityClass usual is already marked as default. Only one default"):
        await priority_class(cluster, "other", 6, globalDefault=True)


async def test_the_clusters_own_priority_classes_are_there(cluster, make_pod):
    found = await cluster.json("GET", CLASSES)
    assert {each["metadata"]["name"]: each["value"] for each in found["items"]} == {
        "system-cluster-critical": 2_000_000_000,
        "system-node-critical": 2_000_001_000,
    }


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({"priorityClassName": "none"}, "no PriorityClass with name none was found", id="unknown"),
        pytest.param({"priority": 7}, r"the integer value of priority \(7\) must not be provided in pod spec", id="7"),
        pytest.param(
            {"preemptionPolicy": "Never"}, r"the string value of PreemptionPolicy \(Never\) must not be", id="policy"
        ),
    ],
)
async def test_a_priority_that_is_not_the_classes_is_refused(cluster, make_pod, spec, says):
    with pytest.raises(errors.Forbidden, match=says):
        await cluster.json("POST", PODS, make_pod("p", **spec))


async def test_a_put_without_the_priority_keeps_it(cluster, make_pod):
    made = await cluster.json("POST", PODS, make_pod("p", priorityClassName="system-node-critical"))
    del made["spec"]["priority"], made["spec"]["preemptionPolicy"]
    made["metadata"]["labels"] = {"a": "b"}
    assert (await cluster.json("PUT", f"{PODS}/p", made))["spec"]["priority"] == 2_000_001_000


async def test_a_runtime_class_brings_overhead_and_chooses_nodes(cluster, make_pod):
    scheduling = {"nodeSelector": {"kata": "yes"}, "tolerations": [{"key": "kata", "operator": "Exists"}]}
    obj = {"metadata": {"name": "kata"}, "handler": "kata", "scheduling": scheduling}
    await cluster.json("POST", RUNTIMES, {**obj, "overhead": {"podFixed": {"cpu": "100m"}}})
    spec = (await cluster.json("POST", PODS, make_pod("p", runtimeClassName="kata")))["spec"]
    assert spec["overhead"] == {"cpu": "100m"}
    assert spec["nodeSelector"] == {"kata": "yes"}
    assert {"key": "kata", "operator": "Exists"} in spec["tolerations"]
    with pytest.raises(errors.Forbidden, match=r"conflict: runtimeClass.scheduling.nodeSelector\[kata\] = yes; pod"):
        await cluster.json("POST", PODS, make_pod("q", runtimeClassName="kata", nodeSelector={"kata": "no"}))
    with pytest.raises(errors.Forbidden, match="Pod's Overhead doesn't match RuntimeClass's defined Overhead"):
        await cluster.json("POST", PODS, make_pod("q", runtimeClassName="kata", overhead={"cpu": "1"}))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found', id="unknown"),
        pytest.param({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass", id="overhead"),
    ],
)
async def test_a_pod_without_its_runtime_class_is_refused(cluster, make_pod, spec, says):
    with pytest.raises(errors.Forbidden, match=says):
        await cluster.json("POST", PODS, make_pod("p", **spec))


async def account(cluster, name, **fields):
    annotations = {"kubernetes.io/enforce-mountable-secrets": "true"}
    obj = {"metadata": {"name": name, "annotations": annotations}, **fields}
    await cluster.json("POST", f"{CORE}/serviceaccounts", obj)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            {"volumes": [{"name": "v", "secret": {"secretName": "theirs"}}]},
            'volume with secret.secretName="theirs" is not allowed because service account strict does not reference '
            "that secret",
            id="volume",
        ),
        pytest.param(
            {"imagePullSecrets": [{"name": "theirs"}]},
            'imagePullSecrets[0].name="theirs" is not allowed because service account strict does not reference that '
            "imagePullSecret",
            id="image-pull",
        ),
        pytest.param(
            {
                "initContainers": [
                    {
                        "name": "i",
                        "image": "x",
                        "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}],
                    }
                ]
            },
            'init container i with envVar E referencing secret.secretName="theirs" is not allowed because service '
            "account strict does not reference that secret",
            id="variable",
        ),
    ],
)
async def test_an_account_may_limit_its_pods_to_its_secrets(cluster, make_pod, change, says):
    await account(cluster, "strict", secrets=[{"name": "ours"}])
    fine = [{"name": "v", "secret": {"secretName": "ours"}}]
    await cluster.json("POST", PODS, make_pod("p", serviceAccountName="strict", volumes=fine))
    with pytest.raises(errors.Forbidden) as refusal:
        await cluster.json("POST", PODS, make_pod("q", serviceAccountName="strict", **change))
    assert refusal.value.message == f'pods "q" is forbidden: {says}'


async def test_a_mirror_pod_names_nothing_of_the_api(cluster, make_pod):
    pod = make_pod("p", nodeName="n", volumes=[{"name": "v", "configMap": {"name": "c"}}])
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    with pytest.raises(errors.Forbidden, match="a mirror pod may not reference configmaps"):
        await cluster.json("POST", PODS, pod)


async def test_a_nameless_pull_secret_of_an_account_is_left_to_the_rules_of_pods(cluster, make_pod):
    body = {"metadata": {"name": "puller"}, "imagePullSecrets": [None]}
    await cluster.json("POST", f"{CORE}/serviceaccounts", body)
    made = await cluster.json("POST", PODS, make_pod("r", serviceAccountName="puller"))
    assert made["spec"]["imagePullSecrets"] == [{"name": ""}]
