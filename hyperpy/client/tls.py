"""TLS towards an API server, as a kubeconfig describes it: whom to trust, and who we are."""

from __future__ import annotations

import os
import ssl
import tempfile

from hyperpy.client.kubeconfig import ClusterAccess


def context(access: ClusterAccess) -> ssl.SSLContext:
    """The TLS settings of an access.

    Raises:
        ssl.SSLError: a certificate or key cannot be read.
    """
    if access.insecure:
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
    else:
        settings = ssl.create_default_context(cadata=access.ca_pem.decode() if access.ca_pem else None)
    if access.cert_pem and access.key_pem:
        _load_client_certificate(settings, access.cert_pem + b"\n" + access.key_pem)
    return settings


def _load_client_certificate(settings: ssl.SSLContext, pem: bytes) -> None:
    """The ssl module reads certificates from files only: a private one lives for this call."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        settings.load_cert_chain(path)
    finally:
        os.unlink(path)
