"""Rules of pods beside the common ones: operating systems, resources of a whole pod, claims, signals, annotations."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]


def pod(container: Obj | None = None, *, annotations: Obj | None = None, **spec: Any) -> Obj:
    return {
        "metadata": {"annotations": annotations or {}},
        "spec": {"containers": [{"name": "c", "image": "nginx", **(container or {})}], **spec},
    }


def uses(*claims: Obj) -> Obj:
    return {"resources": {"claims": list(claims)}}


CLAIMS = [{"name": "a", "resourceClaimName": "x"}, {"name": "b", "resourceClaimTemplateName": "y"}]
LINUX, WINDOWS = {"name": "linux"}, {"name": "windows"}

CASES = [
    pytest.param(pod({"securityContext": {"runAsUser": 1}}, os=LINUX), [], id="linux"),
    pytest.param(pod({"securityContext": {"windowsOptions": {}}}, os=LINUX, securityContext={"windowsOptions": {}}), ["spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod", "spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"], id="windows in linux"),
    pytest.param(pod({"securityContext": {"runAsUser": 1, "privileged": False}}, os=WINDOWS, hostPID=True, securityContext={"fsGroup": 1}), ["spec.hostPID: Forbidden: cannot be set for a windows pod", "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod", "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod", "spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a windows pod"], id="linux in windows"),
    pytest.param(pod(os={"name": "plan9"}), ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'], id="other system"),
    pytest.param(pod(os={}), ["spec.os.name: Required value: cannot be empty"], id="no system"),
    pytest.param(pod(os=WINDOWS, resources={"limits": {"cpu": "1"}}), ["spec.resources: Forbidden: may not be set for a windows pod"], id="windows resources"),
    pytest.param(pod({"lifecycle": {"stopSignal": "SIGUSR1"}}, os=LINUX), [], id="signal"),
    pytest.param(pod({"lifecycle": {"stopSignal": "SIGUSR1"}}), ["spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"], id="signal nowhere"),
    pytest.param(pod({"lifecycle": {"stopSignal": "SIGUSR1"}}, os=WINDOWS), ['spec.containers[0].lifecycle.stopSignal: Unsupported value: "SIGUSR1": supported values: "SIGKILL", "SIGTERM"'], id="signal of windows"),
    pytest.param(pod({"resources": {"requests": {"cpu": "1"}}}, resources={"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}), [], id="pod resources"),
    pytest.param(pod({"resources": {"requests": {"cpu": "2"}}}, resources={"requests": {"cpu": "1"}}), ['spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2'], id="less than containers"),
    pytest.param(pod({"resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}}, resources={"limits": {"cpu": "1"}}), ['spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1'], id="container above pod"),
    pytest.param(pod(resources={"requests": {"ephemeral-storage": "1"}, "claims": [{"name": "a"}]}), ["spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level", 'spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"'], id="not of pods"),
    pytest.param(pod(uses({"name": "a"}, {"name": "b", "request": "r"}), resourceClaims=CLAIMS), [], id="claims"),
    pytest.param(pod(uses({"name": "a"}, {"name": "a"}), resourceClaims=CLAIMS), ['spec.containers[0].resources.claims[1]: Duplicate value: "a"'], id="claim twice"),
    pytest.param(pod(uses({"name": "a", "request": "r"}, {"name": "a", "request": "r"}), resourceClaims=CLAIMS), ['spec.containers[0].resources.claims[1]: Duplicate value: "a/r"'], id="request twice"),
    pytest.param(pod(uses({"name": "a", "request": "r"}, {"name": "a"}), resourceClaims=CLAIMS), ['spec.containers[0].resources.claims[1]: Duplicate value: "a"'], id="request and whole"),
    pytest.param(pod(uses({"name": "z"}, {}), resourceClaims=CLAIMS), ['spec.containers[0].resources.claims[0]: Not found: "z": must be one of the names in pod.spec.resourceClaims: a, b', "spec.containers[0].resources.claims[1]: Required value"], id="unknown claim"),
    pytest.param(pod(resourceClaims=[{"name": "a", "resourceClaimName": "X"}]), ["spec.resourceClaims[0].resourceClaimName: Invalid value: \"X\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"], id="claim name"),
    pytest.param(pod(initContainers=[{"name": "i", "image": "b", "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]}]), ['spec.initContainers[0].resizePolicy: Invalid value: [{"resourceName":"cpu","restartPolicy":"NotRequired"}]: must not be set for init containers'], id="init resize"),
    pytest.param(pod(volumes=[{"name": "v", "projected": {"sources": [{"clusterTrustBundle": {"path": "a"}}]}}]), ["spec.volumes[0].projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified"], id="trust bundle"),
    pytest.param(pod(annotations={"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"}), [], id="apparmor"),
    pytest.param(pod(annotations={"container.apparmor.security.beta.kubernetes.io/d": "other"}), ['metadata.annotations[container.apparmor.security.beta.kubernetes.io/d]: Invalid value: "d": container not found', 'metadata.annotations[container.apparmor.security.beta.kubernetes.io/d]: Invalid value: "other": invalid AppArmor profile name: "other"'], id="apparmor of nothing"),
    pytest.param(pod({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, annotations={"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"}), ["metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Forbidden: apparmor type in annotation and field must match"], id="apparmor twice"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), CASES)
def test_a_pod_and_its_parts(obj: Obj, expected: list[str], complaints: Any) -> None:
    assert complaints(kinds.POD, obj) == expected


def test_the_claim_of_an_ephemeral_volume_has_a_name_that_fits(complaints: Any) -> None:
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}
    obj = pod(volumes=[{"name": "v" * 63, "ephemeral": {"volumeClaimTemplate": template}}])
    obj["metadata"]["name"] = "p" * 200
    made = f"{'p' * 200}-{'v' * 63}"
    assert complaints(kinds.POD, obj) == [
        f'spec.volumes[0].name: Invalid value: "{"v" * 63}": PVC name "{made}": must be no more than 253 bytes'
    ]
