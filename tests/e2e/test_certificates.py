"""Certificates that people ask for, with a real kubectl: approved ones log in, denied ones are never made."""

import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]


def asked(cluster, name, key, user):
    subject = [
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "dev"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, user),
    ]
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "expirationSeconds": 3600,
            "usages": ["client auth"],
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def test_a_certificate_that_was_approved_logs_in_and_a_denied_one_is_not_made(embedded, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    asked(embedded, "ann", key, "ann")
    asked(embedded, "bob", key, "bob")
    assert "Pending" in embedded.kubectl("get", "csr", "ann").stdout
    embedded.kubectl("certificate", "deny", "bob")
    embedded.kubectl("certificate", "approve", "ann")
    embedded.kubectl("wait", "csr/ann", "--for=jsonpath={.status.certificate}", "--timeout=30s")
    assert "Approved,Issued" in embedded.kubectl("get", "csr", "ann").stdout
    bob = embedded.get("csr", "bob")
    assert "certificate" not in bob["status"] and bob["status"]["conditions"][0]["type"] == "Denied"
    certificate, private = tmp_path / "ann.crt", tmp_path / "ann.key"
    certificate.write_bytes(base64.b64decode(embedded.get("csr", "ann")["status"]["certificate"]))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    told = embedded.kubectl(
        "auth", "whoami", "-o", "json", f"--client-certificate={certificate}", f"--client-key={private}"
    )
    user = json.loads(told.stdout)["status"]["userInfo"]
    assert (user["username"], user["groups"]) == ("ann", ["dev", "system:authenticated"])
    embedded.kubectl("delete", "csr", "ann", "bob")
