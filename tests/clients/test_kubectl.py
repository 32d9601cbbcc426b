"""kubectl of every version from 1.27 to 1.37: what its users do all day, with the texts that they read."""

import json
import re
import socket
import subprocess
import time
import urllib.request

import pytest
from clients import programs
from e2e.clusters import home_of, run

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: hyperpy
        imagePullPolicy: IfNotPresent
        command: [python3, -m, http.server, "8000", --bind, 0.0.0.0]
        ports: [{containerPort: 8000}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8000}]
"""

PAGE = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\\n")
server = http.server.HTTPServer(("", 8000), Page)
print("serving", flush=True)
server.serve_forever()
"""


@pytest.fixture(params=programs.KUBECTL, ids=lambda minor: f"v1.{minor}")
def kubectl(request, cluster, namespace):
    """kubectl of one version, working in the test's namespace."""
    binary = programs.kubectl(request.param)

    def call(*arguments, check=True, stdin=None):
        return run(
            binary, "-n", namespace, *arguments, kubeconfig=cluster.kubeconfig, check=check, stdin=stdin, timeout=90
        )

    call.binary, call.namespace, call.kubeconfig = binary, namespace, cluster.kubeconfig
    return call


def test_a_workload_is_applied_watched_scaled_and_deleted(cluster, kubectl):
    applied = kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert applied.stdout.split("\n")[:2] == ["deployment.apps/web created", "service/web created"]
    assert applied.stderr == ""
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT).stdout.split("\n")[0] == "deployment.apps/web unchanged"
    changed = DEPLOYMENT.replace("labels: {app: web}\nspec:\n  replicas: 1", "labels: {app: web}\nspec:\n  replicas: 2")
    assert "deployment.apps/web configured" in kubectl("apply", "-f", "-", stdin=changed).stdout
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=60s").stdout
    shown = kubectl("get", "deployments,services", "-o", "wide").stdout
    assert re.search(r"^deployment.apps/web +2/2 +2 +2 +\S+ +main +hyperpy +app=web$", shown, re.MULTILINE), shown
    assert "deployment.apps/web scaled" in kubectl("scale", "deployment/web", "--replicas=1").stdout
    kubectl("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=1", "--timeout=60s")
    described = kubectl("describe", "deployment", "web").stdout
    assert "ScalingReplicaSet" in described
    assert kubectl("set", "env", "deployment/web", "COLOUR=blue").stdout == "deployment.apps/web env updated\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert "deployment.apps/web rolled back" in kubectl("rollout", "undo", "deployment/web").stdout
    assert "REVISION" in kubectl("rollout", "history", "deployment/web").stdout
    kubectl("delete", "-f", "-", stdin=DEPLOYMENT)
    assert kubectl("get", "deployment", "web", "--ignore-not-found").stdout == ""


def test_a_pod_is_logged_into_and_reached(cluster, kubectl):
    kubectl(
        "run", "box", "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Never", "--command", "--",
        "python3", "-c", PAGE,
    )  # fmt: skip
    kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=60s")
    cluster.wait("the pod serves", lambda: kubectl("logs", "box").stdout.startswith("serving\n"))
    assert kubectl("exec", "-i", "box", "--", "tr", "a-z", "A-Z", stdin="loud").stdout == "LOUD"
    failed = kubectl("exec", "box", "--", "sh", "-c", "exit 3", check=False)
    assert (failed.returncode, failed.stderr) == (3, "command terminated with exit code 3\n")
    with _forwarded(kubectl, "pod/box", 8000) as url:
        assert urllib.request.urlopen(url, timeout=10).read() == b"hello\n"
    kubectl("label", "pod", "box", "colour=red")
    kubectl("annotate", "pod", "box", "note=yes")
    patched = kubectl("patch", "pod", "box", "-p", '{"metadata":{"labels":{"colour":"green"}}}')
    assert patched.stdout == "pod/box patched\n"
    assert kubectl("get", "pods", "-l", "colour=green", "-o", "name").stdout == "pod/box\n"
    assert kubectl("get", "pods", "--field-selector=status.phase=Running", "-o", "name").stdout == "pod/box\n"
    kubectl("delete", "pod", "box", "--grace-period=1")


