"""The etcd component: the watch-store in a directory, served over etcd's v3 API."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Never

from hyperpy.components.etcd.settings import Retention
from hyperpy.components.supervisor import StartFailure
from hyperpy.store.protocol import Unavailable

if TYPE_CHECKING:
    from hyperpy.store.engine.engine import Engine
    from hyperpy.store.etcd_server.limits import Limits
    from hyperpy.store.etcd_server.listener import EtcdListener
    from hyperpy.store.etcd_server.v2.api import V2Api

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    Args:
        data_dir: holds store.db, and v2.db once the v2 API is used.
        listen: addresses to listen on; port 0 picks a free one.
        advertise: client URLs told to clients; none: those it listens on.
        cert_file: the server's certificate in PEM form, and `key_file` its key, for https addresses.
        trusted_ca_file: with it, clients must show a certificate that it signed.
        datastore_endpoint: a PostgreSQL that keeps the keys instead, without the v2 API; "": the data directory does.
        peer_urls: told in the list of members.
        retention: what automatic compaction keeps.
        limits: of requests and of the database; None: etcd's defaults.
        idle_flags: flags that were given and mean nothing here, to be told so.
    """

    data_dir: Path
    listen: Sequence[Address]
    advertise: Sequence[str] = ()
    name: str = "default"
    cert_file: str = ""
    key_file: str = ""
    trusted_ca_file: str = ""
    datastore_endpoint: str = field(default="", repr=False)  # it may hold a password
    peer_urls: Sequence[str] = ()
    retention: Retention = field(default_factory=Retention)
    limits: Limits | None = None
    idle_flags: Sequence[str] = ()


class Etcd:
    """See `supervisor.Component`. It owns the store and its listeners."""

    name = "etcd"

    def __init__(self, options: Options) -> None:
        self._options = options
        self.urls: Sequence[str] = ()

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Serve until cancelled. Raises StartFailure."""
        from hyperpy.store.engine import options as store_options
        from hyperpy.store.opening import open_store

        tls = self._tls()
        file = self._options.data_dir / "store.db"
        endpoint = self._options.datastore_endpoint
        keep = self._options.retention
        kept = store_options.Options(
            keep_revisions=keep.keep_revisions, keep_s=keep.keep_s, compact_every_s=keep.every_s
        )
        try:
            store = await open_store(endpoint or file, options=kept)
        except Unavailable as error:
            raise StartFailure(str(error)) from error
        parts: list[EtcdListener | V2Api] = []
        try:
            await self._serve(parts, store, file, tls)
            log.info("etcd v3 is served at %s from %s", ", ".join(self.urls), "PostgreSQL" if endpoint else file)
            if self._options.idle_flags:
                log.info("%s: without meaning here, for there is one member only", ", ".join(self._options.idle_flags))
            ready()
            await asyncio.Event().wait()
            raise AssertionError("the wait ends by cancellation only")
        finally:
            for part in reversed(parts):
                await part.aclose()
            await store.aclose()

    async def _serve(
        self, parts: list[EtcdListener | V2Api], store: Engine, file: Path, tls: ssl.SSLContext | None
    ) -> None:
        from hyperpy.components.etcd.metrics import teller
        from hyperpy.store.etcd_server.identity import ETCD_VERSION, Identity
        from hyperpy.store.etcd_server.limits import Gate, Limits
        from hyperpy.store.etcd_server.listener import EtcdListener
        from hyperpy.store.etcd_server.v2.api import V2Api

        urls = list(self._options.advertise)
        identity = Identity(self._options.name, urls, self._options.peer_urls)
        limits = self._options.limits or Limits()
        gate, v2, scratch = Gate(replace(limits, quota_bytes=-1), lambda: 0), None, None
        if not self._options.datastore_endpoint:  # what follows is of files
            gate, scratch = Gate(limits, lambda: file.stat().st_size), file.parent
            v2 = V2Api(file.with_name("v2.db"), identity)
            parts.append(v2)
            try:
                await v2.start()
            except Unavailable as error:
                raise StartFailure(str(error)) from error
        metrics = teller(store, version=ETCD_VERSION)
        for address in self._options.listen:
            listener = EtcdListener(store, identity, gate, v2=v2, scratch=scratch, metrics=metrics)
            try:
                port = await listener.start(address.host, address.port, tls=tls if address.secure else None)
            except OSError as error:
                reason = error.strerror or error
                raise StartFailure(f"etcd cannot listen on {address}: {reason}; choose another address") from error
            parts.append(listener)
            self.urls = [*self.urls, str(Address(address.host, port, address.secure))]
        urls += () if self._options.advertise else self.urls

    def _tls(self) -> ssl.SSLContext | None:
        if not any(address.secure for address in self._options.listen):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self._options.cert_file, self._options.key_file)
            if self._options.trusted_ca_file:
                context.load_verify_locations(self._options.trusted_ca_file)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise StartFailure(
                f"the TLS files cannot be used: {error}; check --cert-file, --key-file and --trusted-ca-file"
            ) from error
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context
