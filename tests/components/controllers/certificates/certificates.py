"""Certificate requests of clients, and an authority that answers them."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.controllers.certificates.certificate_authority import Authority

START = 1_700_000_000.0
KEY = ec.generate_private_key(ec.SECP256R1())
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
CLIENT_USAGES = ("client auth", "digital signature")


def authority(directory: Path) -> Authority:
    """A new authority in two files."""
    pair = certificates.make_authority("test-ca", now=START - 86_400, lifetime_s=3650 * 86_400)
    made = Authority(directory / "ca.crt", directory / "ca.key")
    made.cert_file.write_bytes(pair.certificate)
    made.key_file.write_bytes(pair.key)
    return made


def pem(
    common_name: str = "system:node:n1",
    *organizations: str,
    hosts: Sequence[str] = (),
    emails: Sequence[str] = (),
    uris: Sequence[str] = (),
) -> bytes:
    """A request in PEM; without organizations it is for `system:nodes`."""
    oid = x509.NameOID
    groups = organizations or ("system:nodes",)
    name = [x509.NameAttribute(oid.ORGANIZATION_NAME, each) for each in groups]
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([*name, x509.NameAttribute(oid.COMMON_NAME, common_name)])
    )
    names: list[x509.GeneralName] = [_host(each) for each in hosts]
    names += [x509.RFC822Name(each) for each in emails]
    names += [x509.UniformResourceIdentifier(each) for each in uris]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request(name: str, asked: bytes, *, signer: str = KUBELET_CLIENT, **spec: Any) -> dict[str, Any]:
    """A CertificateSigningRequest."""
    known = {"request": base64.b64encode(asked).decode(), "signerName": signer, "usages": list(CLIENT_USAGES)}
    return {"metadata": {"name": name}, "spec": {**known, **spec}}


def issued(found: dict[str, Any]) -> x509.Certificate | None:
    """The certificate in a CertificateSigningRequest."""
    text = (found.get("status") or {}).get("certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(text)) if text else None


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
