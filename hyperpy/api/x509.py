"""Reads certificate requests and certificates (PEM): the only file of `api` that knows `cryptography`.

Texts are those of the API server (Go's crypto/x509). The library is loaded with the first request or certificate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n((?:[A-Za-z0-9-]+: [^\n]*\r?\n)*)(.*?)-----END \1-----", re.DOTALL
)
_REQUEST, _CERTIFICATE = b"CERTIFICATE REQUEST", b"CERTIFICATE"
#: The kind of a public key -> what is said of a signature that is not its own.
_VERIFICATION = {"RSAPublicKey": "crypto/rsa: verification error", "ECPublicKey": "x509: ECDSA verification failure"}


class Unreadable(Exception):
    """The data is not what it should be; the text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a certificate request asks for: whose name, and which others beside it, as text."""

    common_name: str
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def read_request(pem: bytes) -> Asked:
    """What a certificate request asks for. Raises Unreadable."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = _request(pem)
    names = [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        others = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        others = x509.SubjectAlternativeName([])
    except ValueError as error:
        raise Unreadable(f"x509: malformed extensions: {error}") from error
    return Asked(
        common_name=names[-1] if names else "",
        organizations=tuple(organizations(pem)),
        dns_names=tuple(others.get_values_for_type(x509.DNSName)),
        ip_addresses=tuple(str(each) for each in others.get_values_for_type(x509.IPAddress)),
        emails=tuple(others.get_values_for_type(x509.RFC822Name)),
        uris=tuple(others.get_values_for_type(x509.UniformResourceIdentifier)),
    )


def expiry(pem: bytes) -> float:
    """Until when the first certificate is valid, in seconds since the epoch. Raises Unreadable."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
    except ValueError as error:
        raise Unreadable(f"x509: malformed certificate: {error}") from error


def check_request(pem: bytes) -> None:
    """Make sure that these bytes hold a certificate request whose signature is good. Raises Unreadable."""
    request = _request(pem)
    try:
        good = request.is_signature_valid
    except Exception as error:  # the library raises many kinds, each for one algorithm it does not know
        raise Unreadable(f"x509: cannot verify signature: {error}") from error
    if not good:
        key = type(request.public_key()).__name__
        raise Unreadable(_VERIFICATION.get(key, "x509: Ed25519 verification failure"))


def organizations(pem: bytes) -> list[str]:
    """The organizations of a request's subject: the groups that its certificate would give. Raises Unreadable."""
    from cryptography.x509.oid import NameOID

    found = _request(pem).subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return [str(attribute.value) for attribute in found]


def check_certificates(pem: bytes) -> None:
    """Make sure that these bytes hold certificates in PEM and nothing else. Raises Unreadable."""
    from cryptography import x509

    blocks = _BLOCK.findall(pem)
    for kind, headers, _ in blocks:
        if kind != _CERTIFICATE:
            raise Unreadable(f'only CERTIFICATE PEM blocks are allowed, found "{kind.decode()}"')
        if headers:
            raise Unreadable("no PEM block headers are permitted")
    if not blocks:
        raise Unreadable("must contain at least one CERTIFICATE PEM block")
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Unreadable(f"x509: malformed certificate: {error}") from error


def _request(pem: bytes) -> CertificateSigningRequest:
    from cryptography import x509

    block = _BLOCK.search(pem)
    if block is None or block[1] != _REQUEST:
        raise Unreadable("PEM block type must be CERTIFICATE REQUEST")
    try:
        return x509.load_pem_x509_csr(block[0])
    except ValueError as error:
        raise Unreadable(f"x509: malformed certificate request: {error}") from error
