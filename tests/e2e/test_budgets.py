"""Budgets and autoscalers with real kubectl: a drained node's pods go one at a time; bounds hold without metrics."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.clusters import BIN, Cluster, home_of

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

PROFILE = """
rules:
- selector: app=web
  readySeconds: 0.5
"""
SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {hollow: "yes"}
      containers: [{name: main, image: "web:1"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: web}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two hollow nodes beside its own."""
    tmp_path = tmp_path_factory.mktemp("budgets")
    cluster = Cluster(tmp_path / "data", "hollow")
    cluster.start()
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    command = [BIN / "hyperpy", "kubelet", "--container-runtime=hollow", "--nodes=2", "--node-labels=hollow=yes",
               f"--hollow-profile={profile}", f"--kubeconfig={cluster.kubeconfig}"]  # fmt: skip
    with open(cluster.log, "ab") as log:
        nodes = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield cluster
    finally:
        nodes.terminate()
        nodes.wait(30)
        cluster.stop()


@contextlib.contextmanager
def watched(cluster: Cluster, seen: Path) -> Iterator[None]:
    """Writes down how many pods of the Deployment are available, whenever that changes."""
    command = [
        BIN / "kubectl",
        "get",
        "deployment",
        "web",
        "--watch",
        "-o",
        r'jsonpath={.status.availableReplicas}{"\n"}',
    ]
    environment = {"KUBECONFIG": str(cluster.kubeconfig), "HOME": str(home_of(cluster.kubeconfig))}
    with open(seen, "wb") as out:
        process = subprocess.Popen(command, stdout=out, env=environment, stdin=subprocess.DEVNULL)
    try:
        cluster.wait("the watch has begun", lambda: seen.read_text().startswith("2\n"))
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_a_drained_node_s_pods_move_one_at_a_time(cluster: Cluster, tmp_path: Path) -> None:
    cluster.wait("the nodes are there", lambda: "hollow-1" in cluster.kubectl("get", "nodes").stdout)
    cluster.kubectl("cordon", "hollow-1")
    cluster.kubectl("apply", "-f", "-", stdin=SHOP)
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s", timeout=90)
    cluster.kubectl("uncordon", "hollow-1")
    cluster.wait("the budget is counted", lambda: budget(cluster) == (2, 2, 1, 1))
    with watched(cluster, tmp_path / "available"):
        drained = cluster.kubectl("drain", "hollow-0", "--timeout=60s", timeout=90)
        cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s", timeout=90)
    assert "node/hollow-0 drained" in drained.stdout
    assert "Cannot evict pod as it would violate the pod's disruption budget." in drained.stderr
    available = (tmp_path / "available").read_text().split()
    assert min(map(int, available)) == 1
    pods = cluster.get("pods", "-l", "app=web")["items"]
    assert {pod["spec"]["nodeName"] for pod in pods if "deletionTimestamp" not in pod["metadata"]} == {"hollow-1"}
    cluster.wait("the budget is given back", lambda: budget(cluster) == (2, 2, 1, 1))
    assert "web" in cluster.kubectl("get", "pdb").stdout


def test_an_autoscaler_of_kubectl_keeps_its_bounds_and_says_what_it_misses(cluster: Cluster) -> None:
    cluster.kubectl("create", "deployment", "scaled", "--image=web:1")
    cluster.kubectl("autoscale", "deployment", "scaled", "--min=3", "--max=5", "--cpu-percent=50")
    cluster.wait("it has grown", lambda: cluster.get("deployment", "scaled")["status"].get("readyReplicas") == 3)
    described = cluster.kubectl("describe", "hpa", "scaled").stdout
    assert "New size: 3; reason: Current number of replicas below Spec.MinReplicas" in described
    assert "AbleToScale" in described
    assert "cpu: <unknown>/50%" in cluster.kubectl("get", "hpa", "scaled").stdout


def budget(cluster: Cluster) -> tuple[int, ...]:
    status = cluster.get("pdb", "web").get("status") or {}
    names = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    return tuple(status.get(name, 0) for name in names)
