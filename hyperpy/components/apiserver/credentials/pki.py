"""The cluster's own keys and certificates under DATA/pki: made on the first start, reused, renewed in time.

    ca.crt ca.key          the authority          index.json   what was issued, for whom and until when
    NAME.crt NAME.key      a server or a client   sa.key       signs ServiceAccount tokens
    front-proxy-ca.crt …   the authority of the certificate that this server shows to aggregated ones

The index lets a later start reuse everything without loading an X.509 library. Deleting a pair has it issued anew;
putting one's own `ca.crt` and `ca.key` there has everything issued by that authority.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.supervisor import StartFailure

_DAY_S = 86_400
AUTHORITY_LIFETIME_S = 3650 * _DAY_S
LIFETIME_S = 365 * _DAY_S
RENEW_BEFORE_S = 30 * _DAY_S
#: The common name of an API server that asks another one for somebody.
FRONT_PROXY = "front-proxy-client"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of a certificate and its private key, both PEM."""

    cert_file: Path
    key_file: Path

    def cert_pem(self) -> bytes:
        return self.cert_file.read_bytes()

    def key_pem(self) -> bytes:
        return self.key_file.read_bytes()


class Pki:
    """The certificates of one cluster.

    Args:
        directory: made (0700) when missing.
        now: seconds since the epoch.
    Raises:
        StartFailure: the directory cannot be written, or its files are not what they should be.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.ca_file = directory / "ca.crt"
        self.ca_key_file = directory / "ca.key"
        self.front_proxy_ca_file = directory / "front-proxy-ca.crt"
        self.service_account_key_file = directory / "sa.key"
        self._index_file = directory / "index.json"
        self._now = now
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._index = self._read_index()
            self._ensure_authority(self.ca_file, "hyperpy")
            self._ensure_authority(self.front_proxy_ca_file, "hyperpy-front-proxy-ca")
            if not self.service_account_key_file.exists():
                write_private(self.service_account_key_file, certificates.make_key())
            self.ca_pem = self.ca_file.read_bytes()
        except OSError as error:
            raise StartFailure(f"cannot use the keys in {directory}: {error}") from error

    def client(self, name: str, *, user: str, groups: Iterable[str] = ()) -> Credentials:
        """A client certificate for a user of the API, kept as `name.crt` and `name.key`."""
        return self._ensure(name, certificates.Request(user, tuple(groups)))

    def front_proxy(self) -> Credentials:
        """The client certificate of this server as a front proxy."""
        request = certificates.Request(FRONT_PROXY)
        return self._ensure(FRONT_PROXY, request, authority=self.front_proxy_ca_file)

    def server(self, name: str, *, title: str, hosts: Iterable[str]) -> Credentials:
        """A serving certificate for DNS names and IP addresses, kept as `name.crt` and `name.key`."""
        return self._ensure(name, certificates.Request(title, (), tuple(sorted(set(hosts)))))

    def _ensure(self, name: str, request: certificates.Request, *, authority: Path | None = None) -> Credentials:
        found = Credentials(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        authority = authority or self.ca_file
        wanted = self._fingerprint(request, authority)
        entry = self._index.get(name) or {}
        try:
            if entry.get("for") != wanted or not self._fresh(entry) or entry.get("files") != _sum(found):
                self._issue(name, request, found, wanted, authority)
        except OSError as error:
            raise StartFailure(f"cannot keep a certificate in {self.directory}: {error}") from error
        return found

    def _issue(self, name: str, request: certificates.Request, to: Credentials, wanted: str, authority: Path) -> None:
        key_file = authority.with_suffix(".key")
        try:
            pair = certificates.issue(
                request,
                authority_cert=authority.read_bytes(),
                authority_key=key_file.read_bytes(),
                now=self._now(),
                lifetime_s=LIFETIME_S,
            )
        except FileNotFoundError:
            raise StartFailure(
                f'cannot issue a certificate for "{request.common_name}": {key_file} is missing; '
                f"put it back, or remove {self.directory} to start with a new authority"
            ) from None
        except ValueError as error:
            raise StartFailure(
                f'cannot issue a certificate for "{request.common_name}" by {authority}: {error}'
            ) from error
        write_private(to.key_file, pair.key)
        write_private(to.cert_file, pair.certificate)
        self._index[name] = {"for": wanted, "not_after": pair.not_after, "files": _sum(to)}
        self._write_index()

    def _ensure_authority(self, file: Path, title: str) -> None:
        if file.exists():
            return
        pair = certificates.make_authority(title, now=self._now(), lifetime_s=AUTHORITY_LIFETIME_S)
        write_private(file.with_suffix(".key"), pair.key)
        write_private(file, pair.certificate)

    def _fresh(self, entry: dict[str, Any]) -> bool:
        return bool(entry.get("not_after", 0) - self._now() > RENEW_BEFORE_S)

    def _fingerprint(self, request: certificates.Request, authority: Path) -> str:
        said = json.dumps([request.common_name, request.organizations, request.hosts])
        issuer = self.ca_pem if authority == self.ca_file else authority.read_bytes()
        return hashlib.sha256(said.encode() + issuer).hexdigest()

    def _read_index(self) -> dict[str, Any]:
        """What was issued; a damaged index only means that it is issued again."""
        try:
            index = json.loads(self._index_file.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    def _write_index(self) -> None:
        write_private(self._index_file, json.dumps(self._index, indent=1).encode())


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _sum(files: Credentials) -> str:
    try:
        return hashlib.sha256(files.cert_pem() + files.key_pem()).hexdigest()
    except FileNotFoundError:
        return ""
