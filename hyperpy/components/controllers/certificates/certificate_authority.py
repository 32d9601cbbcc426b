"""Issues the certificates that requests ask for: of the controllers the only file that knows `cryptography`.

The files are read with every certificate, so that a new authority counts from when it is there.
Source: the API reference of CertificateSigningRequest (usages), RFC 5280.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import Certificate, CertificateBuilder, CertificateSigningRequest

#: Clocks of other machines may be behind: certificates are valid from a little before now.
BACKDATE_S = 300
#: A certificate for less than this is valid for the whole of it; longer ones end by the backdating earlier.
_SHORT_S = 8 * 3600
_BITS = {
    "signing": "digital_signature", "digital signature": "digital_signature", "content commitment":
    "content_commitment", "key encipherment": "key_encipherment", "data encipherment": "data_encipherment",
    "key agreement": "key_agreement", "cert sign": "key_cert_sign", "crl sign": "crl_sign",
    "encipher only": "encipher_only", "decipher only": "decipher_only",
}  # fmt: skip
_PURPOSES = {
    "any": "2.5.29.37.0", "server auth": "1.3.6.1.5.5.7.3.1", "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3", "email protection": "1.3.6.1.5.5.7.3.4", "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5", "ipsec tunnel": "1.3.6.1.5.5.7.3.6", "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8", "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3", "netscape sgc": "2.16.840.1.113730.4.1",
}  # fmt: skip


class CannotSign(Exception):
    """The authority's files cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in two PEM files."""

    cert_file: Path
    key_file: Path

    def check(self) -> None:
        """Make sure that the files are a certificate and its key. Raises CannotSign."""
        self._load()

    def issue(self, request_pem: bytes, *, usages: Iterable[str], now: float, lifetime_s: float) -> bytes:
        """The certificate (PEM) for a request whose signature was checked when it was made.

        Args:
            usages: as CertificateSigningRequests name them.
            lifetime_s: how long it is valid; never longer than the authority.
        Raises:
            CannotSign: the files cannot be used.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        ca, key = self._load()
        request = x509.load_pem_x509_csr(request_pem)
        end = now + lifetime_s - (0 if lifetime_s < _SHORT_S else BACKDATE_S)
        builder = _certificate(request, ca).not_valid_before(_utc(now - BACKDATE_S))
        builder = builder.not_valid_after(min(_utc(end), ca.not_valid_after_utc))
        builder = _with_names(_with_usages(builder, set(usages)), request)
        return builder.sign(key, _hash(key)).public_bytes(Encoding.PEM)

    def _load(self) -> tuple[Certificate, CertificateIssuerPrivateKeyTypes]:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            certificate = x509.load_pem_x509_certificate(_read(self.cert_file))
        except ValueError as error:
            raise CannotSign(f"{self.cert_file} holds no certificate in PEM: {error}") from error
        try:
            key = load_pem_private_key(_read(self.key_file), password=None)
        except (ValueError, TypeError) as error:
            raise CannotSign(f"{self.key_file} holds no private key in PEM without a password: {error}") from error
        if key.public_key() != certificate.public_key():
            raise CannotSign(f"the key in {self.key_file} does not belong to the certificate in {self.cert_file}")
        return certificate, key  # type: ignore[return-value]  # keys of certificates are those that can sign


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotSign(f"{file}: {error.strerror}") from error


def _certificate(request: CertificateSigningRequest, ca: Certificate) -> CertificateBuilder:
    from cryptography import x509

    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    except x509.ExtensionNotFound:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(issuer, critical=False)
    )


def _with_usages(builder: CertificateBuilder, usages: set[str]) -> CertificateBuilder:
    from cryptography import x509

    asked = {_BITS[usage] for usage in usages if usage in _BITS}
    if "key_agreement" not in asked:
        asked -= {"encipher_only", "decipher_only"}  # they say how keys are agreed on, and mean nothing without it
    purposes = sorted({_PURPOSES[usage] for usage in usages if usage in _PURPOSES})
    if asked:
        bits = {bit: bit in asked for bit in _BITS.values()}
        builder = builder.add_extension(x509.KeyUsage(**bits), critical=True)
    if purposes:
        oids = [x509.ObjectIdentifier(purpose) for purpose in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    return builder


def _with_names(builder: CertificateBuilder, request: CertificateSigningRequest) -> CertificateBuilder:
    """The names beside the subject; of what else a request has, nothing is passed on."""
    from cryptography import x509

    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return builder
    kept = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)
    known = [name for name in names if isinstance(name, kept)]
    if not known:
        return builder
    return builder.add_extension(x509.SubjectAlternativeName(known), critical=not list(request.subject))


def _hash(key: CertificateIssuerPrivateKeyTypes) -> SHA256 | None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
