"""Helm 3 and 4: a chart is installed, upgraded, rolled back and uninstalled, and the cluster follows."""

import json
from pathlib import Path

import pytest
from clients import programs
from e2e.clusters import run

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

CHART = Path(__file__).parent / "chart"


@pytest.fixture(params=[32, 37], ids=["helm3", "helm4"])
def helm(request, cluster, namespace, tmp_path):
    """Helm of one major version, working in the test's namespace with its own home."""
    binary = programs.helm(request.param)

    def call(*arguments, check=True):
        return run(
            binary, "-n", namespace, *arguments, kubeconfig=cluster.kubeconfig, check=check, stdin=None, timeout=120
        )

    return call


def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(cluster, namespace, helm):
    def greeting():
        return cluster.get("configmap", "site", "-n", namespace)["data"]["index.html"]

    def served():
        host = f"http://site.{namespace}/index.html"
        path = f"/api/v1/namespaces/{namespace}/services/site:http/proxy/index.html"
        return cluster.kubectl("get", "--raw", path, check=False).stdout or host

    helm("install", "site", str(CHART), "--wait", "--timeout", "60s", "--set", "greeting=first")
    assert greeting() == "first"
    assert served() == "first"
    listed = json.loads(helm("list", "-o", "json").stdout)
    assert [(each["name"], each["revision"], each["status"]) for each in listed] == [("site", "1", "deployed")]
    assert cluster.get("ingress", "site", "-n", namespace)["spec"]["rules"][0]["host"] == "greeting.example"

    helm(
        "upgrade", "site", str(CHART), "--wait", "--timeout", "60s", "--set", "greeting=second,replicas=2,ingress=false"
    )
    assert greeting() == "second"
    assert cluster.get("deployment", "site", "-n", namespace)["status"]["readyReplicas"] == 2
    assert cluster.kubectl("get", "ingress", "-n", namespace, "-o", "name").stdout == ""
    assert cluster.get("configmap", "site-before", "-n", namespace)["data"]["revision"] == "2"

    helm("rollback", "site", "1", "--wait", "--timeout", "60s")
    assert greeting() == "first"
    history = json.loads(helm("history", "site", "-o", "json").stdout)
    assert [each["status"] for each in history] == ["superseded", "superseded", "deployed"]

    helm("uninstall", "site", "--wait")
    left = cluster.kubectl("get", "deployments,services,ingresses", "-n", namespace, "-o", "name").stdout
    assert left == ""


def test_a_broken_value_is_told_in_the_servers_words(helm):
    refused = helm("install", "site", str(CHART), "--set", "replicas=-1", check=False)
    assert refused.returncode == 1
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in refused.stderr
