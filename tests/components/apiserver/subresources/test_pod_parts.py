"""`ephemeralcontainers` and `resize`: parts of a Pod that change by themselves."""

from __future__ import annotations

import pytest

from hyperpy.api import errors

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"
DEBUG = {"name": "debug", "image": "busybox", "stdin": True, "tty": True, "targetContainerName": "main"}


def sized(make_pod, name="p", **extra):
    pod = make_pod(name, **extra)
    pod["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"cpu": "200m", "memory": "128Mi"},
    }
    return pod


async def debug(cluster, *containers):
    patch = {"spec": {"ephemeralContainers": list(containers)}}
    return await cluster.json("PATCH", f"{PODS}/p/ephemeralcontainers", patch, content_type=STRATEGIC)


async def test_kubectl_debug_adds_an_ephemeral_container(cluster, make_pod):
    await cluster.json("POST", PODS, make_pod("p"))
    made = await debug(cluster, DEBUG)
    (added,) = made["spec"]["ephemeralContainers"]
    assert (added["name"], added["imagePullPolicy"], added["terminationMessagePolicy"]) == ("debug", "Always", "File")
    assert made["metadata"]["generation"] == 2
    two = await debug(cluster, {"name": "more", "image": "busybox"})
    assert {each["name"] for each in two["spec"]["ephemeralContainers"]} == {"debug", "more"}
    shown = await cluster.json("GET", f"{PODS}/p/ephemeralcontainers")
    assert shown["spec"] == two["spec"]


async def test_nothing_else_changes_by_ephemeralcontainers(cluster, make_pod):
    pod = await cluster.json("POST", PODS, make_pod("p"))
    pod["metadata"]["labels"] = {"a": "b"}
    pod["spec"] |= {"ephemeralContainers": [DEBUG], "priority": 7, "containers": []}
    made = await cluster.json("PUT", f"{PODS}/p/ephemeralcontainers", pod)
    assert "labels" not in made["metadata"]
    assert made["spec"]["containers"][0]["name"] == "main"
    assert made["spec"]["priority"] == 0


@pytest.mark.parametrize(
    ("container", "says"),
    [
        pytest.param(
            {**DEBUG, "image": "other"}, 'existing ephemeral containers "debug" may not be changed', id="image"
        ),
        pytest.param(
            {"name": "main", "image": "x"}, 'spec.ephemeralContainers[0].name: Duplicate value: "main"', id="name"
        ),
        pytest.param(
            {"name": "x", "image": "x", "ports": [{"containerPort": 80}]},
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
            id="ports",
        ),
        pytest.param(
            {"name": "x", "image": "x", "targetContainerName": "none"},
            'spec.ephemeralContainers[0].targetContainerName: Not found: "none"',
            id="target",
        ),
    ],
)
async def test_an_ephemeral_container_that_may_not_be_is_refused(cluster, make_pod, container, says):
    await cluster.json("POST", PODS, make_pod("p"))
    if container["name"] == "debug":
        await debug(cluster, DEBUG)
    with pytest.raises(errors.Invalid) as refusal:
        await debug(cluster, container)
    assert says in refusal.value.message


async def test_an_ephemeral_container_does_not_go(cluster, make_pod):
    await cluster.json("POST", PODS, make_pod("p"))
    pod = await debug(cluster, DEBUG)
    del pod["spec"]["ephemeralContainers"]
    with pytest.raises(errors.Invalid, match='existing ephemeral containers "debug" may not be removed'):
        await cluster.json("PUT", f"{PODS}/p/ephemeralcontainers", pod)


async def test_pod_security_judges_ephemeral_containers(cluster, make_pod):
    await cluster.json("POST", PODS, make_pod("p"))
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    await cluster.json("PATCH", "/api/v1/namespaces/default", labels, content_type="application/merge-patch+json")
    with pytest.raises(
        errors.Forbidden, match=r'violates PodSecurity "baseline:latest": privileged \(container "debug"'
    ):
        await debug(cluster, {**DEBUG, "securityContext": {"privileged": True}})
    await debug(cluster, DEBUG)


