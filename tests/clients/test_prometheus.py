"""Prometheus (Debian's package): discovers nodes, pods, services and endpoints, and scrapes the API server."""

import json
import socket
import subprocess
import urllib.request

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: apiserver
  scheme: https
  authorization: {{credentials_file: {token}}}
  tls_config: {{ca_file: {ca}}}
  kubernetes_sd_configs: [{{role: endpoints, kubeconfig_file: {kubeconfig}, namespaces: {{names: [default]}}}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_service_name], regex: kubernetes, action: keep}}
{discoveries}
"""
DISCOVERY = """
- job_name: {role}
  kubernetes_sd_configs: [{{role: {role}, kubeconfig_file: {kubeconfig}}}]
"""
ROLES = ("node", "pod", "service", "endpointslice", "ingress")


@pytest.fixture
def prometheus(cluster, tmp_path):
    """A running Prometheus that knows the cluster; gives its URL."""
    cluster.kubectl("create", "serviceaccount", "prometheus", check=False)
    binding = ["create", "clusterrolebinding", "prometheus", "--clusterrole=cluster-admin"]
    cluster.kubectl(*binding, "--serviceaccount=default:prometheus", check=False)
    token, ca, config = tmp_path / "token", tmp_path / "ca.crt", tmp_path / "prometheus.yml"
    token.write_text(cluster.kubectl("create", "token", "prometheus").stdout.strip())
    ca.write_text(cluster.get("configmap", "kube-root-ca.crt", "-n", "default")["data"]["ca.crt"])
    discoveries = "".join(DISCOVERY.format(role=role, kubeconfig=cluster.kubeconfig) for role in ROLES)
    config.write_text(CONFIG.format(token=token, ca=ca, kubeconfig=cluster.kubeconfig, discoveries=discoveries))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = tmp_path / "prometheus.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address={address}"],
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    yield f"http://{address}"
    process.terminate()
    process.wait(20)


def test_prometheus_discovers_the_cluster_and_scrapes_the_api_server(cluster, namespace, prometheus):
    def ask(path):
        try:
            with urllib.request.urlopen(f"{prometheus}/api/v1/{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def targets(job):
        found = ask("targets?state=active")
        return [each for each in (found or {}).get("activeTargets", ()) if each["labels"]["job"] == job]

    cluster.kubectl(
        "run", "seen", "-n", namespace, "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--port=8000",
        "--command", "--", "sleep", "1000",
    )  # fmt: skip
    cluster.kubectl("create", "ingress", "site", "-n", namespace, "--rule=a.example/=kubernetes:443")
    scraped = cluster.wait(
        "the API server is scraped",
        lambda: [each for each in targets("apiserver") if each["health"] == "up"],
        limit_s=30,
    )
    assert scraped[0]["scrapeUrl"].endswith("/metrics")
    count = cluster.wait("requests are counted", lambda: ask("query?query=sum(apiserver_request_total)")["result"])
    assert float(count[0]["value"][1]) > 0
    for role in ROLES:
        cluster.wait(f"role {role} finds something", lambda role=role: targets(role), limit_s=30)
    pods = cluster.wait(
        "the pod is found",
        lambda: [t for t in targets("pod") if t["discoveredLabels"]["__meta_kubernetes_pod_name"] == "seen"],
        limit_s=30,
    )
    assert pods[0]["discoveredLabels"]["__meta_kubernetes_pod_phase"] in ("Pending", "Running")
