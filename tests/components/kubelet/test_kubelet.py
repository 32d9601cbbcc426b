"""The kubelet against an API server, on the hollow runtime: a Pod's whole life, and the kubelet's own restarts."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import kinds
from hyperpy.client.protocol import STRATEGIC_PATCH, DeleteOptions
from hyperpy.runtime import spec
from hyperpy.runtime.hollow import Behaviour, HollowRuntime
from hyperpy.runtime.protocol import Dns, State

from .conftest import NODE, Node
from .objects import container, pod

CRASHING = Behaviour(run_s=0.01, exit_code=3)


def by_image(**behaviours: Behaviour):
    """A runtime whose images behave by their name before the colon."""
    return HollowRuntime(profile=lambda image: behaviours.get(image.partition(":")[0], Behaviour()))


def running(status: dict) -> bool:
    return status.get("phase") == "Running" and all(c["ready"] for c in status["containerStatuses"])


def waiting(reason: str):
    def good(status: dict) -> bool:
        states = [c["state"] for c in status.get("containerStatuses", ())]
        return any(state.get("waiting", {}).get("reason") == reason for state in states)

    return good


async def test_the_node_is_registered_and_ready(node: Node):
    found = await node.admin.get(kinds.NODE, NODE)
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True"
    assert found["metadata"]["labels"]["kubernetes.io/hostname"] == NODE
    assert found["status"]["nodeInfo"]["containerRuntimeVersion"] == "hollow://1"
    assert found["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] > 0
    restricted = next(c for c in found["status"]["conditions"] if c["type"] == "RuntimeRestricted")
    assert "simulated" in restricted["message"]


async def test_a_node_that_is_there_already_is_taken_over(node: Node):
    before = await node.admin.get(kinds.NODE, NODE)
    await node.stop()
    await node.start(node_labels={"disk": "ssd"})
    after = await node.admin.get(kinds.NODE, NODE)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"]["disk"] == "ssd"


async def test_the_lease_is_held(node: Node):
    async with asyncio.timeout(5):
        while True:
            leases = (await node.admin.list(kinds.LEASE, namespace="kube-node-lease")).items
            if leases:
                break
            await asyncio.sleep(0.01)
    assert leases[0]["spec"]["holderIdentity"] == NODE


async def test_a_pod_runs_and_goes(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("a"), container("b")))
    status = await node.until("p", running)
    assert status["podIP"].startswith("198.")
    assert [c["name"] for c in status["containerStatuses"]] == ["a", "b"]
    await node.admin.delete(kinds.POD, "p", namespace="default")
    await node.gone("p")
    await node.containers(0)
    assert not await runtime.sandboxes()
    assert not list((node.options.root_dir / "pods").glob("*"))


@pytest.mark.parametrize("runtime", [by_image(crash=CRASHING)])
async def test_a_crashing_container_backs_off(node: Node):
    await node.create(pod(container("c", "crash:1")))
    status = await node.until("p", waiting("CrashLoopBackOff"))
    found = status["containerStatuses"][0]
    assert found["lastState"]["terminated"]["exitCode"] == 3
    assert found["restartCount"] == 1
    assert "Back-off restarting failed container c in pod p_default" in await node.event("BackOff")


@pytest.mark.parametrize("runtime", [by_image(job=Behaviour(run_s=0.01))])
async def test_a_pod_that_finished_stays_as_succeeded(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c", "job:1"), restartPolicy="Never"))
    status = await node.until("p", lambda s: s.get("phase") == "Succeeded")
    assert status["containerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    await node.containers(1)
    assert not any(sandbox.ready for sandbox in await runtime.sandboxes())


@pytest.mark.parametrize("runtime", [by_image(gone=Behaviour(present=False, pull_failure="no such image"))])
async def test_an_image_that_is_nowhere_is_told_and_backed_off(node: Node):
    await node.create(pod(container("c", "gone:1")))
    await node.until("p", waiting("ErrImagePull"))
    status = await node.until("p", waiting("ImagePullBackOff"))
    assert status["phase"] == "Pending"
    assert await node.event("Failed") == 'Failed to pull image "gone:1": no such image'
    assert await node.event("BackOff") == 'Back-off pulling image "gone:1"'


@pytest.mark.parametrize("runtime", [by_image(gone=Behaviour(present=False))])
async def test_an_image_that_must_not_be_pulled_is_missing(node: Node):
    await node.create(pod(container("c", "gone:1", imagePullPolicy="Never")))
    await node.until("p", waiting("ErrImageNeverPull"))


@pytest.mark.parametrize("runtime", [by_image(broken=Behaviour(start_failure="exec /nope: not found"))])
async def test_a_container_that_cannot_start_says_why(node: Node):
    await node.create(pod(container("c", "broken:1")))
    status = await node.until("p", waiting("RunContainerError"))
    found = status["containerStatuses"][0]
    assert found["state"]["waiting"]["message"] == "exec /nope: not found"
    assert found["lastState"]["terminated"]["reason"] == "StartError"


async def test_a_config_map_that_is_missing_is_told_and_found_when_it_comes(node: Node):
    wanted = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    await node.create(pod(container("c", env=[wanted])))
    status = await node.until("p", waiting("CreateContainerConfigError"))
    assert status["containerStatuses"][0]["state"]["waiting"]["message"] == 'configmap "settings" not found'
    await node.admin.create(
        kinds.CONFIG_MAP, {"metadata": {"name": "settings", "namespace": "default"}, "data": {"a": "1"}}
    )
    await node.until("p", running)


async def test_a_volume_that_is_missing_is_told_and_found_when_it_comes(node: Node):
    volume = {"name": "v", "secret": {"secretName": "s"}}
    await node.create(pod(container("c", volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[volume]))
    assert await node.event("FailedMount") == 'MountVolume.SetUp failed for volume "v" : secret "s" not found'
    secret = {"metadata": {"name": "s", "namespace": "default"}, "stringData": {"k": "v"}}
    await node.admin.create(kinds.SECRET, secret)
    await node.until("p", running)


async def test_a_field_that_cannot_be_kept_is_refused_by_name(node: Node):
    await node.create(pod(container("c"), hostUsers=False))
    status = await node.until("p", waiting("CreateContainerConfigError"))
    message = "spec.hostUsers: user namespaces are not supported"
    assert status["containerStatuses"][0]["state"]["waiting"]["message"] == message
    assert await node.event("Unsupported") == message


async def test_a_pod_over_its_deadline_fails(node: Node):
    await node.create(pod(container("c"), activeDeadlineSeconds=1))
    status = await node.until("p", lambda s: s.get("phase") == "Failed")
    assert status["reason"] == "DeadlineExceeded"


async def test_a_restarted_kubelet_adopts_what_runs(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c")))
    before = await node.until("p", running)
    await node.stop()
    await node.start()
    await node.admin.patch(kinds.POD, "p", {"metadata": {"labels": {"x": "y"}}}, namespace="default")
    await node.until("p", running)
    assert (await node.status("p"))["containerStatuses"] == before["containerStatuses"]
    assert len(await runtime.containers()) == 1


async def test_a_pod_deleted_while_no_kubelet_ran_is_ended(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c")))
    await node.until("p", running)
    await node.stop()
    await node.admin.delete(kinds.POD, "p", namespace="default", options=DeleteOptions(grace_s=0))
    await node.start()
    await node.containers(0)
    assert not await runtime.sandboxes()


async def test_a_container_that_ended_while_no_kubelet_ran_is_restarted(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c")))
    await node.until("p", running)
    await node.stop()
    runtime.finish((await runtime.containers())[0].id, exit_code=1)
    await node.start()
    status = await node.until("p", lambda s: running(s) and s["containerStatuses"][0]["restartCount"] == 1)
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


async def test_a_container_that_was_made_and_never_started_is_not_started_twice(node: Node, runtime: HollowRuntime):
    await node.stop()
    made = await node.create(pod(container("c")))
    box = await runtime.run_sandbox(
        spec.sandbox_spec(made, attempt=0, dns=Dns(), log_dir="/nowhere", cluster_domain="cluster.local")
    )
    await runtime.create_container(
        box.id,
        spec.container_spec(
            made,
            made["spec"]["containers"][0],
            attempt=0,
            env={},
            mounts=(),
            log_path="",
            limits=spec.resources(made, {}, memory_capacity_bytes=1),
            rights=spec.security(made, {"name": "c"}, image_user=""),
        ),
    )
    await node.start()
    await node.until("p", running)
    found = await runtime.containers()
    assert [c.state for c in found] == [State.RUNNING]
    assert len(await runtime.sandboxes()) == 1


async def test_a_lost_sandbox_is_replaced(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c")))
    await node.until("p", running)
    await runtime.stop_sandbox((await runtime.sandboxes())[0].id)
    status = await node.until("p", lambda s: running(s) and s["containerStatuses"][0]["restartCount"] == 1)
    assert status["podIP"] == "198.18.0.2"
    await node.event("SandboxChanged")


async def test_a_changed_image_replaces_the_container(node: Node):
    await node.create(pod(container("c", "a:1")))
    await node.until("p", running)
    image = {"spec": {"containers": [{"name": "c", "image": "b:1"}]}}
    await node.admin.patch(
        kinds.POD, "p", image, namespace="default", patch_type="application/strategic-merge-patch+json"
    )
    status = await node.until("p", lambda s: running(s) and s["containerStatuses"][0]["image"] == "b:1")
    assert status["containerStatuses"][0]["restartCount"] == 1


async def test_init_containers_and_sidecars_run_in_their_order(api, tmp_path):
    found = Node(api, tmp_path, by_image(init=Behaviour(run_s=0.01)))
    await found.start()
    try:
        init = (container("i", "init:1"), container("s", restartPolicy="Always"))
        await found.create(pod(container("main"), init=init))
        status = await found.until("p", running)
        assert [c["ready"] for c in status["initContainerStatuses"]] == [True, True]
        assert "terminated" in status["initContainerStatuses"][0]["state"]
    finally:
        await found.stop()


async def test_static_pods_run_and_are_mirrored(node: Node, tmp_path, runtime: HollowRuntime):
    await node.stop()
    manifests = tmp_path / "manifests"
    await node.start(manifest_dir=manifests)
    manifests.mkdir()
    text = "{apiVersion: v1, kind: Pod, metadata: {name: s}, spec: {containers: [{name: c, image: 'a:1'}]}}"
    (manifests / "s.yaml").write_text(text)
    await node.until(f"s-{NODE}", running)
    await node.admin.delete(kinds.POD, f"s-{NODE}", namespace="default", options=DeleteOptions(grace_s=0))
    await node.until(f"s-{NODE}", running)
    assert len(await runtime.containers()) == 1
    (manifests / "s.yaml").write_text(text.replace("a:1", "b:1"))
    await node.until(f"s-{NODE}", lambda s: running(s) and s["containerStatuses"][0]["image"] == "b:1")
    (manifests / "s.yaml").unlink()
    await node.gone(f"s-{NODE}")
    await node.containers(0)


async def test_a_purging_kubelet_leaves_nothing_in_the_runtime(node: Node, runtime: HollowRuntime):
    await node.create(pod(container("c")))
    await node.until("p", running)
    await node.stop()
    await node.start(purge_on_exit=True)
    await node.stop()
    assert not await runtime.sandboxes()
    await node.start()
    await node.until("p", lambda s: running(s) and s["containerStatuses"][0]["restartCount"] == 1)


async def test_a_node_that_was_given_up_contradicts_at_once(node: Node):
    unknown = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
    await node.admin.patch(
        kinds.NODE, NODE, {"status": {"conditions": [unknown]}}, patch_type=STRATEGIC_PATCH, subresource="status"
    )
    async with asyncio.timeout(5):
        async for event in node.admin.watch(kinds.NODE, field_selector=f"metadata.name={NODE}", resource_version="0"):
            ready = next(c for c in event.object["status"]["conditions"] if c["type"] == "Ready")
            if ready["status"] == "True":
                break


def ephemeral_state(status: dict) -> dict:
    """The state of the Pod's one ephemeral container, {} while it has none."""
    return next((each.get("state") or {} for each in status.get("ephemeralContainerStatuses") or ()), {})


async def debug(node: Node, **fields) -> dict:
    """Put an ephemeral container into the Pod `p` and wait for its state."""
    await node.create(pod(container("c")))
    await node.until("p", running)
    added = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "x", **fields}]}}
    await node.admin.patch(kinds.POD, "p", added, namespace="default", subresource="ephemeralcontainers")
    return await node.until("p", lambda status: ephemeral_state(status).keys() & {"running", "waiting"})


async def test_an_ephemeral_container_joins_a_running_pod(node: Node):
    await debug(node, targetContainerName="c")
    await node.until("p", lambda status: "running" in ephemeral_state(status))
    assert "targetContainerName is not supported" in await node.event("Unsupported")


async def test_an_ephemeral_container_that_cannot_be_leaves_its_pod_alone(node: Node):
    await debug(node, securityContext={"seLinuxOptions": {"level": "s0"}})
    assert "seLinuxOptions" in await node.event("Unsupported")
    status = await node.until(
        "p", lambda status: (ephemeral_state(status).get("waiting") or {}).get("reason") == "CreateContainerConfigError"
    )
    assert running(status)
