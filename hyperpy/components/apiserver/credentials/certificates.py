"""Makes keys and X.509 certificates: of the API server the only file that knows `cryptography`'s
X.509 side (`api.x509` reads what clients send). Pure apart from randomness.

Every key is ECDSA P-256: made in microseconds, where RSA would add tenths of a second to a first start.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, KeyUsage, Name

#: Clocks of other machines may be behind: certificates are valid from a little before now.
BACKDATE_S = 300
#: RFC 5280 "ub-common-name": longer names cannot be put into a certificate.
MAX_COMMON_NAME = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What a leaf certificate is to say.

    Args:
        common_name: the user name of a client, or a title for a server.
        organizations: the groups of a client.
        hosts: DNS names and IP addresses of a server, as text; empty makes a client certificate.
    """

    common_name: str
    organizations: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM; `not_after` in seconds since the epoch."""

    certificate: bytes
    key: bytes
    not_after: float


def make_key() -> bytes:
    """A new P-256 private key as PEM."""
    return _key_pem(_new_key())


def make_authority(common_name: str, *, now: float, lifetime_s: float) -> KeyPair:
    """A self-signed certificate authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = _new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    not_after = now + lifetime_s
    certificate = (
        _builder(name, name, key, now=now, not_after=not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key, not_after)


def issue(request: Request, *, authority_cert: bytes, authority_key: bytes, now: float, lifetime_s: float) -> KeyPair:
    """A leaf certificate with a new key; it never outlives the authority.

    Raises:
        ValueError: the authority's files are not a certificate and its key, or the common name is too long.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    if len(request.common_name) > MAX_COMMON_NAME:
        raise ValueError(f'the name "{request.common_name}" is longer than {MAX_COMMON_NAME} characters')
    ca = x509.load_pem_x509_certificate(authority_cert)
    ca_key = load_pem_private_key(authority_key, password=None)
    if ca_key.public_key() != ca.public_key():
        raise ValueError("the key does not belong to the certificate")
    key = _new_key()
    not_after = min(now + lifetime_s, ca.not_valid_after_utc.timestamp())
    builder = (
        _builder(_subject(request), ca.subject, key, now=now, not_after=not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([Usage.SERVER_AUTH if request.hosts else Usage.CLIENT_AUTH]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    if request.hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(request.hosts)), critical=False)
    return _pair(builder.sign(ca_key, hashes.SHA256()), key, not_after)  # type: ignore[arg-type]


def issued_by(certificate_der: bytes, authority_pem: bytes) -> bool:
    """Whether a certificate (DER) was signed by an authority (PEM) itself."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    authority = x509.load_pem_x509_certificate(authority_pem)
    try:
        x509.load_der_x509_certificate(certificate_der).verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def expiry(certificate: bytes) -> float:
    """Until when a PEM certificate is valid, in seconds since the epoch. Raises ValueError when it is not one."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _subject(request: Request) -> Name:
    from cryptography import x509

    oid = x509.NameOID
    return x509.Name(
        [
            *(x509.NameAttribute(oid.ORGANIZATION_NAME, group) for group in request.organizations),
            x509.NameAttribute(oid.COMMON_NAME, request.common_name),
        ]
    )


def _names(hosts: Sequence[str]) -> list[GeneralName]:
    from cryptography import x509

    names: list[GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _builder(
    subject: Name, issuer: Name, key: EllipticCurvePrivateKey, *, now: float, not_after: float
) -> CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_utc(now - BACKDATE_S))
        .not_valid_after(_utc(not_after))
    )


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


def _key_usage(*, authority: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pair(certificate: Certificate, key: EllipticCurvePrivateKey, not_after: float) -> KeyPair:
    from cryptography.hazmat.primitives.serialization import Encoding

    return KeyPair(certificate.public_bytes(Encoding.PEM), _key_pem(key), not_after)
