"""Two API servers on an etcd cluster of three with TLS, with controllers and schedulers that elect leaders."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess

import pytest
from e2e.clusters import BIN, Cluster, home_of
from store.certificates import make_certificates
from store.real_cluster import running_cluster

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

REPLICAS = 6
CONFIG_MAPS = 20


class Servers:
    """The etcd cluster, two API servers as `first` and `second`, and what else was started."""

    def __init__(self, directory, etcd):
        self.etcd = etcd
        self.first = Cluster(directory / "first", "hollow")
        self.second = Cluster(directory / "second", "hollow")
        self._started = []

    def start(self, cluster, *command):
        """A part as a process; it ends with the test."""
        with open(cluster.log, "ab") as log:
            process = subprocess.Popen([BIN / "hyperpy", *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._started.append(process)
        return process

    def serve(self, cluster):
        """An API server that answers."""
        pki = self.etcd.certificates
        self.start(
            cluster,
            *("apiserver", "--data-dir", cluster.data, "--bind-address", "127.0.0.1", "--secure-port", "0"),
            *("--etcd-servers", ",".join(self.etcd.addresses), "--etcd-cafile", pki.ca),
            *("--etcd-certfile", pki.client_cert, "--etcd-keyfile", pki.client_key),
            "--etcd-compaction-interval=2s",
        )
        # Not the kubeconfig, for certificates of other components are still being written after it.
        cluster.wait("the API server answers", lambda: "the API server listens on" in cluster.log.read_text())

    def stop(self):
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
        for process in self._started:
            process.wait(30)


@pytest.fixture
def servers(tmp_path):
    with running_cluster(tmp_path / "etcd", certificates=make_certificates(tmp_path)) as etcd:
        servers = Servers(tmp_path, etcd)
        try:
            servers.serve(servers.first)
            servers.second.data.mkdir()
            shutil.copy(servers.first.data / "VERSION", servers.second.data)
            shutil.copytree(servers.first.data / "pki", servers.second.data / "pki")
            servers.serve(servers.second)
            yield servers
        finally:
            servers.stop()


def part(servers, cluster, name):
    return servers.start(cluster, name, "--kubeconfig", cluster.data / f"{name}.kubeconfig")


@contextlib.contextmanager
def watching(cluster, file):
    """A kubectl that watches Pods."""
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(home_of(cluster.kubeconfig))}
    command = [BIN / "kubectl", "get", "pods", "--watch", "--output-watch-events", "-o", "json"]
    with file.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def deployment(version):
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels, "annotations": {"version": version}},
        # No token, for its volume would stay mounted: a kubelet alone leaves its pods for the next one.
        "spec": {"automountServiceAccountToken": False, "containers": [{"name": "web", "image": "web"}]},
    }
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})


def config_maps():
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{number}", "labels": {"of": "test"}}}
        for number in range(CONFIG_MAPS)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def applied(cluster, manifest):
    """Apply until it is told that all of it is there."""
    cluster.wait(
        "it is applied", lambda: cluster.kubectl("apply", "-f", "-", stdin=manifest, check=False).returncode == 0
    )


def rolled_out(cluster):
    """Wait for the Deployment as users do."""
    command = ("rollout", "status", "deployment/web", "--timeout=40s")
    done = cluster.kubectl(*command, check=False, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{cluster.diagnosis()}"


def holder(cluster, name):
    return cluster.get("lease", name, "-n", "kube-system")["spec"]["holderIdentity"]


def run_a_rollout_under_failures(servers, tmp_path, *, fail):
    """Roll a Deployment out while things fail; nothing is lost, nothing is there twice, watches go on."""
    first, second = servers.first, servers.second
    parts = [part(servers, cluster, name) for name in ("controllers", "scheduler") for cluster in (first, second)]
    servers.start(
        first,
        *("kubelet", "--kubeconfig", first.kubeconfig, "--hostname-override", "node", "--root-dir", tmp_path / "node"),
        *("--address", "127.0.0.1", "--node-ip", "127.0.0.1", "--port", "0", "--container-runtime", "hollow"),
    )
    applied(first, deployment("one"))
    rolled_out(first)
    with watching(first, tmp_path / "seen-1") as one, watching(second, tmp_path / "seen-2") as two:
        applied(second, deployment("two"))
        fail(parts)
        applied(first, config_maps())
        rolled_out(second)
        first.wait("the old Pods are gone", lambda: len(first.get("pods")["items"]) == REPLICAS)
        pods = second.get("pods")["items"]
        assert {pod["metadata"]["annotations"]["version"] for pod in pods} == {"two"}
        assert len(first.get("replicasets")["items"]) == 2
        assert len(second.get("configmaps", "-l", "of=test")["items"]) == CONFIG_MAPS
        first.kubectl("label", "pod", pods[0]["metadata"]["name"], "seen=last")
        for cluster, process, file in ((first, one, "seen-1"), (second, two, "seen-2")):
            cluster.wait("the watch has it", lambda: '"seen":"last"' in (tmp_path / file).read_text())  # noqa: B023
            assert process.poll() is None
            check_events((tmp_path / file).read_text(), {pod["metadata"]["uid"] for pod in pods})


def check_events(text, uids):
    """No Pod came twice, no Pod of the end is missing, no version went back."""
    decoder, events, at = json.JSONDecoder(), [], 0
    while at < len(text) and text[at:].strip():
        event, end = decoder.raw_decode(text[at:].lstrip())
        at += len(text[at:]) - len(text[at:].lstrip()) + end
        events.append(event)
    added = [event["object"]["metadata"]["uid"] for event in events if event["type"] == "ADDED"]
    assert len(added) == len(set(added))
    assert uids <= set(added)
    versions = {}
    for event in events:
        meta = event["object"]["metadata"]
        assert int(meta["resourceVersion"]) > versions.get(meta["uid"], 0)
        versions[meta["uid"]] = int(meta["resourceVersion"])


def test_a_rollout_goes_on_when_etcds_leader_is_killed(servers, tmp_path):
    etcd = servers.etcd

    def fail(_parts):
        leader = etcd.leader()
        etcd.kill(leader)

    run_a_rollout_under_failures(servers, tmp_path, fail=fail)
    # Both servers see to the history, and one of them at a time shortens it.
    shortened = lambda: int(etcd.ctl("get", "compact_rev_key", "--print-value-only") or 0) > 0  # noqa: E731
    servers.first.wait("the history is shortened", shortened)


@pytest.mark.slow
def test_a_rollout_goes_on_when_every_leader_is_killed(servers, tmp_path):
    etcd = servers.etcd

    def fail(parts):
        leader = etcd.leader()
        etcd.kill(leader)
        leading = holder(servers.first, "kube-controller-manager")
        (process,) = [part for part in parts[:2] if f"_{part.pid}_" in leading or str(part.pid) in leading]
        process.send_signal(signal.SIGKILL)
        etcd.start(leader)
        etcd.ctl("endpoint", "health")
        etcd.kill(etcd.leader())

    run_a_rollout_under_failures(servers, tmp_path, fail=fail)
