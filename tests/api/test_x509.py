"""Certificate requests and certificates as the API server reads them."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hyperpy.api import x509

NAME = library.Name([
    library.NameAttribute(NameOID.COMMON_NAME, "jane"), library.NameAttribute(NameOID.ORGANIZATION_NAME, "dev"),
])  # fmt: skip
KEY = ec.generate_private_key(ec.SECP256R1())
REQUEST = library.CertificateSigningRequestBuilder().subject_name(NAME).sign(KEY, hashes.SHA256())
REQUEST_PEM = REQUEST.public_bytes(serialization.Encoding.PEM)


def certificate() -> bytes:
    now = datetime.datetime(2020, 1, 1)
    builder = library.CertificateBuilder(
        NAME, NAME, KEY.public_key(), library.random_serial_number(), now, now + datetime.timedelta(days=1)
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_good_request_is_read() -> None:
    x509.check_request(REQUEST_PEM)
    assert x509.organizations(REQUEST_PEM) == ["dev"]


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        pytest.param(b"", "PEM block type must be CERTIFICATE REQUEST", id="nothing"),
        pytest.param(b"\xff\x00", "PEM block type must be CERTIFICATE REQUEST", id="noise"),
        pytest.param(certificate(), "PEM block type must be CERTIFICATE REQUEST", id="certificate"),
        pytest.param(
            b"-----BEGIN CERTIFICATE REQUEST-----\nYWJj\n-----END CERTIFICATE REQUEST-----\n",
            "x509: malformed",
            id="asn1",
        ),
    ],
)
def test_what_is_no_request_is_unreadable(pem: bytes, why: str) -> None:
    with pytest.raises(x509.Unreadable, match=why):
        x509.check_request(pem)


def test_a_request_signed_by_another_key_is_unreadable() -> None:
    raw = bytearray(REQUEST.public_bytes(serialization.Encoding.DER))
    at = raw.index(b"jane")
    raw[at : at + 4] = b"john"
    forged = library.load_der_x509_csr(bytes(raw)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(x509.Unreadable, match="x509: ECDSA verification failure"):
        x509.check_request(forged)


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        pytest.param(b"abc", "must contain at least one CERTIFICATE PEM block", id="no block"),
        pytest.param(REQUEST_PEM, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"', id="request"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\na: b\n\nYWJj\n-----END CERTIFICATE-----\n",
            "no PEM block headers",
            id="headers",
        ),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n", "x509: malformed", id="asn1"),
    ],
)
def test_what_is_no_certificate_is_unreadable(pem: bytes, why: str) -> None:
    with pytest.raises(x509.Unreadable, match=why):
        x509.check_certificates(pem)


def test_several_certificates_are_read() -> None:
    x509.check_certificates(certificate() + certificate())
