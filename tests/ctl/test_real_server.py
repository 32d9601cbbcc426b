"""ctl against a real API server process over TLS: the life of a few objects."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HYPERPY = [sys.executable, "-m", "hyperpy"]
Ctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ctl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ctl]:
    """Runs ctl with the admin's kubeconfig of a server of its own."""
    data = tmp_path_factory.mktemp("ctl") / "data"
    command = [*HYPERPY, "apiserver", "--data-dir", str(data), "--secure-port", "0", "--bind-address", "127.0.0.1"]
    with open(data.parent / "log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": str(data / "kubeconfig")}
        return subprocess.run(
            [*HYPERPY, "ctl", *args],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    try:
        end = time.monotonic() + 20
        while not (data / "kubeconfig").exists() or run("get", "ns", "default").returncode:
            assert server.poll() is None and time.monotonic() < end, (data.parent / "log").read_text()
            time.sleep(0.1)
        yield run
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "i:1", ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
      - {name: d, image: "j:1"}
"""


def test_apply_leads_a_deployment_from_one_manifest_to_the_next(ctl: Ctl) -> None:
    assert ctl("apply", "-f", "-", stdin=MANIFEST).stdout == "deployment.apps/web created\n"
    assert ctl("apply", "-f", "-", stdin=MANIFEST).stdout == "deployment.apps/web unchanged\n"
    assert ctl("scale", "deploy/web", "--replicas=5").stdout == "deployment.apps/web scaled\n"
    changed = (
        MANIFEST.replace("i:1", "i:2").replace(', env: [{name: A, value: "1"}]', "").replace("  replicas: 2\n", "")
    )
    changed = changed.replace('      - {name: d, image: "j:1"}\n', "")
    assert ctl("apply", "-f", "-", stdin=changed).stdout == "deployment.apps/web configured\n"
    shown = ctl(
        "get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image} {..env} {.spec.replicas}"
    )
    assert shown.stdout == "i:2  1"
    assert ctl("get", "deploy", "-o", "wide").stdout.splitlines()[1].split()[:2] == ["web", "0/1"]
    assert ["Image:", "i:2"] in [line.split() for line in ctl("describe", "deploy", "web").stdout.splitlines()]
    assert ctl("delete", "deploy", "web").stdout == 'deployment.apps "web" deleted\n'
    assert ctl("get", "deploy").stderr == "No resources found in default namespace.\n"


def test_a_service_is_exposed_labelled_and_deleted(ctl: Ctl) -> None:
    ctl("apply", "-f", "-", stdin=MANIFEST.replace("name: web", "name: pub"))
    assert ctl("expose", "deploy", "pub", "--type=NodePort", "--name=front").stdout == "service/front exposed\n"
    assert ctl("label", "svc", "front", "tier=1").stdout == "service/front labeled\n"
    listed = ctl("get", "svc", "-l", "tier=1", "--no-headers").stdout.split()
    assert listed[:2] == ["front", "NodePort"]
    assert listed[4].startswith("80:")
    assert ctl("delete", "svc,deploy", "-l", "app=web").stdout.count("deleted") == 2


def test_an_invalid_object_is_refused_with_its_causes(ctl: Ctl) -> None:
    manifest = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A_b"}}'
    refused = ctl("create", "-f", "-", stdin=manifest)
    assert refused.returncode == 1
    assert refused.stderr.startswith('The ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b"')
    refused = ctl("create", "-f", "-", stdin=manifest.replace("A_b", "ab").replace('"kind"', '"datum":{},"kind"'))
    assert 'strict decoding error: unknown field "datum"' in refused.stderr


def test_a_wrong_identity_is_told(ctl: Ctl, tmp_path: Path) -> None:
    missing = ctl("get", "pods", "--kubeconfig", str(tmp_path / "none"))
    assert missing.returncode == 1
    assert missing.stderr == f"error: kubeconfig {tmp_path}/none: no such file\n"
    assert ctl("get", "cm", "nope").stderr == 'Error from server (NotFound): configmaps "nope" not found\n'


def test_server_side_apply_tells_conflicts_and_takes_fields_by_force(ctl: Ctl) -> None:
    manifest = MANIFEST.replace("name: web", "name: ours")
    apply = ("apply", "--server-side", "-f", "-")
    assert ctl(*apply, stdin=manifest).stdout == "deployment.apps/ours serverside-applied\n"
    assert ctl("scale", "deploy/ours", "--replicas=5").returncode == 0
    refused = ctl(*apply, stdin=manifest)
    assert refused.stderr.startswith(
        'error: Apply failed with 1 conflict: conflict with "hyperpy-ctl" with subresource "scale" using apps/v1: '
        ".spec.replicas\nOther managers own the fields above."
    )
    assert ctl(*apply, "--force-conflicts", stdin=manifest).returncode == 0
    shown = ctl("get", "deploy", "ours", "-o", "jsonpath={.spec.replicas}")
    assert shown.stdout == "2"
    assert ctl("apply", "--force-conflicts", "-f", "-", stdin=manifest).stderr.startswith(
        "error: --force-conflicts only works with --server-side"
    )
    assert "managedFields" not in ctl("get", "deploy", "ours", "-o", "yaml").stdout


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget, shortNames: [gd]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
"""
GADGET = """
apiVersion: example.com/v1
kind: Gadget
metadata: {name: g}
spec: {size: 3, parts: [{name: a}, {name: b}]}
"""


def test_custom_kinds_are_applied_by_merge_patches_and_shown_in_their_columns(ctl: Ctl) -> None:
    assert ctl("apply", "-f", "-", stdin=f"{DEFINITION}---{GADGET}").stdout == (
        "customresourcedefinition.apiextensions.k8s.io/gadgets.example.com created\ngadget.example.com/g created\n"
    )
    assert ctl("apply", "-f", "-", stdin=GADGET).stdout == "gadget.example.com/g unchanged\n"
    changed = GADGET.replace("[{name: a}, {name: b}]", "[{name: b}]").replace("size: 3, ", "")
    assert ctl("apply", "-f", "-", stdin=changed).stdout == "gadget.example.com/g configured\n"
    assert ctl("get", "gd", "g", "-o", "jsonpath={.spec}").stdout == '{"parts":[{"name":"b"}]}'
    assert ctl("get", "gadgets").stdout.split() == ["NAME", "SIZE", "g", "<none>"]
    assert ctl("delete", "crd", "gadgets.example.com").returncode == 0
    assert "doesn't have a resource type" in ctl("get", "gadgets").stderr
