"""Prometheus (Debian's package) scrapes the API server as a ServiceAccount.

Debian builds it without Kubernetes discovery, so the target is named; what discovery asks for (lists and watches of
nodes, Services, EndpointSlices, Pods and Ingresses by client-go) is what the other clients here do.
"""

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
  static_configs: [{{targets: ["{server}"]}}]
"""
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: scraper}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
"""


@pytest.fixture
def prometheus(cluster, tmp_path):
    """A running Prometheus that knows the API server; gives its URL."""
    cluster.kubectl("apply", "-f", "-", stdin=ROLE)
    cluster.kubectl("create", "serviceaccount", "prometheus", check=False)
    binding = ["create", "clusterrolebinding", "prometheus", "--clusterrole=scraper"]
    cluster.kubectl(*binding, "--serviceaccount=default:prometheus", check=False)
    token, ca, config = tmp_path / "token", tmp_path / "ca.crt", tmp_path / "prometheus.yml"
    token.write_text(cluster.kubectl("create", "token", "prometheus").stdout.strip())
    ca.write_text(cluster.get("configmap", "kube-root-ca.crt", "-n", "default")["data"]["ca.crt"])
    server = cluster.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}").stdout
    config.write_text(CONFIG.format(token=token, ca=ca, server=server.removeprefix("https://")))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data"]
    with open(tmp_path / "prometheus.log", "wb") as out:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=out, stderr=out)
    yield f"http://{address}"
    process.terminate()
    process.wait(20)


def test_prometheus_scrapes_the_api_server(cluster, prometheus):
    def ask(path):
        try:
            with urllib.request.urlopen(f"{prometheus}/api/v1/{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return {}

    def scraped():
        targets = ask("targets?state=active").get("activeTargets", ())
        assert not any("unauthorized" in target["lastError"] for target in targets), targets
        return [target for target in targets if target["health"] == "up"]

    cluster.wait("the API server is scraped", scraped, limit_s=30)
    found = cluster.wait("requests are counted", lambda: ask("query?query=sum(apiserver_request_total)").get("result"))
    assert float(found[0]["value"][1]) > 0
    buckets = ask("query?query=count(apiserver_request_duration_seconds_bucket)")
    assert float(buckets["result"][0]["value"][1]) > 0