async def test_an_account_limits_the_secrets_of_ephemeral_containers(cluster, make_pod):
    annotations = {"kubernetes.io/enforce-mountable-secrets": "true"}
    account = {"metadata": {"name": "strict", "annotations": annotations}}
    await cluster.json("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    await cluster.json("POST", PODS, make_pod("p", serviceAccountName="strict"))
    secret = {"name": "E", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}
    with pytest.raises(errors.Forbidden, match="ephemeral container debug with envVar E referencing secret.secretName"):
        await debug(cluster, {**DEBUG, "env": [secret]})


async def resize(cluster, resources, *, field="containers", name="main"):
    patch = {"spec": {field: [{"name": name, "resources": resources}]}}
    return await cluster.json("PATCH", f"{PODS}/p/resize", patch, content_type=STRATEGIC)


async def test_a_pod_is_resized(cluster, make_pod):
    await cluster.json("POST", PODS, sized(make_pod))
    made = await resize(cluster, {"requests": {"cpu": "150m"}, "limits": {"cpu": "1", "memory": "256Mi"}})
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "150m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "256Mi"},
    }
    assert (made["metadata"]["generation"], made["status"]["qosClass"]) == (2, "Burstable")


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        pytest.param(
            {"requests": {"cpu": "200m", "memory": "128Mi"}},
            'metadata: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing',
            id="qos",
        ),
        pytest.param(
            {"limits": {"cpu": None}},
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
            id="removed-limit",
        ),
        pytest.param(
            {"limits": {"ephemeral-storage": "1Gi"}},
            "spec: Forbidden: only cpu and memory resources are mutable",
            id="storage",
        ),
        pytest.param(
            {"requests": {"cpu": "300m"}}, "must be less than or equal to cpu limit of 200m", id="above-limit"
        ),
        pytest.param(
            {"limits": {"memory": "100Mi"}},
            "spec.containers[0].resources.limits: Forbidden: memory limits cannot be decreased unless resizePolicy is "
            "RestartContainer",
            id="less-memory",
        ),
    ],
)
async def test_a_resize_that_may_not_be_is_refused(cluster, make_pod, resources, says):
    await cluster.json("POST", PODS, sized(make_pod))
    with pytest.raises(errors.Invalid) as refusal:
        await resize(cluster, resources)
    assert says in refusal.value.message


async def test_a_resize_takes_no_request_away(cluster, make_pod):
    pod = sized(make_pod)
    del pod["spec"]["containers"][0]["resources"]["limits"]
    await cluster.json("POST", PODS, pod)
    with pytest.raises(
        errors.Invalid, match=r"containers\[0\].resources.requests: Forbidden: resource requests cannot"
    ):
        await resize(cluster, {"requests": {"memory": None}})


async def test_containers_are_not_mixed_up_by_a_resize(cluster, make_pod):
    pod = sized(make_pod)
    pod["spec"]["containers"].append({"name": "other", "image": "x"})
    pod["spec"]["initContainers"] = [{"name": "i", "image": "x"}]
    made = await cluster.json("POST", PODS, pod)
    with pytest.raises(errors.Invalid, match="resources for non-sidecar init containers are immutable"):
        await resize(cluster, {"requests": {"cpu": "1m"}}, field="initContainers", name="i")
    made["spec"]["containers"].reverse()
    with pytest.raises(errors.Invalid, match="containers may not be renamed or reordered on resize"):
        await cluster.json("PUT", f"{PODS}/p/resize", made)
    made["spec"]["containers"].pop()
    with pytest.raises(errors.Invalid, match="containers may not be added or removed on resize"):
        await cluster.json("PUT", f"{PODS}/p/resize", made)


async def test_a_resize_counts_against_quotas_and_limit_ranges(cluster, make_pod):
    await cluster.json("POST", PODS, sized(make_pod))
    item = {"type": "Container", "max": {"cpu": "500m"}}
    ranged = {"metadata": {"name": "l"}, "spec": {"limits": [item]}}
    await cluster.json("POST", "/api/v1/namespaces/default/limitranges", ranged)
    with pytest.raises(errors.Forbidden, match="maximum cpu usage per Container is 500m, but limit is 1"):
        await resize(cluster, {"limits": {"cpu": "1"}})
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "150m"}}}
    made = await cluster.json("POST", "/api/v1/namespaces/default/resourcequotas", quota)
    made["status"] = {"hard": {"requests.cpu": "150m"}, "used": {"requests.cpu": "100m"}}
    await cluster.json("PUT", "/api/v1/namespaces/default/resourcequotas/q/status", made)
    with pytest.raises(
        errors.Forbidden, match="exceeded quota: q, requested: requests.cpu=80m, used: requests.cpu=100m"
    ):
        await resize(cluster, {"requests": {"cpu": "180m"}})
    await resize(cluster, {"requests": {"cpu": "150m"}})
