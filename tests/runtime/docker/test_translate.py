"""Specs as the engine's configuration."""

from __future__ import annotations

import pytest

from hyperpy.runtime.docker import translate
from hyperpy.runtime.docker.images import with_registry
from hyperpy.runtime.protocol import ContainerSpec, Resources, SandboxSpec, Security

SANDBOX = {
    "Id": "abc",
    "HostConfig": {"PidMode": "", "IpcMode": "shareable", "CgroupParent": "/kubepods/podx", "UTSMode": ""},
    "Config": {"Labels": {"io.hyperpy.share-pid": "false"}},
}


def config(**fields):
    spec = ContainerSpec("c", "image:1", **fields)
    return translate.container_config(spec, SANDBOX, scope="s", image_user="app", min_oom=0)


def test_a_container_joins_its_sandbox():
    host = config()["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["PidMode"]) == ("container:abc", "container:abc", "")
    assert host["CgroupParent"] == "/kubepods/podx"


def test_limits_become_the_engines_numbers():
    limits = Resources(cpu_shares=512, cpu_limit_millis=250, memory_limit_bytes=1 << 20, oom_score_adj=-997)
    host = config(resources=limits)["HostConfig"]
    assert (host["CpuShares"], host["CpuQuota"], host["CpuPeriod"]) == (512, 25_000, 100_000)
    assert (host["Memory"], host["MemorySwap"], host["OomScoreAdj"]) == (1 << 20, 1 << 20, 0)


@pytest.mark.parametrize(
    ("security", "user"),
    [
        (Security(), None),
        (Security(user=5), "5"),
        (Security(user=5, group=6), "5:6"),
        (Security(group=6), "app:6"),
    ],
)
def test_users(security, user):
    assert config(security=security).get("User") == user


@pytest.mark.parametrize(
    ("systemd", "expected"), [(False, "/kubepods/besteffort/poda-b"), (True, "kubepods-besteffort-poda_b.slice")]
)
def test_cgroup_parents_fit_the_engines_driver(systemd, expected):
    assert translate.cgroup_parent("/kubepods/besteffort/poda-b", systemd=systemd) == expected


def test_the_hosts_network_is_used_when_asked_for():
    spec = SandboxSpec("ns", "p", "u", host_network=True, host_pid=True)
    host = translate.sandbox_config(spec, scope="s", systemd_cgroups=False)["HostConfig"]
    assert (host["NetworkMode"], host["PidMode"], host["UTSMode"]) == ("host", "host", "host")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05.5Z", 1_767_323_045_500_000_000),
        ("2026-01-02T03:04:05Z", 1_767_323_045_000_000_000),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_times(text, expected):
    assert translate.nanoseconds(text) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("a/b:1", "docker.io/a/b:1"),
        ("r.example:5000/a", "r.example:5000/a:latest"),
        ("r.example/a@sha256:1", "r.example/a@sha256:1"),
    ],
)
def test_references_get_their_registry(reference, expected):
    assert with_registry(reference) == expected
