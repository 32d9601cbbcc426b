"""Front proxies: who may say in headers for whom a request is, and what the headers say.

A proxy shows a client certificate of its own authority; then `X-Remote-User` and so on are believed. Source:
"Authenticating proxy" in the authentication reference; kube-apiserver's `--requestheader-*` flags.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authn.authentication import AUTHENTICATED, certificate_user
from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.supervisor import StartFailure

_FLAG = "--requestheader-client-ca-file"


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """How front proxies are known and heard.

    Args:
        ca_file: PEM authorities of their certificates.
        allowed_names: common names; empty: every certificate of these authorities.
        username_headers, uid_headers, group_headers: names, the first that has a value counts (of groups: all).
        extra_prefixes: headers that begin so are extras.
    """

    ca_file: Path
    allowed_names: tuple[str, ...] = ()
    username_headers: tuple[str, ...] = ("X-Remote-User",)
    uid_headers: tuple[str, ...] = ("X-Remote-Uid",)
    group_headers: tuple[str, ...] = ("X-Remote-Group",)
    extra_prefixes: tuple[str, ...] = ("X-Remote-Extra-",)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection: the user of its certificate, and whether it speaks for others."""

    user: UserInfo | None = None
    speaks_for_others: bool = False


class Peers:
    """Tells front proxies from other clients. `lasts`, where it is set, is told for each client certificate how many
    seconds it is still good for.

    Args:
        settings: None: nobody speaks for others.
        client_authorities: PEM of the authorities whose certificates name users.
    Raises:
        StartFailure: the authorities of front proxies cannot be used.
    """

    def __init__(self, settings: RequestHeader | None, *, client_authorities: bytes) -> None:
        self.lasts: Callable[[float], None] | None = None
        self._settings = settings
        self._authorities: list[bytes] = []
        self._subjects: list[Any] = []
        self._shared = False
        if settings is not None:
            self._authorities, self._subjects = _read(settings.ca_file)
            self._shared = any(pem.strip() in client_authorities for pem in self._authorities)

    def of(self, transport: Any) -> Peer:
        """The peer of a connection whose handshake is done."""
        certificate = transport.get_extra_info("peercert")
        if not certificate:
            return Peer()
        if self.lasts is not None:
            self.lasts(ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time())
        if self._settings is None or certificate.get("issuer") not in self._subjects:
            return Peer(certificate_user(certificate))
        der = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if not any(certificates.issued_by(der, authority) for authority in self._authorities):
            return Peer(certificate_user(certificate))
        name = _common_name(certificate)
        allowed = not self._settings.allowed_names or name in self._settings.allowed_names
        # A certificate of the proxies' own authority names no user of the cluster.
        return Peer(certificate_user(certificate) if self._shared else None, allowed)

    def named(self, headers: Iterable[tuple[str, str]]) -> UserInfo | None:
        """The user whom the headers of a front proxy name; None when they name nobody."""
        assert self._settings is not None, "nobody speaks for others"
        return user(self._settings, headers)


def user(settings: RequestHeader, headers: Iterable[tuple[str, str]]) -> UserInfo | None:
    """The user whom headers name, or None."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    name = _first(given, settings.username_headers)
    if not name:
        return None
    groups = [group for header in settings.group_headers for group in given.get(header.lower(), ()) if group]
    extra: dict[str, tuple[str, ...]] = {}
    for prefix in settings.extra_prefixes:
        for header, values in given.items():
            if header.startswith(prefix.lower()):
                key = unquote(header[len(prefix) :])
                extra[key] = (*extra.get(key, ()), *values)
    return UserInfo(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))), _first(given, settings.uid_headers), extra)


def _first(given: Mapping[str, Sequence[str]], names: Sequence[str]) -> str:
    for name in names:
        for value in given.get(name.lower(), ()):
            if value:
                return value
    return ""


def _read(path: Path) -> tuple[list[bytes], list[Any]]:
    """The certificates of a PEM file, and their subjects as `getpeercert` gives an issuer."""
    try:
        text = path.read_text()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # among them: not text, no PEM, nothing
        raise StartFailure(f"{_FLAG}: cannot use {path}: {error}") from error
    end = "-----END CERTIFICATE-----"
    blocks = [f"{part}{end}\n" for part in text.split(end) if "-----BEGIN CERTIFICATE-----" in part]
    pems = [block[block.index("-----BEGIN") :].encode() for block in blocks]
    return pems, [each["subject"] for each in context.get_ca_certs()]


def _common_name(certificate: Mapping[str, Any]) -> str:
    for relative in certificate.get("subject", ()):
        for attribute, value in relative:
            if attribute == "commonName":
                return str(value)
    return ""
