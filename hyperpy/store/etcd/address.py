"""Where the members of an etcd cluster are, and what TLS needs to know."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from hyperpy.store.etcd.failures import Misconfigured


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form: who signed the servers' certificates, and our own certificate and key."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises Misconfigured for a file that cannot be read, and for half a pair."""
        if bool(self.cert) != bool(self.key):
            raise Misconfigured("the TLS files for etcd cannot be used: a client certificate and its key go together")
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(file for file in (self.ca, self.cert, self.key) if file)
            raise Misconfigured(
                f"the TLS files for etcd cannot be used: {error}; check paths and contents of {named}"
            ) from error
        context.set_alpn_protocols(["h2"])
        return context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One member's client address."""

    host: str
    port: int
    secure: bool

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def endpoint_of(address: str) -> Endpoint:
    """Read `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`; IPv6 addresses in brackets. Raises Misconfigured."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port or 2379
    except ValueError:
        host, port = None, 0
    else:
        if parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query or parts.username:
            host = None
    if not host:
        raise Misconfigured(f"the etcd address {address!r} is not of the form http://HOST:PORT or https://HOST:PORT")
    return Endpoint(host, port, parts.scheme == "https")
