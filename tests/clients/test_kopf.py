"""A kopf operator with its own CustomResourceDefinition: made, changed and deleted objects are handled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: greetings.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: greetings, singular: greeting, kind: Greeting, shortNames: [gr]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: To, type: string, jsonPath: .spec.to}
    - {name: Said, type: string, jsonPath: .status.said}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [to]
            properties:
              to: {type: string, minLength: 1}
              times: {type: integer, minimum: 1, default: 1}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
OPERATOR = """
import kopf

@kopf.on.startup()
def settings(settings, **_):
    settings.persistence.finalizer = "example.com/operator"

@kopf.on.create("greetings.example.com")
@kopf.on.update("greetings.example.com", field="spec")
def say(body, spec, patch, **_):
    patch.status["said"] = " ".join(["hello " + spec["to"]] * spec["times"])
    kopf.info(body, reason="Said", message="hello once more")

@kopf.on.delete("greetings.example.com")
def forget(name, **_):
    print("forgot", name, flush=True)
"""


@pytest.fixture
def operator(cluster, namespace, tmp_path):
    """A running operator for the test's namespace."""
    cluster.kubectl("apply", "-f", "-", stdin=CRD)
    cluster.kubectl("wait", "crd/greetings.example.com", "--for=condition=Established", "--timeout=30s")
    (tmp_path / "operator.py").write_text(OPERATOR)
    log = tmp_path / "operator.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "kopf", "run", "-n", namespace, str(tmp_path / "operator.py")],
            env={"KUBECONFIG": str(cluster.kubeconfig), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    yield log
    process.terminate()
    process.wait(20)
    cluster.kubectl("delete", "crd", "greetings.example.com", "--timeout=30s")


def test_an_operator_handles_its_objects(cluster, namespace, operator):
    def greeting():
        return json.loads(cluster.kubectl("get", "gr", "world", "-n", namespace, "-o", "json").stdout)

    def said(text):
        return lambda: greeting().get("status", {}).get("said") == text

    body = {"apiVersion": "example.com/v1", "kind": "Greeting", "metadata": {"name": "world"}, "spec": {"to": "world"}}
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(body))
    cluster.wait("the operator answers", said("hello world"), limit_s=30)
    assert greeting()["spec"]["times"] == 1
    assert greeting()["metadata"]["finalizers"] == ["example.com/operator"]
    cluster.kubectl("patch", "gr", "world", "-n", namespace, "--type=merge", "-p", '{"spec":{"times":2}}')
    cluster.wait("the operator answers again", said("hello world hello world"), limit_s=30)
    shown = cluster.kubectl("get", "gr", "-n", namespace).stdout.split("\n")
    assert shown[0].split() == ["NAME", "TO", "SAID"]
    assert shown[1].split() == ["world", "world", "hello", "world", "hello", "world"]
    refused = cluster.kubectl(
        "patch", "gr", "world", "-n", namespace, "--type=merge", "-p", '{"spec":{"times":0}}', check=False
    )
    assert "spec.times in body should be greater than or equal to 1" in refused.stderr
    cluster.kubectl("delete", "gr", "world", "-n", namespace, "--timeout=30s")
    assert "forgot world" in operator.read_text()
    events = cluster.kubectl("get", "events", "-n", namespace).stdout
    assert "greeting/world   hello once more" in events