class _forwarded:
    """`kubectl port-forward` while the block runs; gives the URL of the local end."""

    def __init__(self, kubectl, target, port):
        self._kubectl, self._target, self._port = kubectl, target, port

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            local = free.getsockname()[1]
        command = [self._kubectl.binary, "-n", self._kubectl.namespace, "port-forward", self._target]
        kubeconfig = self._kubectl.kubeconfig
        environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(home_of(kubeconfig)), "PATH": "/usr/bin:/bin"}
        self._process = subprocess.Popen(
            [*command, f"{local}:{self._port}"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        line = self._process.stdout.readline()
        assert b"Forwarding from" in line, line
        return f"http://127.0.0.1:{local}/"

    def __exit__(self, *_):
        self._process.terminate()
        self._process.communicate(timeout=10)


def test_the_api_is_discovered_and_explained(kubectl):
    listed = kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    assert {"pods", "deployments.apps", "horizontalpodautoscalers.autoscaling", "ingresses.networking.k8s.io"} <= {
        *listed
    }
    assert "autoscaling/v2" in kubectl("api-versions").stdout
    explained = kubectl("explain", "deployment.spec.strategy.rollingUpdate").stdout
    assert "maxSurge" in explained and "maxUnavailable" in explained
    assert "VERSION:" in explained and "DESCRIPTION:" in explained
    version = json.loads(kubectl("version", "-o", "json").stdout)
    assert version["serverVersion"]["gitVersion"].startswith("v1.34")
    assert kubectl("auth", "can-i", "create", "pods").stdout == "yes\n"


def test_objects_are_applied_by_the_server(kubectl):
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: '1', b: '1'}\n"
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=config).stdout
    other = config.replace("a: '1', b: '1'", "a: '2'")
    refused = kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=other, check=False)
    assert refused.returncode == 1
    assert 'conflict with "kubectl": .data.a' in refused.stderr
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", stdin=other)
    assert json.loads(kubectl("get", "cm", "shared", "-o", "json").stdout)["data"] == {"a": "2", "b": "1"}
    kubectl("apply", "--server-side", "-f", "-", stdin=config.replace("a: '1', b: '1'", "b: '1'"))
    managers = json.loads(kubectl("get", "cm", "shared", "-o", "json", "--show-managed-fields").stdout)
    assert {each["manager"] for each in managers["metadata"]["managedFields"]} == {"kubectl", "other"}


def test_mistakes_are_told_in_the_known_words(kubectl):
    wrong = DEPLOYMENT.replace("replicas: 1", "replicaz: 1").split("---")[0]
    refused = kubectl("apply", "-f", "-", stdin=wrong, check=False)
    assert refused.returncode == 1
    assert 'unknown field "spec.replicaz"' in refused.stderr
    warned = kubectl("apply", "--validate=warn", "-f", "-", stdin=wrong)
    assert 'Warning: unknown field "spec.replicaz"' in warned.stderr
    missing = kubectl("get", "pod", "none", check=False)
    assert missing.stderr == 'Error from server (NotFound): pods "none" not found\n'
    bad = DEPLOYMENT.split("---")[0].replace("matchLabels: {app: web}", "matchLabels: {app: other}")
    invalid = kubectl("apply", "-f", "-", stdin=bad, check=False)
    assert "`selector` does not match template `labels`" in invalid.stderr


def test_a_watch_shows_changes_as_they_come(cluster, kubectl):
    process = subprocess.Popen(
        [kubectl.binary, "-n", kubectl.namespace, "get", "configmaps", "--watch", "-o", "name"],
        env={"KUBECONFIG": str(cluster.kubeconfig), "HOME": str(home_of(cluster.kubeconfig))},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        kubectl("create", "configmap", "first", "--from-literal=a=1")
        seen = []
        begun = time.monotonic()
        while "configmap/first\n" not in seen and time.monotonic() - begun < 30:
            seen.append(process.stdout.readline())
        assert "configmap/first\n" in seen
    finally:
        process.terminate()
        process.communicate(timeout=10)
