"""Puts the parts of the handler chain together, by the options."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver import access, authentication
from hyperpy.components.apiserver.authentication import AccountTokens, Authenticator
from hyperpy.components.apiserver.authorization import AlwaysAllow, Authorizer, RbacAuthorizer
from hyperpy.components.apiserver.chain import Chain
from hyperpy.components.apiserver.discovery import Discovery
from hyperpy.components.apiserver.health import Health
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.apiserver.openapi import OpenApi
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.pki import Credentials, Pki
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.components.apiserver.reviews import Reviews
from hyperpy.components.apiserver.routing import Router
from hyperpy.components.apiserver.streams.routes import Streams
from hyperpy.components.apiserver.token_request import TokenRequests
from hyperpy.components.apiserver.tokens import TokenSigner


@dataclass(frozen=True, slots=True)
class Parts:
    """The chain, and what must be closed after it."""

    chain: Chain
    streams: Streams


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
    url: str,
    clock: Clock,
) -> Parts:
    """The chain over a resource core.

    Args:
        client: the API server's own, over this very chain.
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

    def credentials() -> Credentials:
        own = access.KUBELET_CLIENT
        return pki.client(own.name, user=own.user, groups=own.groups)

    streams = Streams(
        client, credentials=credentials, authority=options.kubelet_certificate_authority, rng=random.Random()
    )
    router = Router(
        resources=resources,
        streams=streams,
        reviews=Reviews(authorizer, tokens=tokens, accounts=accounts, audiences=audiences),
        token_requests=TokenRequests(client, signer, audiences=audiences, now=clock.now),
        signer=signer,
        discovery=Discovery(registry, server_address=url.removeprefix("https://")),
        openapi=OpenApi(registry),
        health=health,
        jwks_uri=f"{url}/openid/v1/jwks",
    )
    chain = Chain(
        authenticator=Authenticator(tokens=tokens, accounts=accounts, anonymous=options.anonymous_auth),
        authorizer=authorizer,
        in_flight=InFlight(reading=options.max_requests_inflight, mutating=options.max_mutating_requests_inflight),
        router=router,
    )
    return Parts(chain, streams)
