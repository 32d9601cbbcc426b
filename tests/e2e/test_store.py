"""The store of a running cluster: a snapshot of it, and going back to that."""

import contextlib
import json
import os
import re
import subprocess

import pytest
from e2e.clusters import BIN, home_of, running
from store.real_etcd import free_port, running_etcd, wait_for_port

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]


def store(cluster, *words):
    """`hyperpy store` on the cluster's directory; what it printed."""
    command = [BIN / "hyperpy", "store", *words, "--data-dir", cluster.data]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def watching(cluster, *words):
    """kubectl get --watch as a process; yields the stream of what it tells."""
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "HOME": str(home_of(cluster.kubeconfig))}
    process = subprocess.Popen(
        [BIN / "kubectl", "get", "--watch", *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def until_named(stream, name):
    """The first event of an object with a name; events follow each other with any layout."""
    text = ""
    while line := stream.readline():
        text += line
        try:
            event, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            continue
        text = text[end:].lstrip()
        if event["object"]["metadata"]["name"] == name:
            return event
    raise AssertionError(f"the watch ended without {name}")


def raw_watch(cluster, version):
    """What a watch from a resourceVersion answers first."""
    path = f"/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={version}&timeoutSeconds=1"
    done = cluster.kubectl("get", "--raw", path, check=False)
    return done.stdout + done.stderr


def test_a_cluster_goes_back_to_a_snapshot_of_itself(tmp_path):
    file = tmp_path / "snapshot.db"
    with running(tmp_path / "data", "embedded") as cluster:
        cluster.kubectl("create", "configmap", "before", "--from-literal=is=kept")
        cluster.kubectl("create", "deployment", "web", "--image=hyperpy", "--replicas=0")
        assert "revision" in store(cluster, "snapshot", file)
        assert "is whole" in store(cluster, "check")
        cluster.kubectl("create", "configmap", "after", "--from-literal=is=lost")
        cluster.kubectl("patch", "configmap", "before", "-p", '{"data":{"is":"changed"}}')
        last = int(cluster.get("configmap", "before")["metadata"]["resourceVersion"])
        cluster.stop()
        told = store(cluster, "restore", file)
        assert int(re.search(r"the revision is now (\d+)", told)[1]) >= last + 1_000_000
        cluster.start()
        maps = cluster.get("configmaps")
        assert {each["metadata"]["name"] for each in maps["items"]} == {"before", "kube-root-ca.crt"}
        assert cluster.get("configmap", "before")["data"] == {"is": "kept"}
        assert cluster.get("deployment", "web")["spec"]["replicas"] == 0
        listed = json.loads(cluster.kubectl("get", "--raw", "/api/v1/namespaces/default/configmaps").stdout)
        assert int(listed["metadata"]["resourceVersion"]) > last + 1_000_000
        # A client that knows a version from after the snapshot is told to list again.
        first = raw_watch(cluster, last)
        assert "410" in first or "Expired" in first, first
        # What is written now is newer than all that anybody has seen, and told to watches and to the controllers.
        with watching(cluster, "configmaps", "-o", "json", "--output-watch-events") as events:
            cluster.kubectl("create", "configmap", "new")
            event = until_named(events, "new")
            assert event["type"] == "ADDED"
            assert int(event["object"]["metadata"]["resourceVersion"]) > last + 1_000_000
        cluster.kubectl("delete", "configmap", "kube-root-ca.crt")
        cluster.wait("a controller's informer sees it", lambda: cluster.get("configmap", "kube-root-ca.crt"))
        assert "is whole" in store(cluster, "check")


def served_as_etcd(directory):
    """`hyperpy etcd` on a store's directory, once it serves; yields its client address."""
    return contextlib.closing(_Served(directory))


class _Served:
    def __init__(self, directory):
        self.address = f"127.0.0.1:{free_port()}"
        command = [BIN / "hyperpy", "etcd", f"--addr={self.address}", f"--data-dir={directory}"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for_port(int(self.address.rpartition(":")[2]), self._process)

    def close(self):
        self._process.terminate()
        assert self._process.wait(20) == 0


def etcdctl(*words):
    command = ["etcdctl", *words]
    done = subprocess.run(command, env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_cluster_moves_to_a_real_etcd_with_all_that_it_knows(tmp_path):
    with running(tmp_path / "data", "hollow") as cluster:
        cluster.kubectl("create", "deployment", "web", "--image=x", "--replicas=2")
        cluster.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        before = cluster.get("pods")
        cluster.stop()
        file, directory = tmp_path / "moving.db", tmp_path / "etcd"
        with served_as_etcd(tmp_path / "data" / "store") as served:
            etcdctl("--endpoints", served.address, "snapshot", "save", str(file))
        peer = f"http://127.0.0.1:{free_port()}"
        member = ("--name", "one", "--initial-cluster", f"one={peer}", "--initial-advertise-peer-urls", peer)
        etcdctl("snapshot", "restore", str(file), "--data-dir", str(directory), *member)
        with running_etcd(directory, peer=peer) as address:
            cluster.start("--etcd-servers", address)
            after = cluster.get("pods")
            assert {pod["metadata"]["uid"] for pod in after["items"]} == {
                pod["metadata"]["uid"] for pod in before["items"]
            }
            first, last = (each["items"][0]["metadata"]["creationTimestamp"] for each in (before, after))
            assert first == last
            cluster.kubectl("scale", "deployment", "web", "--replicas=3")
            cluster.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
            cluster.stop()
