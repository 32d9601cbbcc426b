"""Fields that are refused by name."""

from __future__ import annotations

import pytest

from hyperpy.components.kubelet.unsupported import unsupported

from .objects import container, pod


@pytest.mark.parametrize(
    ("refused", "named"),
    [
        (pod(hostUsers=False), "spec.hostUsers"),
        (pod(runtimeClassName="gvisor"), "spec.runtimeClassName"),
        (pod(securityContext={"sysctls": [{"name": "kernel.core_pattern", "value": "x"}]}), "kernel.core_pattern"),
        (pod(volumes=[{"name": "v", "nfs": {"server": "s", "path": "/"}}]), "spec.volumes[0].nfs"),
        (pod(volumes=[{"name": "v", "projected": {"sources": [{"clusterTrustBundle": {}}]}}]), "clusterTrustBundle"),
        (pod(container(volumeDevices=[{}])), "volumeDevices"),
        (pod(container(resources={"limits": {"nvidia.com/gpu": "1"}})), "nvidia.com/gpu"),
        (pod(container(securityContext={"procMount": "Unmasked"})), "procMount"),
        (pod(container(securityContext={"seccompProfile": {"type": "Localhost"}})), "seccompProfile"),
        (pod(container(lifecycle={"stopSignal": "SIGUSR1"})), "lifecycle.stopSignal"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_is_named(refused, named):
    problems = unsupported(refused)
    assert len(problems) == 1
    assert named in problems[0]


def test_an_ordinary_pod_is_fine():
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/x"}}]
    assert unsupported(pod(container(securityContext={"privileged": True}), volumes=volumes)) == []
