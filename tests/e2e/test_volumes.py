"""Volumes with real kubectl: a Pod runs where its claim's volume is, and the volume is released when they go."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from e2e.clusters import BIN, Cluster

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

STORAGE = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 5Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: local
  local: {path: /mnt/disk}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [hollow-1]}]
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: local
  resources: {requests: {storage: 2Gi}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "db:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two hollow nodes beside its own."""
    cluster = Cluster(tmp_path_factory.mktemp("volumes") / "data", "hollow")
    cluster.start()
    command = [BIN / "hyperpy", "kubelet", "--container-runtime=hollow", "--nodes=2",
               f"--kubeconfig={cluster.kubeconfig}"]  # fmt: skip
    with open(cluster.log, "ab") as log:
        nodes = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield cluster
    finally:
        nodes.terminate()
        nodes.wait(30)
        cluster.stop()


def test_a_pod_runs_where_its_volume_is_and_leaves_it_released(cluster: Cluster) -> None:
    cluster.wait("the nodes are there", lambda: "hollow-1" in cluster.kubectl("get", "nodes").stdout)
    cluster.kubectl("apply", "-f", "-", stdin=STORAGE)
    cluster.kubectl("wait", "pv/disk", "--for=jsonpath={.status.phase}=Available", "--timeout=20s")
    cluster.kubectl("apply", "-f", "-", stdin=CLAIM)
    told = "waiting for first consumer to be created before binding"
    cluster.wait("the claim says what it waits for", lambda: told in cluster.kubectl("describe", "pvc", "data").stdout)

    cluster.kubectl("apply", "-f", "-", stdin=POD)
    cluster.kubectl("wait", "pod/db", "--for=condition=Ready", "--timeout=30s")
    cluster.kubectl("wait", "pvc/data", "--for=jsonpath={.status.phase}=Bound", "--timeout=20s")
    assert cluster.get("pod", "db")["spec"]["nodeName"] == "hollow-1"
    (row,) = cluster.kubectl("get", "pvc", "data", "--no-headers").stdout.splitlines()
    assert row.split()[:6] == ["data", "Bound", "disk", "5Gi", "RWO", "local"]
    assert "default/data" in cluster.kubectl("get", "pv", "disk").stdout

    cluster.kubectl("delete", "pod/db", "pvc/data", "--timeout=30s")
    cluster.kubectl("wait", "pv/disk", "--for=jsonpath={.status.phase}=Released", "--timeout=20s")


def test_a_pod_without_its_claim_is_told_so_in_kubectl_describe(cluster: Cluster) -> None:
    cluster.kubectl(
        "apply", "-f", "-", stdin=POD.replace("name: db", "name: lone").replace("claimName: data", "claimName: none")
    )
    told = 'nodes are available: persistentvolumeclaim "none" not found.'
    cluster.wait("the event is there", lambda: told in cluster.kubectl("describe", "pod", "lone").stdout)
    cluster.kubectl("delete", "pod/lone")
