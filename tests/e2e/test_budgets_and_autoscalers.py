"""Budgets and autoscalers with real kubectl: a drained node's pods go one at a time; pods follow a metrics server."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from e2e.clusters import BIN, Cluster, home_of

from hyperpy.components.apiserver.credentials.pki import Pki

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


USAGE: dict[str, str] = {}
METRICS = """
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: BUNDLE
  service: {namespace: kube-system, name: metrics-server, port: PORT}
"""


class MetricsServer(BaseHTTPRequestHandler):
    """Answers for metrics.k8s.io with the CPU that `USAGE` gives for each Pod."""

    def do_GET(self) -> None:
        version = {"apiVersion": "metrics.k8s.io/v1beta1"}
        if self.path.startswith("/apis/metrics.k8s.io/v1beta1/namespaces/"):
            body = {"kind": "PodMetricsList", **version, "items": [self._item(name) for name in USAGE]}
        else:
            pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["list"]}
            body = {"kind": "APIResourceList", "groupVersion": version["apiVersion"], "resources": [pods]}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @staticmethod
    def _item(name: str) -> dict[str, object]:
        return {
            "metadata": {"name": name, "namespace": "default"},
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "window": "0s",
            "containers": [{"name": "web", "usage": {"cpu": USAGE[name], "memory": "1Mi"}}],
        }

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def metrics_server(cluster: Cluster, folder: Path) -> Iterator[None]:
    """A metrics server behind an APIService."""
    authority = Pki(folder)
    pair = authority.server("metrics", title="metrics", hosts=["metrics-server.kube-system.svc"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert_file, pair.key_file)
    with ThreadingHTTPServer(("127.0.0.1", 0), MetricsServer) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        bundle = base64.b64encode(authority.ca_pem).decode()
        manifest = METRICS.replace("BUNDLE", bundle).replace("PORT", str(server.server_port))
        try:
            cluster.kubectl("apply", "-f", "-", stdin=manifest)
            cluster.kubectl("wait", "apiservice/v1beta1.metrics.k8s.io", "--for=condition=Available", "--timeout=30s")
            yield
        finally:
            cluster.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io", check=False)
            server.shutdown()
            thread.join(30)


def test_an_autoscaler_of_kubectl_follows_a_metrics_server(cluster: Cluster, tmp_path: Path) -> None:
    cluster.kubectl("create", "deployment", "scaled", "--image=web:1")
    cluster.kubectl("set", "resources", "deployment", "scaled", "--requests=cpu=100m")
    cluster.kubectl("rollout", "status", "deployment/scaled", "--timeout=60s", timeout=90)
    with metrics_server(cluster, tmp_path):
        pods = cluster.get("pods", "-l", "app=scaled")["items"]
        USAGE.update({pod["metadata"]["name"]: "190m" for pod in pods if "deletionTimestamp" not in pod["metadata"]})
        cluster.kubectl("autoscale", "deployment", "scaled", "--min=1", "--max=9", "--cpu-percent=50")
        cluster.wait("it has grown", lambda: cluster.get("deployment", "scaled")["status"].get("readyReplicas") == 4)
        assert "cpu: 190%/50%" in cluster.kubectl("get", "hpa", "scaled").stdout
        assert "190m" in cluster.kubectl("top", "pods").stdout
    described = cluster.kubectl("describe", "hpa", "scaled").stdout
    assert "New size: 4; reason: cpu resource utilization (percentage of request) above target" in described
    assert "SucceededRescale" in described


def test_an_autoscaler_keeps_its_bounds_without_metrics(cluster: Cluster) -> None:
    cluster.kubectl("create", "deployment", "bounded", "--image=web:1")
    cluster.kubectl("autoscale", "deployment", "bounded", "--min=3", "--max=5", "--cpu-percent=50")
    cluster.wait("it has grown", lambda: cluster.get("deployment", "bounded")["status"].get("readyReplicas") == 3)
    described = cluster.kubectl("describe", "hpa", "bounded").stdout
    assert "New size: 3; reason: Current number of replicas below Spec.MinReplicas" in described
    assert "cpu: <unknown>/50%" in cluster.kubectl("get", "hpa", "bounded").stdout


def budget(cluster: Cluster) -> tuple[int, ...]:
    status = cluster.get("pdb", "web").get("status") or {}
    names = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    return tuple(status.get(name, 0) for name in names)
