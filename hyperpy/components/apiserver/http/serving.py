"""TLS of the secure port: which certificate is shown, and whose client certificates are believed."""

from __future__ import annotations

import ssl
from pathlib import Path

from hyperpy.components.apiserver.authn.requestheader import Peers
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.apiserver.options import Options, serving_hosts
from hyperpy.components.supervisor import StartFailure


def context(options: Options, pki: Pki) -> ssl.SSLContext:
    """The server's TLS: 1.2 and later, client certificates welcome and not required.

    Raises:
        StartFailure: a file of the options cannot be used.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.set_alpn_protocols(["http/1.1"])
    tls.num_tickets = 0  # clients keep connections; resuming a session would only cost both sides
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.load_verify_locations(pki.ca_file)
    if options.client_ca_file is not None:
        try:
            tls.load_verify_locations(options.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise StartFailure(f"--client-ca-file: cannot use {options.client_ca_file}: {_why(error)}") from error
    tls.load_verify_locations(options.request_header(pki).ca_file)
    if options.tls_cert_file is not None and options.tls_private_key_file is not None:
        try:
            tls.load_cert_chain(options.tls_cert_file, options.tls_private_key_file)
        except (OSError, ssl.SSLError) as error:
            raise StartFailure(
                f"--tls-cert-file, --tls-private-key-file: cannot use {options.tls_cert_file} with "
                f"{options.tls_private_key_file}: {_why(error)}"
            ) from error
    else:
        own = pki.server("apiserver", title="kube-apiserver", hosts=serving_hosts(options))
        tls.load_cert_chain(own.cert_file, own.key_file)
    return tls


def headers(options: Options) -> dict[str, str]:
    """What is sent with every answer besides the usual."""
    directives = options.strict_transport_security
    return {"Strict-Transport-Security": "; ".join(directives)} if directives else {}


def peers(options: Options, pki: Pki) -> Peers:
    """Who is known by a client certificate, and who speaks for others. Raises StartFailure."""
    return Peers(options.request_header(pki), client_authorities=client_authorities(options, pki))


def client_authorities(options: Options, pki: Pki) -> bytes:
    """The certificates of those whose client certificates name users. Raises StartFailure."""
    if options.client_ca_file is None:
        return pki.ca_pem
    try:
        return pki.ca_pem + options.client_ca_file.read_bytes()
    except OSError as error:
        raise StartFailure(f"--client-ca-file: cannot use {options.client_ca_file}: {_why(error)}") from error


def trusted_by_clients(options: Options, pki: Pki) -> bytes:
    """The certificates by which clients know this server: the cluster's authority, and a given serving chain."""
    if options.tls_cert_file is None:
        return pki.ca_pem
    return pki.ca_pem + Path(options.tls_cert_file).read_bytes()


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not PEM, or not a pair ({error.reason or error})"
    return error.strerror or str(error)
