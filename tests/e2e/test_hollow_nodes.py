"""The example of hollow nodes: many simulated Nodes beside the cluster's own, and real kubectl over them."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from e2e.clusters import BIN, Cluster

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

EXAMPLE = Path("examples/04-hollow-nodes")


@pytest.fixture
def cluster(tmp_path: Path):
    cluster = Cluster(tmp_path / "data", "hollow")
    cluster.start()
    yield cluster
    cluster.stop()


@contextlib.contextmanager
def nodes(cluster: Cluster, count: int):
    """So many hollow nodes, as the example starts them."""
    command = [BIN / "hyperpy", "kubelet", "--container-runtime=hollow", f"--nodes={count}", "--node-labels=hollow=yes",
               f"--hollow-profile={EXAMPLE / 'profile.yaml'}", f"--kubeconfig={cluster.kubeconfig}"]  # fmt: skip
    with open(cluster.log, "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_deployment_and_a_job_run_on_hollow_nodes(cluster: Cluster) -> None:
    with nodes(cluster, 100):
        cluster.wait(
            "the hollow nodes are there",
            lambda: cluster.kubectl("get", "nodes", "-l", "hollow=yes", "-o", "name").stdout.count("node/") == 100,
        )
        cluster.kubectl("apply", "-f", str(EXAMPLE / "shop.yaml"))
        told = cluster.kubectl("rollout", "status", "deployment/shop", "--timeout=60s", timeout=90).stdout
        assert 'deployment "shop" successfully rolled out' in told
        cluster.kubectl("wait", "job/nightly", "--for=condition=Complete", "--timeout=60s", timeout=90)
        pods = cluster.get("pods", "-l", "app=shop")["items"]
        assert len(pods) == 60
        assert all(pod["spec"]["nodeName"].startswith("hollow-") for pod in pods)
        assert len({pod["status"]["podIP"] for pod in pods}) == 60


def test_flags_of_a_single_node_are_refused_beside_many() -> None:
    command = [BIN / "hyperpy", "kubelet", "--container-runtime=hollow", "--nodes=3", "--node-ip=10.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--node-ip is of a single node" in done.stderr
