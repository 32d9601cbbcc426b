"""Which part answers a request that may pass: a path that is no resource, a stream, a token, a review, or the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from hyperpy.api import errors
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.aggregation.aggregator import Aggregator
from hyperpy.components.apiserver.authn.tokens import TokenSigner
from hyperpy.components.apiserver.documents.discovery import Discovery
from hyperpy.components.apiserver.documents.openapi import OpenApi
from hyperpy.components.apiserver.health import Health
from hyperpy.components.apiserver.metrics.endpoint import PATHS, MetricsEndpoint
from hyperpy.components.apiserver.reviews import Reviews
from hyperpy.components.apiserver.streams.routes import Streams
from hyperpy.components.apiserver.token_request import TokenRequests

_JWKS = "/openid/v1/jwks"
_ISSUER = "/.well-known/openid-configuration"
#: What is always there, besides health, metrics and groups.
_ROOT_PATHS = (_ISSUER, "/api", "/apis", "/apis/", "/openapi/v2", "/openapi/v3", "/openapi/v3/", _JWKS)
_NO_METHOD = "the server does not allow this method on the requested resource"


class ResourceHandler(Protocol):
    """The core: stored objects."""

    async def __call__(self, request: Request, info: RequestInfo) -> Response: ...

    def knows(self, info: RequestInfo) -> bool: ...

    def warns(self, info: RequestInfo) -> bool: ...


@dataclass(slots=True)
class NetworkRequest(Request):
    """A request whose body is still in the socket: it is read once the request may pass, and not at all by a proxy.

    Args:
        peer: the client's address.
        raw_uri: path and query as they were sent.
    """

    read_body: Callable[[], Awaitable[bytes]] | None = None
    peer: str = ""
    raw_uri: str = ""

    def uri(self) -> str:
        """The path and query as the client sent them."""
        return self.raw_uri or Request.uri(self)


class Router:
    """Hands requests on. Raises StatusError for paths that do not exist, and whatever the parts raise."""

    def __init__(
        self,
        *,
        resources: ResourceHandler,
        streams: Streams,
        reviews: Reviews,
        token_requests: TokenRequests,
        signer: TokenSigner,
        discovery: Discovery,
        openapi: OpenApi,
        health: Health,
        metrics: MetricsEndpoint,
        aggregator: Aggregator,
        jwks_uri: str,
    ) -> None:
        self._resources = resources
        self._streams = streams
        self._reviews = reviews
        self._token_requests = token_requests
        self._signer = signer
        self._discovery = discovery
        self._openapi = openapi
        self._health = health
        self._metrics = metrics
        self._aggregator = aggregator
        self._remotes = aggregator.directory.remotes
        self._jwks_uri = jwks_uri

    async def resource(self, request: Request, info: RequestInfo) -> Response:
        """Answer a request for a resource."""
        subresource = info.subresource
        if self._remotes and (service := self._remotes.get((info.group, info.version))) is not None:
            return await self._remote(request, service)
        if subresource and not info.group:
            stream = self._streams.find(info.resource, subresource)
            if stream is not None:
                return await stream(request, namespace=info.namespace, name=info.name)
        if isinstance(request, NetworkRequest) and request.read_body is not None:
            request.body = await request.read_body()
        if request.method == "HEAD":
            raise errors.MethodNotAllowed(_NO_METHOD)  # as in Kubernetes: objects are not asked for their headers
        if subresource == "token" and info.resource == "serviceaccounts" and not info.group:
            if request.method != "POST":
                raise errors.MethodNotAllowed(_NO_METHOD)
            return await self._token_requests.create(request, namespace=info.namespace, name=info.name)
        if self._reviews.is_review(info.group, info.resource):
            return await self._reviews.create(
                request, group=info.group, resource=info.resource, namespace=info.namespace
            )
        return await self._resources(request, info)

    async def path(self, request: Request) -> Response:
        """Answer a request for a path that is no resource."""
        answer = (
            await self._health.answer(request)
            or await self._metrics.answer(request)
            or await self._elsewhere(request)
            or self._discovery.answer(request)
            or self._openapi.answer(request)
            or self._issuer(request)
        )
        if answer is None:
            raise errors.NotFound("the server could not find the requested resource")
        return await self._aggregator.openapi.merged(request, answer) if self._remotes else answer

    async def _elsewhere(self, request: Request) -> Response | None:
        """The answer of another server to a request for a path of its own; None when there is none."""
        if not self._remotes:
            return None
        root, *place = request.path.strip("/").split("/")
        if root == "api":
            place = ["", *place]
        if root in ("api", "apis") and len(place) == 2:
            service = self._remotes.get((place[0], place[1]))
            if service is not None:
                return await self._remote(request, service)
        return await self._aggregator.openapi.document(request)

    async def _remote(self, request: Request, service: dict[str, Any]) -> Response:
        if isinstance(request, NetworkRequest) and request.read_body is not None:
            request.body = await request.read_body()
        return await self._aggregator.answer(request, service)

    def knows(self, info: RequestInfo) -> bool:
        """Whether there is such a resource, or such a path of the server itself."""
        if info.is_resource:
            return self._resources.knows(info) or (info.group, info.version) in self._remotes
        return info.path in self._paths()

    def warns(self, info: RequestInfo) -> bool:
        """Whether clients of a resource are told to leave it."""
        return info.is_resource and self._resources.warns(info)

    def _paths(self) -> list[str]:
        return sorted({*_ROOT_PATHS, *self._health.paths, *PATHS, *self._discovery.paths()})

    def _issuer(self, request: Request) -> Response | None:
        if request.path == _ISSUER:
            return Response(200, orjson.dumps(self._signer.discovery(jwks_uri=self._jwks_uri)))
        if request.path == _JWKS:
            return Response(200, orjson.dumps(self._signer.jwks()), "application/jwk-set+json")
        if request.path == "/":
            return Response(200, orjson.dumps({"paths": self._paths()}, option=orjson.OPT_INDENT_2))
        return None
