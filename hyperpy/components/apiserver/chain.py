"""The way of a request: authentication → impersonation → max-in-flight → authorization → routing, and errors → Status.

From the network a request goes the whole way. A client in the same process comes in at authorization, with its user.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import orjson

from hyperpy.api import errors, paths
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver import authentication, authorization, impersonation
from hyperpy.components.apiserver.authentication import Authenticator
from hyperpy.components.apiserver.authorization import MASTERS, Authorizer
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.apiserver.rbac import Attributes
from hyperpy.components.apiserver.routing import Router

log = logging.getLogger(__name__)

_STREAMS = frozenset(("attach", "exec", "log", "portforward", "proxy"))


class Chain:
    """The handler chain of one API server."""

    def __init__(
        self, *, authenticator: Authenticator, authorizer: Authorizer, in_flight: InFlight, router: Router
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._in_flight = in_flight
        self._router = router

    async def from_network(
        self, request: Request, *, certificate_user: UserInfo | None, headers: Iterable[tuple[str, str]]
    ) -> Response:
        """Answer a request from a socket; never raises anything but cancellation.

        Args:
            certificate_user: whom the client certificate of the connection names.
            headers: every header, repeated ones too.
        """
        try:
            user = await self._authenticator.user(request, certificate_user)
            if any(header in request.headers for header in impersonation.HEADERS):
                user = impersonation.user(user, headers, self._authorizer) or user
            request.user = user
            info = _parse(request)
            if MASTERS in user.groups or _is_long(info):
                return await self._answer(request, user, info)
            with self._in_flight.one(info.verb):
                return await self._answer(request, user, info)
        except errors.StatusError as error:
            return failure(error)
        except Exception:
            return unexpected(request)

    async def handle(self, request: Request) -> Response:
        """Answer a request of a client in this process, whose `user` is set. Raises StatusError."""
        assert request.user is not None, "a client in this process sets the user"
        return await self._answer(request, request.user, _parse(request))

    async def _answer(self, request: Request, user: UserInfo, info: RequestInfo) -> Response:
        if MASTERS not in user.groups and not authentication.is_public(request.path):
            asked = _attributes(info)
            decision = self._authorizer.decide(user, asked)
            if not decision.allowed:
                raise authorization.forbidden(user, asked, decision)
        if info.is_resource:
            return await self._router.resource(request, info)
        return await self._router.path(request)


def _parse(request: Request) -> RequestInfo:
    try:
        return paths.parse(request.method, request.path, request.query)
    except ValueError as error:
        raise errors.BadRequest(str(error)) from error


def _is_long(info: RequestInfo) -> bool:
    return info.verb == "watch" or info.subresource in _STREAMS


def _attributes(info: RequestInfo) -> Attributes:
    if not info.is_resource:
        return Attributes(info.verb, path=info.path)
    return Attributes(info.verb, info.group, info.resource, info.subresource, info.namespace, info.name)


def failure(error: errors.StatusError) -> Response:
    """The answer that a StatusError stands for."""
    headers = {"X-Content-Type-Options": "nosniff"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(error.code, orjson.dumps(error.status()), headers=headers)


def unexpected(request: Request) -> Response:
    """The answer to a request whose handling broke: the trace goes to the log, not to the client."""
    log.exception("%s %s: the handler failed", request.method, request.path)
    return failure(
        errors.InternalError("Internal error occurred: the request could not be handled; see the server's log")
    )
