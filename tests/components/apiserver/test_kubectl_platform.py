"""Networking, storage, certificates and discovery as kubectl's users meet them: a real server, the real kubectl."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = pytest.mark.asyncio(loop_scope="module")


MANIFEST = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: plain, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: example.com/c}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {a: b}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: example.com/p
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: csi.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.77, ports: [{port: 80}]}
"""


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


async def test_objects_are_applied_shown_and_deleted(kubectl):
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    await kubectl("create", "ingress", "web", "--rule=a.example.com/=web:80", "--default-backend=web:80")
    shown = rows(await kubectl("get", "ingress,netpol,sc,ipaddress,csidriver"))
    assert ["ingress.networking.k8s.io/web", "plain", "a.example.com", "80", shown[1][-1]] in shown
    assert ["networkpolicy.networking.k8s.io/deny", "a=b", shown[4][-1]] in shown
    assert any(row[:3] == ["storageclass.storage.k8s.io/fast", "(default)", "example.com/p"] for row in shown)
    assert ["ipaddress.networking.k8s.io/10.96.0.77", "services/default/web"] in shown
    assert "Default backend:  web:80" in await kubectl("describe", "ingress", "web")
    assert await kubectl("apply", "-f", "-", stdin=MANIFEST) == (
        "ingressclass.networking.k8s.io/plain unchanged\nnetworkpolicy.networking.k8s.io/deny unchanged\n"
        "storageclass.storage.k8s.io/fast unchanged\ncsidriver.storage.k8s.io/csi.example.com unchanged\n"
        "service/web unchanged\n"
    )
    assert await kubectl("diff", "-f", "-", stdin=MANIFEST) == ""
    await kubectl("delete", "ingress", "web")
    await kubectl("delete", "-f", "-", stdin=MANIFEST)
    assert "10.96.0.77" not in await kubectl("get", "ipaddresses")


async def test_a_certificate_request_is_approved(kubectl):
    key = ec.generate_private_key(ec.SECP256R1())
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = base64.b64encode(built.public_bytes(serialization.Encoding.PEM)).decode()
    manifest = f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: jane}}
spec: {{request: {pem}, signerName: example.com/s, usages: [client auth], expirationSeconds: 86400}}
"""
    await kubectl("create", "-f", "-", stdin=manifest)
    assert rows(await kubectl("get", "csr"))[1][2:] == ["example.com/s", "kubernetes-admin", "24h", "Pending"]
    await kubectl("certificate", "approve", "jane")
    assert rows(await kubectl("get", "csr"))[1][-1] == "Approved"
    assert "Approved" in await kubectl("describe", "csr", "jane")
    assert "is already Approved" in await kubectl("certificate", "deny", "jane", fails=True)


async def test_unknown_fields_are_told_one_warning_each(kubectl):
    bad = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},"dat":{},"x":1}'
    assert await kubectl("create", "-f", "-", "--validate=warn", stdin=bad) == (
        'Warning: unknown field "dat"\nWarning: unknown field "x"\nconfigmap/bad created\n'
    )
    told = await kubectl("create", "-f", "-", "--validate=strict", stdin=bad, fails=True)
    assert 'strict decoding error: unknown field "dat", unknown field "x"' in told
    assert "Warning: v1 ComponentStatus is deprecated in v1.19+" in await kubectl("get", "cs")


async def test_fields_are_explained_from_either_version_of_openapi(kubectl):
    assert "pathType" in await kubectl("explain", "ingress.spec.rules.http.paths")
    assert "pathType" in await kubectl("explain", "ingress", "--recursive")
    old = await kubectl("explain", "ingress.spec.rules.http.paths", "--output=plaintext-openapiv2")
    assert "FIELDS:\n   backend\t<Object> -required-" in old


@pytest.mark.slow
async def test_every_kind_is_explained(kubectl):
    for name in (await kubectl("api-resources", "-o", "name")).split():
        if name != "events.events.k8s.io":  # kubectl takes the dots for fields
            assert "KIND:" in await kubectl("explain", name, "--recursive")


async def test_the_default_flow_schemas_are_shown(kubectl):
    shown = rows(await kubectl("get", "flowschemas", "--sort-by=.spec.matchingPrecedence"))
    assert shown[1][:3] == ["exempt", "exempt", "1"]
    assert all(row[-1] == "False" for row in shown[1:])
