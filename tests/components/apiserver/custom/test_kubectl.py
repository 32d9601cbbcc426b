"""Custom kinds as kubectl's users meet them: a real server, the real kubectl, definitions as operators ship them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
CERTIFICATE = """
apiVersion: certs.example.io/v1
kind: Certificate
metadata: {name: web}
spec:
  secretName: web-tls
  dnsNames: [a.example.com]
  issuerRef: {name: ca}
"""
EXAMPLE = """
apiVersion: operators.example.dev/v1
kind: Example
metadata: {name: one}
spec: {duration: 1m, replicas: 1, anything: {goes: [here]}}
"""


def columns(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


async def test_the_life_of_a_certificate(kubectl: Any) -> None:
    await kubectl("apply", "-f", str(HERE / "certificates.yaml"))
    assert await kubectl("apply", "-f", "-", stdin=CERTIFICATE) == "certificate.certs.example.io/web created\n"
    assert await kubectl("apply", "-f", "-", stdin=CERTIFICATE) == "certificate.certs.example.io/web unchanged\n"
    shown = await kubectl("get", "cert", "web", "-o", "jsonpath={.spec.privateKey}{.spec.issuerRef}")
    assert shown == '{"algorithm":"RSA","size":2048}{"kind":"Issuer","name":"ca"}'

    ready = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    await kubectl("patch", "cert", "web", "--subresource=status", "--type=merge", "-p", ready)
    assert await kubectl("wait", "cert/web", "--for=condition=Ready", "--timeout=5s")
    head, row = columns(await kubectl("get", "certs", "-o", "wide"))
    assert (head, row[:4]) == (["NAME", "READY", "SECRET", "ISSUER", "AGE"], ["web", "True", "web-tls", "ca"])
    assert "web" in await kubectl("get", "cert", "--field-selector", "spec.secretName=web-tls")
    assert "No resources" in await kubectl("get", "cert", "--field-selector", "spec.secretName=other")
    assert "web" in await kubectl("get", "certs", "-A")
    assert "a.example.com" in await kubectl("describe", "certificate", "web")


async def test_what_is_wrong_with_a_certificate_is_said(kubectl: Any) -> None:
    await kubectl("apply", "-f", str(HERE / "certificates.yaml"))
    bad = CERTIFICATE.replace("dnsNames: [a.example.com]", "duration: soon").replace("web}", "bad}")
    assert await kubectl("apply", "-f", "-", stdin=bad, fails=True) == (
        'The Certificate "bad" is invalid: \n'
        '* spec.duration: Invalid value: "soon": spec.duration in body must be of type duration: "soon"\n'
        "* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct "
        "the existing errors to complete validation\n"
    )
    bad = bad.replace("duration: soon", "duration: 1h")
    assert await kubectl("apply", "-f", "-", stdin=bad, fails=True) == (
        'The Certificate "bad" is invalid: spec: Invalid value: "object": commonName or dnsNames must be set\n'
    )
    unknown = CERTIFICATE.replace("secretName", "secret: x\n  secretName").replace("web}", "bad}")
    said = await kubectl("apply", "-f", "-", stdin=unknown, fails=True)
    assert 'strict decoding error: unknown field "spec.secret"' in said
    await kubectl("apply", "-f", "-", stdin=CERTIFICATE)
    moved = CERTIFICATE.replace("web-tls", "other")
    assert await kubectl("apply", "-f", "-", stdin=moved, fails=True) == (
        'The Certificate "web" is invalid: spec.secretName: Invalid value: "string": secretName cannot be changed\n'
    )


async def test_explain_reads_the_schema(kubectl: Any) -> None:
    await kubectl("apply", "-f", str(HERE / "certificates.yaml"))
    text = await kubectl("explain", "certificate.spec")
    assert text.startswith("GROUP:      certs.example.io\nKIND:       Certificate\nVERSION:    v1\n")
    assert "What the certificate is to be." in text
    assert "  secretName\t<string> -required-" in text
    assert "The names that the certificate is for." in await kubectl("explain", "cert.spec.dnsNames")
    assert "algorithm\t<string>\n  enum: RSA, ECDSA, Ed25519" in await kubectl("explain", "cert.spec.privateKey")


async def test_server_side_apply_finds_the_items_of_a_map(kubectl: Any) -> None:
    await kubectl("apply", "-f", str(HERE / "certificates.yaml"))
    body = CERTIFICATE.replace("name: web}", "name: ssa}")
    for manager, name in (("one", "a"), ("two", "b")):
        status = f"status: {{conditions: [{{type: {name}, status: 'True'}}]}}\n"
        await kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=body)
        await kubectl(
            "apply", "--server-side", "--subresource=status", f"--field-manager={manager}", "-f", "-",
            stdin=body + status,
        )  # fmt: skip
    assert await kubectl("get", "cert", "ssa", "-o", "jsonpath={.status.conditions[*].type}") == "a b"


async def test_the_life_of_an_operators_objects(kubectl: Any) -> None:
    await kubectl("create", "-f", str(HERE / "operator.yaml"))
    assert await kubectl("create", "-f", "-", stdin=EXAMPLE) == "example.operators.example.dev/one created\n"
    assert columns(await kubectl("get", "exa")) == [["NAME", "DURATION", "CHILDREN"], ["one", "1m"]]
    peering = '{"apiVersion":"operators.example.dev/v1","kind":"ClusterPeering","metadata":{"name":"p"}}'
    await kubectl("create", "-f", "-", stdin=peering)
    merge = '{"status":{"me":{"lastseen":"now"},"create_fn":{"children":["a"]}}}'
    await kubectl("patch", "clusterpeering", "p", "--type=merge", "-p", merge)
    await kubectl("patch", "exa", "one", "--type=merge", "-p", merge)
    assert columns(await kubectl("get", "ex"))[1] == ["one", "1m", '["a"]']
    assert "scaled" in await kubectl("scale", "example/one", "--replicas=3")
    assert await kubectl("get", "exa", "one", "-o", "jsonpath={.spec.replicas}") == "3"
    said = await kubectl("patch", "exa", "one", "-p", "{}", fails=True)
    assert "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml" in said
    old = await kubectl("get", "examples.v1alpha1.operators.example.dev")
    assert old.startswith("Warning: operators.example.dev/v1alpha1 Example is deprecated\n")
    resources = await kubectl("api-resources", "--api-group=operators.example.dev")
    assert ["examples", "exa,ex", "operators.example.dev/v1", "true", "Example"] in columns(resources)
    assert ["clusterpeerings", "operators.example.dev/v1", "false", "ClusterPeering"] in columns(resources)

    await kubectl("patch", "exa", "one", "--type=merge", "-p", '{"metadata":{"finalizers":["example.dev/hold"]}}')
    await kubectl("delete", "crd", "examples.operators.example.dev", "--wait=false")
    assert "Terminating" in await kubectl("get", "crd", "examples.operators.example.dev", "-o", "yaml")
    await kubectl("patch", "exa", "one", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    await kubectl("wait", "--for=delete", "crd/examples.operators.example.dev", "--timeout=10s")
    left = await kubectl("get", "--raw", "/apis/operators.example.dev/v1")
    assert '"clusterpeerings"' in left
    assert '"examples"' not in left


async def test_a_definition_that_is_wrong_is_told(kubectl: Any) -> None:
    bad = (
        (HERE / "certificates.yaml").read_text().replace("commonName: {type: string, maxLength: 64}", "commonName: {}")
    )
    said = await kubectl("create", "-f", "-", stdin=bad.replace("certificates", "others"), fails=True)
    assert said == (
        'The CustomResourceDefinition "others.certs.example.io" is invalid: spec.validation.openAPIV3Schema.properties'
        "[spec].properties[commonName].type: Required value: must not be empty for specified object fields\n"
    )
