"""Puts the parts of the handler chain together, by the options."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.aggregation.aggregator import Aggregator
from hyperpy.components.apiserver.authn import authentication
from hyperpy.components.apiserver.authn.authentication import AccountTokens, Authenticator
from hyperpy.components.apiserver.authn.tokens import TokenSigner
from hyperpy.components.apiserver.authz.authorization import AlwaysAllow, Authorizer, RbacAuthorizer
from hyperpy.components.apiserver.chain import Chain
from hyperpy.components.apiserver.credentials import access
from hyperpy.components.apiserver.credentials.pki import Credentials, Pki
from hyperpy.components.apiserver.deadlines import Deadlines
from hyperpy.components.apiserver.documents.discovery import Discovery
from hyperpy.components.apiserver.documents.openapi import OpenApi
from hyperpy.components.apiserver.health import Health
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.apiserver.metrics.access import AccessMetrics
from hyperpy.components.apiserver.metrics.endpoint import MetricsEndpoint
from hyperpy.components.apiserver.metrics.requests import RequestMetrics
from hyperpy.components.apiserver.metrics.server import ServerMetrics
from hyperpy.components.apiserver.observing import Observer
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.registry.metrics import StoredMetrics
from hyperpy.components.apiserver.registry.store_metrics import StoreMetrics
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.components.apiserver.reviews import Reviews
from hyperpy.components.apiserver.routing import Router
from hyperpy.components.apiserver.streams.routes import Streams
from hyperpy.components.apiserver.token_request import TokenRequests
from hyperpy.components.instruments import Instruments
from hyperpy.store.protocol import Measured, Observed, Replicated, Store, StoreError

if TYPE_CHECKING:
    from hyperpy.components.apiserver.audit.auditor import Auditor
    from hyperpy.components.apiserver.audit.backend import Backend


@dataclass(frozen=True, slots=True)
class Parts:
    """The chain, and what must be run beside it or closed after it."""

    chain: Chain
    streams: Streams
    deadlines: Deadlines
    auditing: Backend | None
    access: AccessMetrics


def authorizer(options: Options, informers: Informers) -> Authorizer:
    """Who decides, by `--authorization-mode`."""
    return AlwaysAllow() if "AlwaysAllow" in options.authorization_mode else RbacAuthorizer(informers)


def assemble(
    options: Options,
    resources: ResourceHandler,
    *,
    client: Client,
    authorizer: Authorizer,
    pki: Pki,
    health: Health,
    aggregator: Aggregator,
    slis: Instruments,
    url: str,
    clock: Clock,
) -> Parts:
    """The chain over a resource core.

    Args:
        client: the API server's own, over this very chain.
        slis: where health checks are counted.
        url: under which others reach this server.
    Raises:
        StartFailure: a file that the options name cannot be used.
    """
    signer = TokenSigner(
        issuer=options.service_account_issuer,
        signing_key_file=options.service_account_signing_key_file or pki.service_account_key_file,
        public_key_files=options.service_account_key_files,
        now=clock.now,
    )
    if options.service_account_signing_key_file or options.service_account_key_files:
        signer.check()
    tokens = authentication.read_token_file(options.token_auth_file) if options.token_auth_file else {}
    audiences = options.audiences
    accounts = AccountTokens(client, signer, audiences=audiences, monotonic=clock.monotonic, now=clock.now)
    registry = resources.core.kinds
    instruments = resources.core.instruments
    in_flight = InFlight(reading=options.max_requests_inflight, mutating=options.max_mutating_requests_inflight)
    store = resources.core.store
    stored = StoredMetrics(instruments, store, registry, sizes=lambda: _database_sizes(store))
    engine = StoreMetrics(instruments, store)
    gauges = ServerMetrics(instruments, in_flight)

    def credentials() -> Credentials:
        own = access.KUBELET_CLIENT
        return pki.client(own.name, user=own.user, groups=own.groups)

    streams = Streams(
        client,
        resources.core.admission,
        credentials=credentials,
        authority=options.kubelet_certificate_authority,
        rng=random.Random(),
    )
    router = Router(
        resources=resources,
        streams=streams,
        reviews=Reviews(authorizer, tokens=tokens, accounts=accounts, audiences=audiences),
        token_requests=TokenRequests(client, signer, resources.core.admission, audiences=audiences, now=clock.now),
        signer=signer,
        discovery=Discovery(registry, server_address=url.removeprefix("https://"), directory=aggregator.directory),
        openapi=OpenApi(registry),
        health=health,
        aggregator=aggregator,
        metrics=MetricsEndpoint(instruments, slis, refresh=(stored.refresh, engine.refresh, gauges.refresh)),
        jwks_uri=f"{url}/openid/v1/jwks",
    )
    auditor, auditing = _audit(options, instruments, clock)
    access_metrics = AccessMetrics(instruments)
    observer = Observer(RequestMetrics(instruments, router.knows, router.warns), access_metrics, auditor)
    deadlines = Deadlines(options.request_timeout_s)
    chain = Chain(
        authenticator=Authenticator(tokens=tokens, accounts=accounts, anonymous=options.anonymous_auth),
        authorizer=authorizer,
        in_flight=in_flight,
        router=router,
        deadlines=deadlines,
        observer=observer,
    )
    return Parts(chain, streams, deadlines, auditing, access_metrics)


def _audit(options: Options, instruments: Instruments, clock: Clock) -> tuple[Auditor | None, Backend | None]:
    """Who follows requests, and who writes what it says; nobody when no policy is given. Raises StartFailure."""
    if options.audit_policy_file is None:
        return None, None
    from hyperpy.components.apiserver.audit import policy_file  # pydantic, only where it is needed
    from hyperpy.components.apiserver.audit.auditor import Auditor
    from hyperpy.components.apiserver.audit.backend import BLOCKING_MODE, Backend
    from hyperpy.components.apiserver.audit.log_file import DEFAULT_BYTES, MIB, LogFile

    sink = LogFile(
        options.audit_log_path,
        max_bytes=options.audit_log_max_mib * MIB or DEFAULT_BYTES,
        max_backups=options.audit_log_max_backups,
        max_age_days=options.audit_log_max_age_days,
        now=clock.now,
    )
    backend = Backend(sink, instruments, blocking=options.audit_log_mode == BLOCKING_MODE)
    return Auditor(policy_file.read(options.audit_policy_file), backend, instruments, now=clock.now), backend


async def _database_sizes(store: Store) -> Sequence[int | None]:
    """Bytes that the store takes on disk, on each server that has it; None where one cannot tell now."""
    if isinstance(store, Replicated):
        return await store.sizes()
    return [await _database_size(store)]


async def _database_size(store: Store) -> int | None:
    try:
        if isinstance(store, Measured):
            return await store.size_bytes()
        if isinstance(store, Observed) and (file := (await store.figures()).file) is not None:
            return file.file_bytes + file.wal_bytes
    except StoreError:
        pass
    return None
