"""The serving certificate of a kubelet that was given none: made once, self-signed, kept under its root directory.

The API server does not check it unless it is told to, as in Kubernetes.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperpy.components.supervisor import StartFailure

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_DAYS = 3650


def context(
    *, cert_file: str, key_file: str, client_ca_file: str, root_dir: Path, hosts: Sequence[str]
) -> ssl.SSLContext:
    """The TLS settings of the server.

    Args:
        cert_file, key_file: `--tls-cert-file`, `--tls-private-key-file`; "": a self-signed pair.
        client_ca_file: whose client certificates are asked for and checked.
        hosts: names and addresses of a self-signed certificate.
    Raises:
        StartFailure: a file cannot be used.
    """
    if not cert_file:
        cert_file, key_file = _self_signed(root_dir / "pki", hosts)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(cert_file, key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise StartFailure(f"--tls-cert-file {cert_file} cannot be used: {error}") from error
    if client_ca_file:
        try:
            tls.load_verify_locations(client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise StartFailure(f"--client-ca-file {client_ca_file} cannot be used: {error}") from error
        tls.verify_mode = ssl.CERT_OPTIONAL
    return tls


def _self_signed(directory: Path, hosts: Sequence[str]) -> tuple[str, str]:
    cert_file, key_file = directory / "kubelet.crt", directory / "kubelet.key"
    if not cert_file.exists() or not key_file.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = _make(hosts)
        handle = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
        cert_file.write_bytes(certificate)
    return str(cert_file), str(key_file)


def _make(hosts: Sequence[str]) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hosts[0][:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(encoding), private


def _general_name(host: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
